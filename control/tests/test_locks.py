"""Locks: what may not stand in one, and whether one still fits its manifest."""

from pathlib import Path

import pytest

from headgate_control.locks import LockError, check_lock, find_unmet, renew_lock
from headgate_control.projects import ProjectError, choose_projects, find_projects

LOCKED = "packaging==24.2 \\\n    --hash=sha256:00\nrich==15.0.0 ; python_version < '4' \\\n    --hash=sha256:11\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A library and a team that uses it."""
    library, team = tmp_path / "libs" / "tools", tmp_path / "teams" / "growers"
    for folder in (library, team):
        folder.mkdir(parents=True)
    (library / "pyproject.toml").write_text(
        '[project]\nname = "tools"\nversion = "1.4"\ndependencies = ["packaging>=24"]\n'
        '[project.optional-dependencies]\nteam = ["rich>=13"]\n'
    )
    (team / "pyproject.toml").write_text(
        '[project]\nname = "growers"\ndependencies = ["tools[team]"]\n'
        '[tool.uv.sources]\ntools = { path = "../../libs/tools", editable = true }\n'
    )
    (team / "requirements.lock").write_text(LOCKED)
    (library / "requirements.lock").write_text(LOCKED)
    return tmp_path


def test_projects_are_found_with_their_internal_packages(root: Path) -> None:
    tools, growers = find_projects(root)
    assert (tools.name, tools.place, tools.internal) == ("tools", "libs/tools", ())
    assert (growers.name, growers.place, growers.internal) == ("growers", "teams/growers", (root / "libs" / "tools",))
    assert growers.is_team and not tools.is_team


def test_a_new_team_is_found(root: Path) -> None:
    (root / "teams" / "millers").mkdir()
    (root / "teams" / "millers" / "pyproject.toml").write_text('[project]\nname = "millers"\n')
    assert [project.name for project in find_projects(root)] == ["tools", "growers", "millers"]


def test_projects_are_chosen_by_name_or_place(root: Path) -> None:
    assert [project.name for project in choose_projects(root, ["growers"])] == ["growers"]
    assert [project.name for project in choose_projects(root, ["libs/tools", "teams/growers/"])] == ["tools", "growers"]
    with pytest.raises(ProjectError, match="there is no project 'millers'"):
        choose_projects(root, ["millers"])


def test_two_projects_of_one_name_are_refused(root: Path) -> None:
    (root / "libs" / "growers").mkdir()
    (root / "libs" / "growers" / "pyproject.toml").write_text('[project]\nname = "growers"\n')
    with pytest.raises(ProjectError, match="two projects are named 'growers'"):
        find_projects(root)


def test_an_internal_package_that_is_not_there_is_named(root: Path) -> None:
    (root / "libs" / "tools" / "pyproject.toml").unlink()
    with pytest.raises(ProjectError, match="growers lists an internal package that is not there") as caught:
        find_projects(root)
    assert caught.value.where == str(root / "teams" / "growers" / "pyproject.toml")


def test_a_lock_that_fits(root: Path) -> None:
    assert find_unmet(find_projects(root)[1]) == []


@pytest.mark.parametrize(
    ("changed", "unmet"),
    [("packaging>=25", ["packaging>=25"]), ("httpx", ["httpx"]), ("Packaging>=24", [])],
)
def test_a_manifest_changed_without_its_lock(root: Path, changed: str, unmet: list[str]) -> None:
    manifest = root / "libs" / "tools" / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace("packaging>=24", changed))
    assert find_unmet(find_projects(root)[1]) == unmet


@pytest.mark.parametrize(
    ("asked", "unmet"),
    [("tools[team]>=1,<2", []), ("tools[team]>=2", ["tools[team]>=2, which is 1.4 here"])],
)
def test_an_internal_package_is_taken_in_an_accepted_version_alone(root: Path, asked: str, unmet: list[str]) -> None:
    manifest = root / "teams" / "growers" / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace("tools[team]", asked))
    growers = find_projects(root)[1]
    assert find_unmet(growers) == unmet
    if unmet:
        with pytest.raises(LockError, match="here") as caught:
            renew_lock(growers)
        assert len(str(caught.value).splitlines()) == 3
        assert growers.lock.read_text() == LOCKED


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://mirror.example/simple",
        "--find-links /opt/wheels",
        "tools @ file:///home/somebody/tools",
        "./libs/tools",
        "-e ../../libs/tools",
        "rich==15.0.0 # from https://mirror.example",
    ],
)
def test_a_lock_names_no_address_and_no_path(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{LOCKED}{line}\n")
    with pytest.raises(LockError) as caught:
        check_lock(lock)
    assert caught.value.where == f"{lock}:5"
