"""The projects of the repository: every folder with a pyproject.toml that has `[project]`, found by walking.

What belongs here: which projects there are, and what each one's manifest says. What does not: their environments
(`environments`) and locks (`locks`).
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError

_SKIPPED = {"node_modules", "target", "build", "dist", "__pycache__", "dbt_packages"}
_DEEPEST = 3


class ProjectError(HeadgateError):
    """A project's manifest cannot be read, or a project is named that does not exist."""


@dataclass(frozen=True)
class Project:
    """One installable folder with an environment of its own.

    Args:
        name: the folder's name; names its environment.
        folder: where.
        place: the folder relative to the root, for people.
        package: its name in pyproject.toml.
        has_test_extra: whether `[project.optional-dependencies] test` exists.
        internal: folders of the repository's own packages it uses, all the way down.
        tested_by_users: whether its tests also run in the environments of the teams that use it.
    """

    name: str
    folder: Path
    place: str
    package: str
    has_test_extra: bool
    internal: tuple[Path, ...]
    tested_by_users: bool = False

    @property
    def manifest(self) -> Path:
        return self.folder / "pyproject.toml"

    @property
    def lock(self) -> Path:
        return self.folder / "requirements.lock"

    @property
    def is_team(self) -> bool:
        return self.folder.parent.name == "teams"

    @property
    def is_library(self) -> bool:
        return self.folder.parent.name == "libs"


def find_projects(root: Path) -> list[Project]:
    """Every project below `root`, by place: a new team is there the day its pyproject.toml is.

    Raises:
        ProjectError: a manifest is not TOML, or two projects would share an environment.
    """
    projects: dict[str, Project] = {}
    for folder, subfolders, files in os.walk(root):
        here = Path(folder)
        depth = len(here.relative_to(root).parts)
        subfolders[:] = sorted(name for name in subfolders if name not in _SKIPPED and not name.startswith("."))
        if "pyproject.toml" in files and depth > 0 and "project" in _read_manifest(here / "pyproject.toml"):
            project = read_project(here, root)
            subfolders.clear()
            if other := projects.get(project.name):
                raise ProjectError(
                    f"two projects are named {project.name!r}",
                    where=f"{other.place} and {project.place}",
                    next_step="rename one of the folders: the name is the environment's",
                )
            projects[project.name] = project
        if depth >= _DEEPEST:
            subfolders.clear()
    return sorted(projects.values(), key=lambda project: project.place)


def choose_projects(root: Path, names: list[str]) -> list[Project]:
    """The projects a person named, by name or by path; all of them when none is named.

    Raises:
        ProjectError: there is no such project.
    """
    projects = find_projects(root)
    if not names:
        return projects
    chosen = []
    for name in names:
        path = Path(name).absolute()
        found = [project for project in projects if name == project.name or path == project.folder]
        found = found or [project for project in projects if name.rstrip("/") == project.place]
        if not found:
            raise ProjectError(
                f"there is no project {name!r}",
                where=str(root),
                next_step=f"choose from {', '.join(project.name for project in projects)}",
            )
        chosen += found
    return list(dict.fromkeys(chosen))


def read_project(folder: Path, root: Path) -> Project:
    """The project in a folder.

    Raises:
        ProjectError: its manifest, or that of a package it uses, cannot be read.
    """
    manifest = _read_manifest(folder / "pyproject.toml")
    library = manifest.get("tool", {}).get("internal-package", {})
    return Project(
        name=folder.name,
        folder=folder,
        place=folder.relative_to(root).as_posix(),
        package=manifest["project"].get("name", folder.name),
        has_test_extra="test" in manifest["project"].get("optional-dependencies", {}),
        internal=tuple(_internal_folders(folder)),
        tested_by_users=folder.parent.name == "libs" and library.get("tested-by-users", True),
    )


def _internal_folders(folder: Path) -> list[Path]:
    """Folders that `[tool.uv.sources]` names with `path`, and those that they name.

    Raises:
        ProjectError: there is no project in one of them.
    """
    found: dict[Path, None] = {}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        sources = _read_manifest(here / "pyproject.toml").get("tool", {}).get("uv", {}).get("sources", {})
        for source in sources.values():
            if isinstance(source, dict) and "path" in source:
                target = Path(os.path.normpath(here / source["path"]))
                if not (target / "pyproject.toml").is_file():
                    raise ProjectError(
                        f"{here.name} lists an internal package that is not there: {source['path']}",
                        where=str(here / "pyproject.toml"),
                        next_step="correct its path under [tool.uv.sources], or take the package out",
                    )
                if target not in found:
                    found[target] = None
                    waiting.append(target)
    return list(found)


def package_name(folder: Path) -> str:
    """The name in a folder's pyproject.toml."""
    return str(_read_manifest(folder / "pyproject.toml").get("project", {}).get("name", folder.name))


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"the manifest is not TOML: {error}", where=str(path), next_step="mend that line") from None
    except OSError as error:
        raise ProjectError(
            f"the manifest cannot be read: {error.strerror}", where=str(path), next_step="make the file readable"
        ) from None
