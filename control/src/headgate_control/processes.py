"""Processes that belong to a home, or to a run of a test suite: finding them without a supervisor to ask, and ending them.

Every process that `headgate up` starts carries the home in its environment, and so do its children: run workers, the
`tail` processes that mirror their output, whatever a team's code starts. That survives what a table of process ids does
not: a supervisor killed by SIGKILL, workers that moved to another parent, numbers used again after a reboot.
PostgreSQL overwrites its environment with its title; it is found by the lock file in its data folder. Not its postmaster, which
has no title.
"""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

MARKER = "HEADGATE_SUPERVISED"
"""Environment variable of every supervised process: the home it belongs to."""

TEST_RUN = "HEADGATE_TEST_RUN"
"""Environment variable of everything that a test suite starts: which run of it that was."""

_DATABASE_GRACE_S = 30.0


def mark(home: Path) -> dict[str, str]:
    return {MARKER: _identity(home), **mark_of_test_run()}


def mark_of_test_run() -> dict[str, str]:
    """What this process passes on to one whose environment is made from nothing."""
    return {TEST_RUN: os.environ[TEST_RUN]} if TEST_RUN in os.environ else {}


def find_supervised(home: Path, *, databases: Iterable[Path] = ()) -> list[psutil.Process]:
    """Every live process that an `up` of this home started, without this one and those it descends from.

    Args:
        home: HEADGATE_HOME.
        databases: data folders of embedded PostgreSQL servers of this home.
    """
    found = {process.pid: process for process in _find_marked(MARKER, _identity(home))}
    for folder in databases:
        if (process_or_none := find_postmaster(folder)) is not None:
            found[process_or_none.pid] = process_or_none
    return list(found.values())


def find_of_test_run(name: str) -> list[psutil.Process]:
    """Every live process that a run of a test suite started: servers and whole platforms too, however they were started."""
    return _find_marked(TEST_RUN, name)


def find_postmaster(data_folder: Path) -> psutil.Process | None:
    """The server that runs on a data folder, by its lock file: process id in line 1, start time in line 3."""
    try:
        lines = (data_folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        process = psutil.Process(int(lines[0]))
        if process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - int(lines[2])) > 60:
            return None
        return process if process.name().startswith("postgres") else None
    except (OSError, IndexError, ValueError, psutil.Error):
        return None


def end_processes(processes: Iterable[psutil.Process], *, grace: float = 10.0) -> list[psutil.Process]:
    """End processes and wait for it: supervisors first, then the others together, databases last.

    SIGTERM, after `grace` seconds SIGKILL. A database is shut down fast (its clients are disconnected, nothing is lost)
    and given half a minute before it is killed.

    Returns:
        Those that are still there: of another user, or stuck in the kernel.
    """
    everyone = [process for process in processes if _is_alive(process)]
    # Only the postmaster is told: to its checkpointer the same signal means to write the last record of the log.
    databases = [process for process in everyone if _is_database(process) and not _is_database(process.parent())]
    supervisors = [process for process in everyone if _is_supervisor(process)]
    others = [process for process in everyone if not _is_database(process) and process not in supervisors]
    # A supervisor would start again what is ended; it cannot be asked to stop here, because nobody could then say when.
    left = _end(supervisors, signal.SIGKILL, grace)
    left += _end(others, signal.SIGTERM, grace)
    children = [child for database in databases for child in _children(database)]
    left += _end(databases, signal.SIGINT, _DATABASE_GRACE_S)
    left += _end(children, signal.SIGTERM, grace)
    return left


def _end(processes: list[psutil.Process], number: signal.Signals, grace: float) -> list[psutil.Process]:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
    _, alive = psutil.wait_procs([process for process in processes if _is_alive(process)], grace)
    alive = [process for process in alive if _is_alive(process)]
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, 5)
    return [process for process in alive if _is_alive(process)]


def _identity(home: Path) -> str:
    return os.path.realpath(home)


def _find_marked(variable: str, value: str) -> list[psutil.Process]:
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [one for one in psutil.process_iter() if one.pid not in own and _read_mark(one, variable) == value]


def _read_mark(process: psutil.Process, variable: str) -> str | None:
    try:
        return process.environ().get(variable)
    except (psutil.Error, OSError):
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_database(process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.name().startswith("postgres")
    except psutil.Error:
        return False


def _is_supervisor(process: psutil.Process) -> bool:
    try:
        # Its forks have its command line until they become something else, but not its session.
        is_leader = os.getsid(process.pid) == process.pid
        return is_leader and "headgate_control.supervisor_process" in process.cmdline()
    except (psutil.Error, OSError):
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
