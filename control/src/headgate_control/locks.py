"""Renewing requirements.lock: every package pinned and hashed, for every Python the project accepts, on every machine.

What belongs here: resolving. What does not: installing (`environments`).
"""

import re
import tomllib
from pathlib import Path

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
    """Direct dependencies of the project and of its internal packages that its lock does not hold in a fitting version.

    Looks at text only: a manifest changed without renewing the lock is found without a network.
    """
    locked: dict[str, list[str]] = {}
    for line in project.lock.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            locked.setdefault(canonicalize_name(match[1]), []).append(match[2])
    internal = {canonicalize_name(package_name(folder)): folder for folder in (project.folder, *project.internal)}
    unmet = []
    waiting = [Requirement(text) for text in _requirements(project.folder, extras={"test"})]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in internal:
            key = (name, frozenset(requirement.extras))
            if key not in seen:
                seen.add(key)
                waiting += [Requirement(text) for text in _requirements(internal[name], extras=requirement.extras)]
        elif not any(requirement.specifier.contains(version, prereleases=True) for version in locked.get(name, [])):
            unmet.append(str(requirement))
    return sorted(set(unmet))


def _requirements(folder: Path, *, extras: set[str]) -> list[str]:
    table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    optional = table.get("optional-dependencies", {})
    return [*table.get("dependencies", []), *(text for extra in sorted(extras) for text in optional.get(extra, []))]
