"""One virtual environment a project, made from its own requirements.lock.

What belongs here: finding out which environments are stale, making them, several at once with progress. What does not:
the control plane's own (the `headgate` script makes it before this module can be imported), renewing locks (`locks`).

An environment carries a stamp of all it depends on. The stamp is written last: what was interrupted is made anew.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control.bytecode import compile_modules
from headgate_control.projects import Project, find_projects
from headgate_control.uv import UvFailure, run_uv

_STAMP = "headgate.stamp"
_STAMP_VERSION = "1"
_AT_ONCE = 4

_compiling = threading.Lock()
"""Compiling takes all cores; one after the other, an environment finds what was compiled for those before it."""

Report = Callable[[str, str], None]
"""Told of a project's name and what is being done for it: `creating`, `installing`, `linking`, `compiling`,
`ready`, `failed`."""


class ProjectEnvironmentError(HeadgateError):
    """A project's environment cannot be made."""


def environment_folder(settings: Settings, name: str) -> Path:
    return settings.state_folder / "envs" / name


def environment_python(settings: Settings, name: str) -> Path:
    """The interpreter of a project's environment, by the name of the project's folder."""
    return environment_folder(settings, name) / "bin" / "python"


def is_current(settings: Settings, project: Project) -> bool:
    """Whether the environment is there and made from what the project says now."""
    folder = environment_folder(settings, project.name)
    if project.name == "control":
        return folder.samefile(sys.prefix) if folder.exists() else True
    try:
        stamp = (folder / _STAMP).read_text(encoding="utf-8")
    except OSError:
        return False
    return stamp == _stamp(project) and (folder / "bin" / "python").exists()


def find_stale(settings: Settings, projects: Iterable[Project]) -> list[Project]:
    """Those of `projects` whose environment is missing or not made from their present lock and manifests."""
    return [project for project in projects if not is_current(settings, project)]


def build_projects(settings: Settings) -> list[Project]:
    """What a build needs: the teams and ACME. Libraries have an environment only for their own tests."""
    return [project for project in find_projects(settings.root) if project.is_team or project.name == "acme"]


def make_environments(
    settings: Settings, projects: Iterable[Project], *, report: Report = lambda name, step: None
) -> dict[str, ProjectEnvironmentError]:
    """Make the environments that are missing or stale, several at once.

    Returns:
        What went wrong, by project: one project's broken lock is no reason to keep the others waiting.
    """
    stale = find_stale(settings, projects)
    failures: dict[str, ProjectEnvironmentError] = {}

    def make(project: Project) -> None:
        try:
            make_environment(settings, project, report=report)
            report(project.name, "ready")
        except ProjectEnvironmentError as error:
            failures[project.name] = error
            report(project.name, "failed")

    if stale:
        with ThreadPoolExecutor(min(len(stale), _AT_ONCE, (os.cpu_count() or 1) + 1)) as pool:
            for future in [pool.submit(make, project) for project in stale]:
                future.result()
    return failures


def make_environment(settings: Settings, project: Project, *, report: Report = lambda name, step: None) -> None:
    """Make one environment anew.

    Raises:
        ProjectEnvironmentError: with the installer's own reason.
    """
    folder = environment_folder(settings, project.name)
    python = str(folder / "bin" / "python")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{project.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if is_current(settings, project):  # another command made it while this one waited
                return
            if not project.lock.is_file():
                raise ProjectEnvironmentError(
                    f"{project.place} has no lock",
                    where=str(project.lock),
                    next_step=f"run `headgate lock {project.name}`",
                )
            report(project.name, "creating")
            shutil.rmtree(folder, ignore_errors=True)
            run_uv("venv", "--no-project", "--python", sys.executable, str(folder), folder=project.folder)
            report(project.name, "installing")
            run_uv("pip", "sync", "--require-hashes", "--python", python, str(project.lock), folder=project.folder)
            report(project.name, "linking")
            editable = [part for place in (*project.internal, project.folder) for part in ("--editable", str(place))]
            run_uv("pip", "install", "--no-deps", "--python", python, *editable, folder=project.folder)
            report(project.name, "compiling")
            with _compiling:
                compile_modules(folder, [other for other in folder.parent.iterdir() if other != folder])
            (folder / _STAMP).write_text(_stamp(project), encoding="utf-8")
    except UvFailure as error:
        raise _cannot_make(project, error) from None
    except OSError as error:
        raise ProjectEnvironmentError(
            f"the environment of {project.place} cannot be made: {error.strerror}",
            where=str(error.filename or folder),
            next_step="make that place writable and see that the disk has room, or set HEADGATE_HOME elsewhere",
        ) from None


def _cannot_make(project: Project, error: UvFailure) -> ProjectEnvironmentError:
    next_step = f"mend the lock: `headgate lock {project.name}` renews it from {project.place}/pyproject.toml"
    if error.is_network:
        next_step = "check the network (UV_DEFAULT_INDEX, SSL_CERT_FILE, proxies), then run again"
    return ProjectEnvironmentError(
        f"the environment of {project.place} cannot be made: {error.reason}",
        where=str(project.lock),
        next_step=next_step,
    )


def _stamp(project: Project) -> str:
    """All that an environment depends on: lock, manifests, folders, and the interpreter it is made with."""
    digest = hashlib.sha256()
    for path in (project.lock, project.manifest, *(folder / "pyproject.toml" for folder in project.internal)):
        digest.update(os.fsencode(path) + b"\0")
        digest.update(path.read_bytes() if path.is_file() else b"missing")
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{_STAMP_VERSION} {version} {sys.base_prefix} {digest.hexdigest()}\n"


def require_environments(settings: Settings, projects: Iterable[Project], *, quiet: bool = False) -> float:
    """Make what is missing, shown to the person who waits; returns the seconds it took.

    Raises:
        ProjectEnvironmentError: the first that failed, when all others are done.
    """
    from headgate_control.progress import show_environments

    wanted = list(projects)
    stale = find_stale(settings, wanted)
    if not stale:
        return 0.0
    began = time.monotonic()
    with show_environments(stale, quiet=quiet) as report:
        failures = make_environments(settings, wanted, report=report)
    for error in failures.values():
        raise error
    return time.monotonic() - began
