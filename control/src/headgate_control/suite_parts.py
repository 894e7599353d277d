"""Parts of test suites: what runs side by side with the rest, and what came of it all, put together again.

What belongs here: how a suite is cut, in which order parts begin, how many run at once. What does not: running one
(`suites`), ending them (`side_by_side`).
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from headgate_control.suites import ROOT_SUITE, Outcome, Suite

_MOST_AT_ONCE = 4
"""Each part may have servers and a browser of its own: a gigabyte and more."""

_CUT_ABOVE = 16
"""Files of tests; a smaller suite would pay more for starting twice than it could win."""

_PART_FROM = 4


def choose_jobs() -> int:
    """How many parts run at once when nobody says: as many as this process may use cores."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_AT_ONCE)


def cut(suites: Iterable[Suite]) -> list[Suite]:
    """The parts of suites in the order in which they are to begin.

    The root's tests build whole installations and take longest, so they begin; then what has most files, so that the
    last ones are short and no core waits for another.
    """
    parts = [part for suite in suites for part in _cut(suite)]
    return sorted(parts, key=lambda part: (part.name != ROOT_SUITE, -_count_files(part)))


def _cut(suite: Suite) -> list[Suite]:
    """The larger folders of a large suite, each with its fixtures, and the rest; nothing named by a person is cut."""
    tests = suite.folder / "tests"
    if suite.targets != ("tests",) or len(_files(tests)) <= _CUT_ABOVE:
        return [suite]
    folders = [folder.name for folder in sorted(tests.iterdir()) if len(_files(folder)) >= _PART_FROM]
    parts = [replace(suite, targets=(f"tests/{name}",), part=name) for name in folders]
    rest = replace(suite, ignored=tuple(f"tests/{name}" for name in folders), part="rest")
    return [*parts, rest] if _count_files(rest) else parts


def _count_files(part: Suite) -> int:
    files = {file for target in part.targets for file in _files(part.folder / target.partition("::")[0])}
    return len(files - {file for place in part.ignored for file in _files(part.folder / place)})


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
