"""`headgate test` over a small repository: every suite runs, all are counted, the last line sums them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.environment import Settings
from headgate_control.environments import require_environments
from headgate_control.projects import find_projects
from headgate_control.suites import Outcome, SuiteError, choose_suites, closing_line, find_suites, tier_expression

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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    write_suite(root, "teams/growers", "def test_good():\n    pass\n\ndef test_bad():\n    assert 1 == 2\n")
    write_suite(root, "teams/millers", "import pytest\n\n@pytest.mark.services\ndef test_good():\n    pass\n")
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


def run_tests(root: Path, home: Path, *arguments: str) -> tuple[int, list[str]]:
    environment = {**os.environ, "HEADGATE_ROOT": str(root), "HEADGATE_HOME": str(home)}
    command = [sys.executable, "-P", "-m", "headgate_control", "test", *arguments]
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return result.returncode, (result.stdout + result.stderr).splitlines()


@pytest.mark.services
def test_every_suite_runs_and_the_last_line_sums_them(root: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "envs").mkdir(parents=True)
    (home / "envs" / "control").symlink_to(sys.prefix)
    (root / "teams" / "untested" / "pyproject.toml").unlink()
    write_library(root, users=("growers",))
    settings = Settings(root=root, home=home)
    for project in find_projects(root):
        _give_pytest(project.lock)
    require_environments(settings, find_projects(root), quiet=True)

    code, lines = run_tests(root, home)
    assert code == 1
    assert any("teams/growers" in line and line.startswith("####") for line in lines)
    assert [line.split(" in ")[0] for line in lines[-6:-1]] == [
        "ok    libs/tools               1 passed",
        "ok    libs/tools@growers       1 passed",
        "FAIL  teams/growers            1 passed, 1 failed",
        "ok    teams/millers            1 passed",
        "ok    tests                    1 passed",
    ]
    assert re.fullmatch(r"=+ 1 failed, 5 passed in \d+\.\d\ds =+", lines[-1])

    code, lines = run_tests(root, home, "--tier", "services")
    assert code == 0
    assert re.fullmatch(r"=+ 1 passed in \d+\.\d\ds =+", lines[-1])

    code, lines = run_tests(root, home, "growers", "--", "-k", "good", "-q")
    assert code == 0
    assert re.fullmatch(r"=+ 1 passed in \d+\.\d\ds =+", lines[-1])

    (root / "tests" / "test_it.py").write_text("import nowhere_to_be_found\n")
    code, lines = run_tests(root, home, "tests")
    assert code == 1
    assert re.fullmatch(r"=+ 1 error in \d+\.\d\ds =+", lines[-1])


def _give_pytest(lock: Path) -> None:
    """pytest and what it needs, pinned and hashed as the control plane's own lock has them."""
    text = (Path(__file__).parents[1] / "requirements.lock").read_text()
    wanted = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
    blocks = re.split(r"\n(?=\S)", text.strip())
    lock.write_text("\n".join(block for block in blocks if block.split("==")[0] in wanted) + "\n")
