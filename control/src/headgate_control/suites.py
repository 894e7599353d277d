"""The test suites of the repository: one a project with a `tests` folder, and the root's, which cross projects.

A library's suite runs in its own environment and in that of every team that uses it: teams may be on other versions of
what it builds on.

What belongs here: which suites there are, running one, counting what came of it. What does not: parts of suites that
run side by side (`suite_parts`), how it looks to a person (`commands.test`).
"""

import signal
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control.environments import environment_python
from headgate_control.foreground import INTERRUPTED, run_in_foreground
from headgate_control.processes import TEST_RUN, end_processes, find_of_test_run
from headgate_control.projects import Project, find_projects
from headgate_control.provision import base_variables

TIERS = {
    "pure": "not services and not e2e",
    "services": "services and not e2e",
    "e2e": "e2e",
}
"""A tier and the marker expression that selects it: a test without a marker is pure."""

ROOT_SUITE = "tests"
_PYTEST_INTERRUPTED = 2
_PYTEST_NOTHING_COLLECTED = 5
_GRACE_S = 60.0
"""Time for the fixtures to stop what they started."""

Run = Callable[[Sequence[str], Mapping[str, str], Path], int]
"""Runs a command with these variables in a folder, and returns its exit code."""


class SuiteError(HeadgateError):
    """A path that belongs to no suite, or a tier that does not exist."""


@dataclass(frozen=True)
class Suite:
    """Tests that run in one environment.

    Args:
        name: the project's place, or `tests` for the root's suite; `libs/x@ml` for those of libs/x in the environment of ml.
        folder: where pytest is started.
        environment: name of the environment it runs in.
        targets: what of the folder is to run: files, folders, test ids.
        ignored: what of the targets is not.
        part: which part of the suite this is; empty for the whole.
    """

    name: str
    folder: Path
    environment: str
    targets: tuple[str, ...] = ("tests",)
    ignored: tuple[str, ...] = ()
    part: str = ""

    @property
    def project(self) -> str:
        """Name of the project whose tests these are; `tests` for the root's."""
        return self.name.partition("@")[0].rpartition("/")[2]


@dataclass(frozen=True)
class Outcome:
    """What came of a suite. `problem` is set when pytest itself did not get to its end."""

    suite: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    errors: int = 0
    seconds: float = 0.0
    problem: str = ""
    was_interrupted: bool = field(default=False)

    @property
    def is_good(self) -> bool:
        return not (self.failed or self.errors or self.was_interrupted)


def find_suites(root: Path) -> list[Suite]:
    """Every project's suite, a library's also for each team that uses it, then the root's.

    A new team's tests, and those of the libraries it lists, run the day its folder is there.
    """
    projects = find_projects(root)
    suites: list[Suite] = []
    for project in projects:
        if (project.folder / "tests").is_dir():
            suites += [_suite_of(project), *_suites_of_users(project, projects)]
    if (root / "tests").is_dir():
        suites.append(Suite(name=ROOT_SUITE, folder=root, environment="control"))
    return suites


def _suite_of(project: Project) -> Suite:
    return Suite(name=project.place, folder=project.folder, environment=project.name)


def _suites_of_users(library: Project, projects: Iterable[Project]) -> list[Suite]:
    users = [one for one in projects if library.tested_by_users and one.is_team and library.folder in one.internal]
    return [Suite(name=f"{library.place}@{user.name}", folder=library.folder, environment=user.name) for user in users]


def choose_suites(root: Path, paths: Iterable[str], *, here: Path) -> list[Suite]:
    """The suites that hold what a person named: a project, a folder, a file, a test id. All when nothing is named.

    What is a library's is chosen in every environment that its suite runs in; `libs/x@ml` names one of them.

    Raises:
        SuiteError: a path that does not exist, or that no suite holds.
    """
    suites = find_suites(root)
    chosen: dict[str, list[str]] = {}
    for text in paths:
        name, _, test = text.partition("::")
        named = [suite for suite in suites if name.rstrip("/") in (suite.name, suite.project)]
        path = next((base / name for base in (here, root) if (base / name).exists()), None)
        if path is not None:
            path = path.resolve()
            # The nearest one: the root's folder is above every project's.
            holding = [suite for suite in suites if _holds(suite, path)]
            if holding:
                folder = max((suite.folder for suite in holding), key=lambda one: len(one.parts))
                target = "tests" if path == folder.resolve() else str(path.relative_to(folder.resolve()))
                named = [suite for suite in holding if suite.folder == folder]
                for suite in named:
                    chosen.setdefault(suite.name, []).append(f"{target}::{test}" if test else target)
                continue
        if not named:
            raise SuiteError(
                f"no suite holds {text!r}",
                where=str(root),
                next_step=f"name a test file or one of {', '.join(suite.name for suite in suites)}",
            )
        for suite in named:
            chosen.setdefault(suite.name, []).append("tests")
    if not chosen:
        return suites
    return [
        Suite(name=suite.name, folder=suite.folder, environment=suite.environment, targets=tuple(chosen[suite.name]))
        for suite in suites
        if suite.name in chosen
    ]


def _holds(suite: Suite, path: Path) -> bool:
    folder = suite.folder.resolve()
    return path == folder or path.is_relative_to(folder / "tests")


def tier_expression(tiers: Iterable[str]) -> str:
    """pytest's marker expression for tiers; empty for all of them."""
    tiers = list(tiers)
    for tier in tiers:
        if tier not in TIERS:
            raise SuiteError(f"there is no tier {tier!r}", where="--tier", next_step=f"choose from {', '.join(TIERS)}")
    return " or ".join(f"({TIERS[tier]})" for tier in tiers)


def run_to_terminal(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
    """Run pytest, its output going to the terminal. It is ended as by Ctrl-C: told otherwise, it would clean up nothing."""
    return run_in_foreground(command, environment=environment, folder=folder, end_by=signal.SIGINT, grace_s=_GRACE_S)


def run_suite(
    settings: Settings,
    suite: Suite,
    *,
    tiers: Iterable[str] = (),
    extra: Sequence[str] = (),
    run: Run = run_to_terminal,
) -> Outcome:
    """Run one suite, or a part of one, by pytest in its own environment.

    A test gets this process's harmless variables, HEADGATE_ROOT, and HEADGATE_TEST_HOME: the state folder whose
    environments it may use. It gets no HEADGATE_HOME: nothing that a test starts may touch the one in use.

    Whatever it started ends with it: a suite that was killed stopped nothing itself.
    """
    expression = tier_expression(tiers)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="headgate-test-") as folder:
        report = Path(folder) / "junit.xml"
        command = [
            str(environment_python(settings, suite.environment)),
            *("-m", "pytest", *suite.targets, *(f"--ignore={place}" for place in suite.ignored)),
            *("--config-file", str(settings.root / "pyproject.toml")),
            *("--rootdir", str(settings.root)),
            f"--junit-xml={report}",
            # pytest's own place is shared by all its runs on the machine, and each one closes it to other users again:
            # PostgreSQL, which root runs as another user, would lose its data under its feet.
            f"--basetemp={Path(folder) / 'tests'}",
            *(("-m", expression) if expression else ()),
            *extra,
        ]
        environment = {
            **base_variables(),
            "HEADGATE_ROOT": str(settings.root),
            "HEADGATE_TEST_HOME": str(settings.state_folder),
            TEST_RUN: Path(folder).name,
        }
        try:
            code = run(command, environment, suite.folder)
        finally:
            end_processes(find_of_test_run(Path(folder).name))
        return _count(suite.name, report, code, time.monotonic() - began)


def _count(suite: str, report: Path, code: int, seconds: float) -> Outcome:
    counts = {"passed": 0, "failure": 0, "error": 0, "skipped": 0}
    problem = ""
    try:
        cases = ElementTree.parse(report).getroot().iter("testcase")
        for case in cases:
            kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
            for kind in kinds or {"passed"}:
                counts[kind] += 1
    except (OSError, ElementTree.ParseError):
        problem = f"pytest ended with exit code {code} before it could report"
    if code not in (0, 1, _PYTEST_NOTHING_COLLECTED) and not problem:
        problem = f"pytest ended with exit code {code}"
    explained = code in (0, _PYTEST_NOTHING_COLLECTED) or counts["failure"] or counts["error"]
    return Outcome(
        suite=suite,
        passed=counts["passed"],
        failed=counts["failure"],
        skipped=counts["skipped"],
        errors=counts["error"] + (0 if explained else 1),
        seconds=seconds,
        problem=problem,
        was_interrupted=code in (_PYTEST_INTERRUPTED, INTERRUPTED) and not counts["error"],
    )


def closing_line(outcomes: Sequence[Outcome], seconds: float, *, width: int = 80) -> str:
    """One line in pytest's own form that sums all suites: `==== 1 failed, 311 passed in 240.12s (0:04:00) ====`."""
    sums = {
        name: sum(getattr(outcome, name) for outcome in outcomes) for name in ("failed", "passed", "skipped", "errors")
    }
    parts = [f"{count} {name}" for name, count in sums.items() if count and name != "errors"]
    if sums["errors"]:
        parts.append(f"{sums['errors']} error{'s' if sums['errors'] > 1 else ''}")
    minutes, rest = divmod(int(seconds), 60)
    clock = f" ({minutes // 60}:{minutes % 60:02}:{rest:02})" if seconds >= 60 else ""
    text = f" {', '.join(parts) or 'no tests ran'} in {seconds:.2f}s{clock} "
    return text.center(width, "=")
