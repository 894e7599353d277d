"""What is wrong with this machine and this installation: one finding a thing looked at.

What belongs here: the machine, the folders, the manifests, the environments. What does not: what sources need
(`diagnosis_sources`), servers and the lake (`diagnosis_database`), mending anything: a finding says what to do, the
person does it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import read_team
from headgate_control.browser import find_browser
from headgate_control.environments import environment_python, is_current
from headgate_control.locks import check_lock, find_unmet
from headgate_control.preflight import check_consumption
from headgate_control.projects import Project, find_projects
from headgate_control.uv import uv_program

_DISK_BYTES = 3_000_000_000
_MEMORY_BYTES = 2_000_000_000


class Severity(StrEnum):
    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        subject: what was looked at.
        severity: a note is nothing to worry about, and nothing fails because of it.
        text: what was found.
        next_step: what to do; empty when there is nothing to do.
    """

    subject: str
    severity: Severity
    text: str
    next_step: str = ""


def ok(subject: str, text: str) -> Finding:
    return Finding(subject, Severity.OK, text)


def note(subject: str, text: str, next_step: str = "") -> Finding:
    return Finding(subject, Severity.NOTE, text, next_step)


def problem(subject: str, text: str, next_step: str) -> Finding:
    return Finding(subject, Severity.PROBLEM, text, next_step)


def from_error(subject: str, error: HeadgateError) -> Finding:
    return problem(subject, f"{error.what} ({error.where})", error.next_step)


def examine_machine(settings: Settings) -> Iterator[Finding]:
    """Python, uv, git, disk, memory, the right to write, a browser."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in ((3, 11), (3, 12)):
        yield ok("python", f"{version} of {sys.base_prefix}")
    else:
        yield note("python", f"{version}: tested on 3.11 and 3.12", "set HEADGATE_PYTHON to one of them")
    yield _examine_program("uv", [uv_program(), "--version"], "run ./headgate again, which installs it")
    yield _examine_program("git", ["git", "--version"], "install git")
    yield _examine_disk(settings.state_folder)
    available = psutil.virtual_memory().available
    memory = f"{available / 1e9:.1f} GB available"
    if available < _MEMORY_BYTES:
        yield problem("memory", memory, "close other programs: the platform with its teams needs about 2 GB")
    else:
        yield ok("memory", memory)
    yield _examine_write_permission(settings.state_folder)
    yield _examine_secrets(settings.state_folder / "secrets")
    browser = find_browser()
    if browser:
        yield ok("browser", browser)
    else:
        yield note("browser", "no Chromium: only the tests of pages need one", "apt-get install chromium")


def examine_projects(settings: Settings) -> Iterator[Finding]:
    """Manifests, contracts between teams, locks, environments."""
    try:
        projects = find_projects(settings.root)
    except HeadgateError as error:
        yield from_error("projects", error)
        return
    for project in projects:
        if project.is_team:
            try:
                read_team(project.folder)
            except HeadgateError as error:
                yield from_error(f"team {project.name}", error)
    try:
        check_consumption(settings)
        yield ok("contracts", "every table a team consumes is published in a version it accepts")
    except HeadgateError as error:
        yield from_error("contracts", error)
    for project in projects:
        yield from _examine_project(settings, project)


def _examine_project(settings: Settings, project: Project) -> Iterator[Finding]:
    subject = f"environment {project.name}"
    if not project.lock.is_file():
        yield problem(subject, f"{project.lock} is missing", f"run `headgate lock {project.name}`")
        return
    try:
        check_lock(project.lock)
    except HeadgateError as error:
        yield from_error(subject, error)
        return
    if unmet := find_unmet(project):
        yield problem(subject, f"the lock does not have {', '.join(unmet)}", f"run `headgate lock {project.name}`")
    elif is_current(settings, project):
        yield ok(subject, "up to date")
    elif environment_python(settings, project.name).exists():
        yield note(subject, "stale", "it is made anew when it is needed, or now by `headgate sync`")
    else:
        yield note(subject, "not made yet", "it is made when it is needed, or now by `headgate sync`")


def _examine_program(subject: str, command: list[str], next_step: str) -> Finding:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return problem(subject, f"{command[0]} does not run: {error}", next_step)
    return ok(subject, result.stdout.strip().splitlines()[0])


def _examine_disk(home: Path) -> Finding:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1e9:.1f} GB free under {existing}"
    if free < _DISK_BYTES:
        return problem("disk", text, "free at least 3 GB, or set HEADGATE_HOME to a larger disk")
    return ok("disk", text)


def _examine_write_permission(home: Path) -> Finding:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        return problem(
            "state folder", f"{home} cannot be written: {error.strerror}", "make it writable, or set HEADGATE_HOME"
        )
    return ok("state folder", f"{home} can be written")


def _examine_secrets(folder: Path) -> Finding:
    if not folder.is_dir():
        return note("secrets", "none made yet")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    open_to_others = [path.name for path in (folder, *files) if path.stat().st_mode & 0o077]
    if open_to_others:
        return problem(
            "secrets", f"others may read {', '.join(open_to_others)} in {folder}", f"run: chmod -R go= '{folder}'"
        )
    foreign = [path.name for path in files if not os.access(path, os.R_OK)]
    if foreign:
        return problem("secrets", f"{', '.join(foreign)} in {folder} cannot be read", "run as the user who made them")
    return ok("secrets", f"{len(files)}, readable by their owner only")
