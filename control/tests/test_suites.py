"""`headgate test` over a small repository: every suite runs, all are counted, the last line sums them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from headgate.environment import Settings
from headgate_control import suite_parts
from headgate_control.environments import require_environments
from headgate_control.projects import find_projects
from headgate_control.suite_parts import choose_jobs, cut, merge
from headgate_control.suites import (
    Outcome,
    Suite,
    SuiteError,
    choose_suites,
    closing_line,
    find_suites,
    run_suite,
    tier_expression,
)

BUILD = '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'


def write_suite(root: Path, place: str, code: str) -> None:
    folder = root / place
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_it.py").write_text(code)
    if place != ".":
        (folder / "src" / folder.name).mkdir(parents=True)
        (folder / "src" / folder.name / "__init__.py").write_text("")
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{folder.name}"\nversion = "1"\n{BUILD}')
        (folder / "requirements.lock").write_text("")


GROWERS = "def test_good():\n    pass\n\ndef test_bad():\n    assert 1 == 2\n"
MILLERS = "import pytest\n\n@pytest.mark.services\ndef test_good():\n    pass\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "repository")


def write_repository(root: Path) -> Path:
    write_suite(root, "teams/growers", GROWERS)
    write_suite(root, "teams/millers", MILLERS)
    write_suite(root, ".", "def test_across():\n    pass\n")
    (root / "teams" / "untested").mkdir()
    (root / "teams" / "untested" / "pyproject.toml").write_text('[project]\nname = "untested"\n')
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = ["--strict-markers"]\nmarkers = ["services: x", "e2e: x"]\n'
    )
    (root / "headgate").write_text("")
    return root


def test_suites_are_found_by_walking(root: Path) -> None:
    found = [(suite.name, suite.environment) for suite in find_suites(root)]
    assert found == [("teams/growers", "growers"), ("teams/millers", "millers"), ("tests", "control")]


def write_library(root: Path, *, users: tuple[str, ...], extra: str = "") -> None:
    """An internal package that teams list."""
    write_suite(root, "libs/tools", "import tools\n\ndef test_tools():\n    assert tools.__file__\n")
    manifest = root / "libs" / "tools" / "pyproject.toml"
    manifest.write_text(manifest.read_text() + extra)
    for user in users:
        manifest = root / "teams" / user / "pyproject.toml"
        manifest.write_text(f'{manifest.read_text()}[tool.uv.sources]\ntools = {{ path = "../../libs/tools" }}\n')


def test_a_librarys_suite_runs_with_every_team_that_uses_it(root: Path) -> None:
    write_library(root, users=("growers",))
    found = {suite.name: suite.environment for suite in find_suites(root) if suite.project == "tools"}
    assert found == {"libs/tools": "tools", "libs/tools@growers": "growers"}
    assert {suite.folder for suite in find_suites(root) if suite.project == "tools"} == {root / "libs" / "tools"}


def test_a_library_can_be_tested_alone(root: Path) -> None:
    write_library(root, users=("growers",), extra="[tool.internal-package]\ntested-by-users = false\n")
    assert [suite.name for suite in find_suites(root) if suite.project == "tools"] == ["libs/tools"]


@pytest.mark.parametrize(
    ("path", "suites"),
    [
        ("libs/tools", ["libs/tools", "libs/tools@growers", "libs/tools@millers"]),
        ("tools", ["libs/tools", "libs/tools@growers", "libs/tools@millers"]),
        ("libs/tools/tests/test_it.py", ["libs/tools", "libs/tools@growers", "libs/tools@millers"]),
        ("libs/tools@millers", ["libs/tools@millers"]),
        ("growers", ["teams/growers"]),
    ],
)
def test_what_is_a_librarys_is_chosen_everywhere(root: Path, path: str, suites: list[str]) -> None:
    write_library(root, users=("growers", "millers"))
    assert [suite.name for suite in choose_suites(root, [path], here=root)] == suites


@pytest.mark.parametrize(
    ("path", "suite", "target"),
    [
        ("growers", "teams/growers", "tests"),
        ("teams/growers", "teams/growers", "tests"),
        ("teams/growers/tests/test_it.py::test_good", "teams/growers", "tests/test_it.py::test_good"),
        ("tests", "tests", "tests"),
        ("tests/test_it.py", "tests", "tests/test_it.py"),
    ],
)
def test_a_path_names_a_suite(root: Path, path: str, suite: str, target: str) -> None:
    (chosen,) = choose_suites(root, [path], here=root)
    assert (chosen.name, chosen.targets) == (suite, (target,))


def test_a_path_is_taken_from_where_one_stands(root: Path) -> None:
    (chosen,) = choose_suites(root, ["tests"], here=root / "teams" / "millers")
    assert chosen.name == "teams/millers"


@pytest.mark.parametrize("path", ["nowhere", "teams/growers/src", "teams"])
def test_a_path_that_no_suite_holds(root: Path, path: str) -> None:
    with pytest.raises(SuiteError, match=re.escape(f"no suite holds {path!r}")):
        choose_suites(root, [path], here=root)


def write_tests(root: Path, numbers: dict[str, int]) -> Suite:
    """A suite with so many files in each folder of its tests."""
    for place, number in numbers.items():
        (root / "tests" / place).mkdir(parents=True, exist_ok=True)
        for one in range(number):
            (root / "tests" / place / f"test_{one}.py").touch()
    return Suite(name=root.name, folder=root, environment=root.name)


def test_a_large_suite_is_cut_into_its_folders_and_the_rest(tmp_path: Path) -> None:
    large = write_tests(tmp_path / "large", {"lake": 8, "lake/dbt": 1, "quality": 3, "empty": 0, ".": 7})
    small = write_tests(tmp_path / "small", {"lake": 8, ".": 8})
    assert [(part.name, part.part, part.targets, part.ignored) for part in cut([small, large])] == [
        ("small", "", ("tests",), ()),
        ("large", "rest", ("tests",), ("tests/lake",)),
        ("large", "lake", ("tests/lake",), ()),
    ]


def test_a_folder_of_folders_is_cut_into_them(tmp_path: Path) -> None:
    large = write_tests(tmp_path / "large", {"e2e/teams": 3, "e2e/workshop": 1, "e2e/nothing": 0, "house": 20})
    assert [part.targets for part in cut([large])] == [
        ("tests/house",),
        ("tests/e2e/teams",),
        ("tests/e2e/workshop",),
    ]


def test_what_a_person_names_is_not_cut(tmp_path: Path) -> None:
    large = write_tests(tmp_path / "large", {"lake": 20, "quality": 20})
    assert [part.part for part in cut([large])] == ["lake", "quality"]
    named = Suite(large.name, large.folder, large.environment, targets=("tests/lake", "tests/quality/test_1.py"))
    assert cut([named]) == [named]


def test_the_roots_tests_begin_then_what_starts_servers_and_the_shortest_are_last(tmp_path: Path) -> None:
    numbers = (("a", 1), ("b", 3), ("c", 2), ("tests", 2))
    suites = [write_tests(tmp_path / name, {".": number}) for name, number in numbers]
    (tmp_path / "c" / "tests" / "test_0.py").write_text("@pytest.mark.services\ndef test_server(): ...\n")
    assert [part.name for part in cut(suites)] == ["tests", "c", "b", "a"]


@pytest.mark.parametrize(("cores", "free_gib", "jobs"), [(1, 64, 2), (2, 64, 3), (16, 64, 4), (2, 4, 2), (2, 0.5, 1)])
def test_one_part_more_than_cores_runs_at_once_where_memory_allows(
    monkeypatch: pytest.MonkeyPatch, cores: int, free_gib: float, jobs: int
) -> None:
    monkeypatch.setattr(suite_parts.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(suite_parts.psutil, "virtual_memory", lambda: SimpleNamespace(available=int(free_gib * 2**30)))
    assert choose_jobs() == jobs


def test_parts_are_one_suite_again(tmp_path: Path) -> None:
    suites = [Suite(name, tmp_path, name) for name in ("a", "b", "never begun")]
    outcomes = [
        Outcome("b", passed=2, skipped=1, seconds=2.0),
        Outcome("a", passed=1),
        Outcome("b", passed=3, failed=1, errors=1, seconds=3.0, problem="it broke", was_interrupted=True),
    ]
    assert merge(outcomes, suites) == [
        Outcome("a", passed=1),
        Outcome("b", 5, 1, 1, 1, seconds=5.0, problem="it broke", was_interrupted=True),
    ]


def test_tiers() -> None:
    assert tier_expression([]) == ""
    assert tier_expression(["pure", "e2e"]) == "(not services and not e2e) or (e2e)"
    with pytest.raises(SuiteError, match="there is no tier 'slow'"):
        tier_expression(["slow"])


@pytest.mark.parametrize(
    ("outcomes", "seconds", "text"),
    [
        ([Outcome("a", passed=300), Outcome("b", passed=12)], 240.123, " 312 passed in 240.12s (0:04:00) "),
        ([Outcome("a", passed=1, failed=2), Outcome("b", errors=1)], 1.0, " 2 failed, 1 passed, 1 error in 1.00s "),
        ([Outcome("a")], 0.5, " no tests ran in 0.50s "),
    ],
)
def test_closing_line(outcomes: list[Outcome], seconds: float, text: str) -> None:
    line = closing_line(outcomes, seconds)
    assert text in line and len(line) == 80 and line.startswith("===") and line.endswith("===")


def start_tests(root: Path, home: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "HEADGATE_ROOT": str(root), "HEADGATE_HOME": str(home)}
    command = [sys.executable, "-P", "-m", "headgate_control", "test", *arguments]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run_tests(root: Path, home: Path, *arguments: str) -> tuple[int, list[str]]:
    running = start_tests(root, home, *arguments)
    output, _ = running.communicate()
    return running.returncode, output.splitlines()


SECONDS = r"\d+\.\d\ds( \(\d+:\d\d:\d\d\))?"
"""A minute and more is told in minutes too."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A repository with a library, and the state folder with the environments of its projects."""
    folder = tmp_path_factory.mktemp("installed")
    root, home = write_repository(folder / "repository"), folder / "home"
    (home / "envs").mkdir(parents=True)
    (home / "envs" / "control").symlink_to(sys.prefix)
    (root / "teams" / "untested" / "pyproject.toml").unlink()
    write_library(root, users=("growers",))
    for project in find_projects(root):
        _give_pytest(project.lock)
    require_environments(Settings(root=root, home=home), find_projects(root), quiet=True)
    return root, home


@pytest.mark.services
def test_every_suite_runs_and_the_last_line_sums_them(installed: tuple[Path, Path]) -> None:
    root, home = installed
    code, lines = run_tests(root, home, "--jobs", "2")
    assert code == 1
    assert [line.split(" in ")[0] for line in lines[-6:-1]] == [
        "ok    libs/tools               1 passed",
        "ok    libs/tools@growers       1 passed",
        "FAIL  teams/growers            1 passed, 1 failed",
        "ok    teams/millers            1 passed",
        "ok    tests                    1 passed",
    ]
    assert re.fullmatch(rf"=+ 1 failed, 5 passed in {SECONDS} =+", lines[-1])
    # A line when each begins and one when it ends; of those that are good nothing else, and what failed in one piece.
    assert len([line for line in lines if line.startswith("run   ")]) == 5
    assert [line.strip("# ") for line in lines if line.startswith("####")] == ["teams/growers"]
    begin, end = (next(n for n, line in enumerate(lines) if word in line) for word in ("# teams/growers #", "FAIL  "))
    block = lines[begin:end]
    assert any("test session starts" in line for line in block) and "E       assert 1 == 2" in block
    assert not [line for line in block if line.startswith(("run", "ok"))]

    code, lines = run_tests(root, home, "--jobs", "1", "--tier", "services")
    assert code == 0
    assert re.fullmatch(rf"=+ 1 passed in {SECONDS} =+", lines[-1])
    assert len([line for line in lines if line.startswith("####")]) == 5

    code, lines = run_tests(root, home, "growers", "--", "-k", "good", "-q")
    assert code == 0
    assert re.fullmatch(rf"=+ 1 passed in {SECONDS} =+", lines[-1])

    (root / "tests" / "test_it.py").write_text("import nowhere_to_be_found\n")
    code, lines = run_tests(root, home, "tests")
    assert code == 1
    assert re.fullmatch(rf"=+ 1 error in {SECONDS} =+", lines[-1])


WAITING = """
import os, pathlib, subprocess, time, pytest

@pytest.fixture
def server():
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield process
    time.sleep(1.5)
    process.kill()
    process.wait()
    pathlib.Path("ended").touch()

def test_waiting(server):
    time.sleep(0.3)
    pathlib.Path("waiting").touch()
    time.sleep(1000)
"""


SWALLOWING = """
import pathlib, time, pytest

@pytest.mark.parametrize("number", range(30))
def test_engine(number):
    pathlib.Path(f"waiting-{number}").touch()
    try:
        time.sleep(1000 if number == 0 else 1)
    except KeyboardInterrupt:
        if number == 0:
            raise RuntimeError("Query interrupted")
        raise
"""


@pytest.mark.services
def test_an_engine_that_keeps_the_interrupt_for_itself_is_interrupted_again(installed: tuple[Path, Path]) -> None:
    root, home = installed
    team = root / "teams" / "growers"
    (team / "tests" / "test_it.py").write_text(SWALLOWING)
    running = start_tests(root, home, "--jobs", "2", "growers", "libs/tools@growers")
    deadline = time.monotonic() + 300
    while not (team / "waiting-0").exists():
        assert time.monotonic() < deadline and running.poll() is None, running.communicate()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=300)
    assert running.returncode == 130, output
    assert not (team / "waiting-29").exists()


@pytest.mark.services
@pytest.mark.parametrize(
    ("jobs", "number", "code"), [(2, signal.SIGINT, 130), (2, signal.SIGTERM, 143), (1, signal.SIGTERM, 143)]
)
def test_what_runs_cleans_up_when_it_is_ended(installed: tuple[Path, Path], jobs: int, number: int, code: int) -> None:
    """The tests of two teams wait, each for a process of its own that only its fixture knows."""
    root, home = installed
    teams = [root / "teams" / name for name in ("growers", "millers")]
    for team in teams:
        (team / "tests" / "test_it.py").write_text(WAITING)
        for mark in ("waiting", "ended"):
            (team / mark).unlink(missing_ok=True)
    running = start_tests(root, home, "--jobs", str(jobs), "growers", "millers", "libs/tools@growers")
    deadline = time.monotonic() + 300
    # The library's suite is the first of three, and short.
    begun = teams[:jobs]
    while not all((team / "waiting").exists() for team in begun):
        assert time.monotonic() < deadline and running.poll() is None, running.communicate()
        time.sleep(0.05)
    running.send_signal(number)
    output, _ = running.communicate(timeout=300)
    assert running.returncode == code, output
    assert [team for team in teams if (team / "ended").exists()] == begun
    if number == signal.SIGINT:
        lines = output.splitlines()
        assert [line.split()[:2] for line in lines[-4:-1]] == [
            ["ok", "libs/tools@growers"],
            ["FAIL", "teams/growers"],
            ["FAIL", "teams/millers"],
        ]
        assert all(line.endswith("(pytest ended with exit code 2)") for line in lines[-3:-1])


LEAVING = """
import os, pathlib, subprocess, time

def test_leaving():
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    pathlib.Path("starting").write_text(str(process.pid))
    os.rename("starting", "started")
    time.sleep(1000)
"""


@pytest.mark.services
def test_what_a_killed_suite_started_ends_with_it(installed: tuple[Path, Path]) -> None:
    root, home = installed
    team = root / "teams" / "growers"
    (team / "tests" / "test_it.py").write_text(LEAVING)
    left: list[psutil.Process] = []

    def kill_half_way(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
        with subprocess.Popen(command, env=dict(environment), cwd=folder, stdout=subprocess.DEVNULL) as running:
            deadline = time.monotonic() + 60
            while not (team / "started").exists():
                assert time.monotonic() < deadline and running.poll() is None
                time.sleep(0.05)
            left.append(psutil.Process(int((team / "started").read_text())))
            running.kill()
        assert left[0].is_running()
        return running.returncode

    [suite] = choose_suites(root, ["growers"], here=root)
    outcome = run_suite(Settings(root=root, home=home), suite, run=kill_half_way)
    assert outcome.errors == 1
    assert not left[0].is_running() or left[0].status() == psutil.STATUS_ZOMBIE


def _give_pytest(lock: Path) -> None:
    """pytest and what it needs, pinned and hashed as the control plane's own lock has them."""
    text = (Path(__file__).parents[1] / "requirements.lock").read_text()
    wanted = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
    blocks = re.split(r"\n(?=\S)", text.strip())
    lock.write_text("\n".join(block for block in blocks if block.split("==")[0] in wanted) + "\n")
