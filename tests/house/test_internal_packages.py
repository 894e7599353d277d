"""Internal packages reach the projects that list them, by one declaration, and no other project."""

import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import PROJECTS, ROOT, project_python

from headgate_control.projects import Project
from headgate_control.suites import find_suites

LIBRARIES = [project for project in PROJECTS if project.is_library]
TEAMS = [project for project in PROJECTS if project.is_team]

every_project = pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)


@every_project
def test_what_is_depended_on_is_taken_from_its_folder(project: Project) -> None:
    """A dependency without its source would be looked for in an index, where anybody may offer the name."""
    manifest = tomllib.loads(project.manifest.read_text(encoding="utf-8"))
    extras = manifest["project"].get("optional-dependencies", {}).values()
    texts = [*manifest["project"].get("dependencies", []), *(text for extra in extras for text in extra)]
    internal = {canonicalize_name(one.package) for one in PROJECTS}
    listed = {canonicalize_name(Requirement(text).name) for text in texts} & internal - {
        canonicalize_name(project.package)
    }
    sources = manifest.get("tool", {}).get("uv", {}).get("sources", {})
    assert {canonicalize_name(name) for name in sources} == listed
    assert all((project.folder / source["path"] / "pyproject.toml").is_file() for source in sources.values())


@pytest.mark.services
@pytest.mark.parametrize("team", TEAMS, ids=lambda team: team.name)
def test_an_environment_holds_the_libraries_that_are_listed(team: Project) -> None:
    names = [library.package.replace("-", "_") for library in LIBRARIES]
    code = f"from importlib.util import find_spec; print(*(name for name in {names} if find_spec(name)))"
    found = subprocess.run([project_python(team), "-P", "-c", code], capture_output=True, text=True, check=True)
    listed = [library.package.replace("-", "_") for library in LIBRARIES if library.folder in team.internal]
    assert found.stdout.split() == listed


def test_a_library_is_tested_on_every_major_of_pandas_that_a_team_is_on() -> None:
    majors = {project.name: _pandas_major(project) for project in PROJECTS}
    wanted = {majors[team.name] for team in TEAMS} - {None}
    tested = {majors[suite.environment] for suite in find_suites(ROOT) if suite.project == "feature_helpers"}
    assert {"2", "3"} <= wanted <= tested


def _pandas_major(project: Project) -> str | None:
    match = re.search(r"^pandas==(\d+)", project.lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return match[1] if match else None
