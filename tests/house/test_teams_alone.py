"""Every team's code loads by itself: without a network, a secret, a database or another team; the control plane has nothing of
what they are made of. Teams are found, so a new one is checked the day its folder is there."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import PROJECTS, project_python

from headgate_control.projects import Project

TEAMS = [project for project in PROJECTS if project.is_team]
[CONTROL] = [project for project in PROJECTS if project.place == "control"]

_OF_DAGSTER = {"alembic", "requests", "sqlalchemy"}
"""What Dagster itself is made of, and some team lists as well."""

LOAD = """
import importlib, socket, sys

def refuse(*arguments):
    raise AssertionError("a connection was tried while the code loads")

socket.socket.connect = refuse
definitions = importlib.import_module(sys.argv[1] + ".definitions")
print(definitions.__file__, len(list(definitions.defs.resolve_all_asset_specs())))
"""


@pytest.mark.services
@pytest.mark.parametrize("team", TEAMS, ids=lambda team: team.name)
def test_a_team_loads_with_nobody_and_nothing_beside_it(team: Project, tmp_path: Path) -> None:
    """A copy of its folder, nothing else of the repository but the libraries, no variable but where it may write."""
    root = tmp_path / "repository"
    copied = root / "teams" / team.name
    shutil.copytree(team.folder, copied, ignore=shutil.ignore_patterns("__pycache__", ".*", "tests"))
    (root / "headgate").touch()
    loaded = subprocess.run(
        [*_without_network(), project_python(team), "-c", LOAD, team.package],
        cwd=root,
        env={"HEADGATE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(copied / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    place, assets = loaded.stdout.rsplit(maxsplit=1)
    assert Path(place).is_relative_to(copied), "the copy was to be loaded"
    assert int(assets) > 0


def test_the_control_plane_depends_on_nothing_of_a_team() -> None:
    """What the teams list, themselves and by their internal packages, without what the control plane lists too."""
    own = _listed(CONTROL.folder, {"test"}) | _OF_DAGSTER
    of_teams = set().union(*(_listed(team.folder, set()) for team in TEAMS)) - own
    assert {"pandas", "plotly", "scikit-learn", "ibis-framework", "dbt-core", "dlt"} <= of_teams
    locked = re.findall(r"^([A-Za-z0-9._-]+)==", CONTROL.lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(locked) > 50
    assert of_teams & {canonicalize_name(name) for name in locked} == set()


def _listed(folder: Path, extras: set[str]) -> set[str]:
    """Packages from an index that a project lists: its own, and those of the internal packages with the extras it asks for."""
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    internal = {canonicalize_name(one.package): one.folder for one in PROJECTS}
    found: set[str] = set()
    for text in [*project.get("dependencies", []), *(text for extra in extras for text in optional.get(extra, []))]:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        inner = internal.get(name)
        found |= {name} if inner is None else _listed(inner, requirement.extras)
    return found


def _without_network() -> list[str]:
    """A network of its own without a way out, where the system grants one; else refused connections must do."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
        ):
            return command
    return []
