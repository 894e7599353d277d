"""Every package type-checks, against the libraries of its own environment."""

import pytest
from repository import PROJECTS, project_python, run_tool

from headgate_control.projects import Project


@pytest.mark.services
@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_types_are_right(project: Project) -> None:
    python = project_python(project)
    assert python.exists(), f"{python} is missing: run this through `headgate test`"
    result = run_tool(
        "mypy",
        *("--config-file", "pyproject.toml"),
        *("--python-executable", str(python)),
        # One for all: of a library in several environments, mypy reads again only what differs in content.
        *("--cache-dir", ".mypy_cache"),
        str(project.folder / "src"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
