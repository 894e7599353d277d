"""Parts of test suites: what runs side by side with the rest, and what came of it all, put together again.

What belongs here: how a suite is cut, in which order parts begin, how many run at once. What does not: running one
(`suites`), ending them (`side_by_side`).
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from headgate_control.suites import ROOT_SUITE, Outcome, Suite

_MOST_AT_ONCE = 4
_PART_BYTES = 3 * 2**29
"""What a part may need of memory: it has servers of its own, or a browser."""

_CUT_ABOVE = 16
"""Files of tests; a smaller suite would pay more for starting twice than it could win."""

_PART_FROM = 4

_MARKS = ("mark.services", "mark.e2e")
"""Of the tiers whose tests start something: a file of these takes as long as dozens of others."""


def choose_jobs() -> int:
    """How many parts run at once when nobody says: one more than cores, as far as the memory that is free allows.

    Tests of servers wait most of the time: for a daemon's next look, for a start, for an end.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable + 1, psutil.virtual_memory().available // _PART_BYTES, _MOST_AT_ONCE))


def cut(suites: Iterable[Suite]) -> list[Suite]:
    """The parts of suites in the order in which they are to begin.

    The root's tests build whole installations and take longest, so they begin; then what has most files that start
    servers or browsers, then most files: the last ones are short, and no core waits for another.
    """
    parts = [part for suite in suites for part in _cut(suite)]
    return sorted(parts, key=lambda part: (part.name != ROOT_SUITE, *(-count for count in _weigh(part))))


def _cut(suite: Suite) -> list[Suite]:
    """The larger folders of a large suite, each with its fixtures, and the rest; nothing named by a person is cut."""
    tests = suite.folder / "tests"
    if suite.targets != ("tests",) or len(_files(tests)) <= _CUT_ABOVE:
        return [suite]
    names = [str(folder.relative_to(tests)) for folder in _large_folders(tests)]
    parts = [replace(suite, targets=(f"tests/{name}",), part=name) for name in names]
    rest = replace(suite, ignored=tuple(f"tests/{name}" for name in names), part="rest")
    return [*parts, rest] if _files_of(rest) else parts


def _large_folders(tests: Path) -> Iterator[Path]:
    """Folders with at least four files of tests; in place of one that has no test of its own, all of its folders."""
    for folder in sorted(tests.iterdir()):
        files = _files(folder) if folder.is_dir() else []
        if len(files) >= _PART_FROM:
            if any(file.parent == folder for file in files):
                yield folder
            else:
                yield from sorted({folder / file.relative_to(folder).parts[0] for file in files})


def _weigh(part: Suite) -> tuple[int, int]:
    """How many files a part has that start something, and how many at all."""
    files = _files_of(part)
    texts = [file.read_text(encoding="utf-8") for file in files]
    return sum(any(mark in text for mark in _MARKS) for text in texts), len(files)


def _files_of(part: Suite) -> set[Path]:
    files = {file for target in part.targets for file in _files(part.folder / target.partition("::")[0])}
    return files - {file for place in part.ignored for file in _files(part.folder / place)}


def _files(place: Path) -> list[Path]:
    """Files that pytest would collect, by their names."""
    if place.is_file():
        return [place]
    return [file for pattern in ("test_*.py", "*_test.py") for file in place.rglob(pattern)]


def merge(outcomes: Sequence[Outcome], suites: Iterable[Suite]) -> list[Outcome]:
    """One outcome for each suite of which anything has run; its seconds are those of all of its parts."""
    merged = []
    for suite in suites:
        if of_suite := [outcome for outcome in outcomes if outcome.suite == suite.name]:
            merged.append(
                Outcome(
                    suite=suite.name,
                    passed=sum(outcome.passed for outcome in of_suite),
                    failed=sum(outcome.failed for outcome in of_suite),
                    skipped=sum(outcome.skipped for outcome in of_suite),
                    errors=sum(outcome.errors for outcome in of_suite),
                    seconds=sum(outcome.seconds for outcome in of_suite),
                    problem="; ".join(outcome.problem for outcome in of_suite if outcome.problem),
                    was_interrupted=any(outcome.was_interrupted for outcome in of_suite),
                )
            )
    return merged
