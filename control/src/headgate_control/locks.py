"""Renewing requirements.lock: every package pinned and hashed, for every Python the project accepts, on every machine.

What belongs here: resolving. What does not: installing (`environments`).
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from headgate.errors import HeadgateError
from headgate_control.projects import Project, package_name
from headgate_control.uv import UvFailure, run_uv

OLDEST_PYTHON = "3.11"


class LockError(HeadgateError):
    """A project's dependencies cannot be resolved."""


def renew_lock(project: Project, *, upgrade: bool = False, offline: bool = False) -> bool:
    """Write the project's requirements.lock from its pyproject.toml.

    Pins that still fit are kept, unless `upgrade`. With `offline` no index is asked, only the cache. No index address,
    no path and no internal package gets into it.

    Returns:
        Whether the lock changed.

    Raises:
        LockError: with the resolver's own reason.
    """
    _check_internal(project)
    before = project.lock.read_bytes() if project.lock.exists() else None
    internal = sorted({package_name(folder) for folder in project.internal} | {project.package})
    command = [
        *("pip", "compile", "pyproject.toml", "--quiet"),
        *(("--extra", "test") if project.has_test_extra else ()),
        *("--universal", "--python-version", OLDEST_PYTHON),
        *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        *(part for name in internal for part in ("--no-emit-package", name)),
        *(("--upgrade",) if upgrade else ()),
        *(("--offline",) if offline else ()),
        *("--output-file", project.lock.name),
    ]
    try:
        run_uv(*command, folder=project.folder)
    except UvFailure as error:
        raise LockError(
            f"the dependencies of {project.place} cannot be resolved: {error.reason}",
            where=str(project.manifest),
            next_step="check the network (UV_DEFAULT_INDEX, SSL_CERT_FILE, proxies), then run again"
            if error.is_network
            else "change the versions that exclude each other, then run again",
        ) from None
    check_lock(project.lock)
    return project.lock.read_bytes() != before


def check_lock(path: Path) -> None:
    """Refuse a lock that holds an address or a path: it would tie every clone to one machine or index.

    Raises:
        LockError: with the line.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if re.search(r"://|^-|^\.|^/| @ |file:", line):
            raise LockError(
                f"the lock names an address or a path: {line.strip()[:120]}",
                where=f"{path}:{number}",
                next_step="name packages in pyproject.toml by version; internal ones under [tool.uv.sources]",
            )


def find_unmet(project: Project) -> list[str]:
    """Dependencies of the project and of its internal packages that are not there in a fitting version.

    A package from an index is there when the lock pins it, an internal one in the version of its folder. Looks at text
    only: a manifest changed without renewing the lock is found without a network.
    """
    locked: dict[str, list[str]] = {}
    for line in project.lock.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            locked.setdefault(canonicalize_name(match[1]), []).append(match[2])
    outer, inner = _walk_requirements(project)
    return sorted(
        {str(one) for one in outer if not _is_met(one, locked.get(canonicalize_name(one.name), []))}
        | set(_unmet(inner))
    )


def _check_internal(project: Project) -> None:
    """The resolver takes an internal package from its folder whatever version is asked for.

    Raises:
        LockError: the folder holds another version than the project accepts.
    """
    if unmet := _unmet(_walk_requirements(project)[1]):
        raise LockError(
            f"the dependencies of {project.place} cannot be resolved: {', '.join(unmet)}",
            where=str(project.manifest),
            next_step="adapt the code to the internal package as it is, then accept its version",
        )


def _unmet(internal: dict[Requirement, Path]) -> list[str]:
    """Requirements that an internal package's version does not fit, and which version that is."""
    versions = {one: str(_project_table(folder).get("version", "0")) for one, folder in internal.items()}
    return sorted(f"{one}, which is {version} here" for one, version in versions.items() if not _is_met(one, [version]))


def _is_met(requirement: Requirement, versions: list[str]) -> bool:
    return any(requirement.specifier.contains(version, prereleases=True) for version in versions)


def _walk_requirements(project: Project) -> tuple[list[Requirement], dict[Requirement, Path]]:
    """Direct dependencies of the project and of its internal packages: those from an index, and internal ones' folders."""
    internal = {canonicalize_name(package_name(folder)): folder for folder in (project.folder, *project.internal)}
    outer: list[Requirement] = []
    inner: dict[Requirement, Path] = {}
    waiting = [Requirement(text) for text in _requirements(project.folder, extras={"test"})]
    while waiting:
        requirement = waiting.pop()
        folder = internal.get(canonicalize_name(requirement.name))
        if folder is None:
            outer.append(requirement)
        elif requirement not in inner:
            inner[requirement] = folder
            waiting += [Requirement(text) for text in _requirements(folder, extras=requirement.extras)]
    return outer, inner


def _requirements(folder: Path, *, extras: set[str]) -> list[str]:
    table = _project_table(folder)
    optional = table.get("optional-dependencies", {})
    return [*table.get("dependencies", []), *(text for extra in sorted(extras) for text in optional.get(extra, []))]


def _project_table(folder: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    return table
