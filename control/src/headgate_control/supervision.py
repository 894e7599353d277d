"""Starting and stopping the running platform: `headgate up` and `headgate down` without their printing.

What belongs here: order, readiness, locks, and clean-up of what a former start left. What does not: what the programs
are (`programs`), how one is started (`launch`), what state they are in (`status`).
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import TEAM_NAME, Team, TeamError, read_team
from headgate_control import databases
from headgate_control.acme import (
    ensure_drops,
    ensure_storefront,
    ensure_world,
    has_drops,
    read_storefront,
    read_world,
)
from headgate_control.drops_place import reads_stand_in_drops
from headgate_control.environments import environment_python
from headgate_control.home_lock import HomeLock
from headgate_control.instance import PASSWORD_VARIABLE, initialise, write_instance
from headgate_control.platform_state import Platform, platform_file, read_platform, write_platform
from headgate_control.ports import check_port
from headgate_control.processes import end_processes, find_supervised
from headgate_control.programs import (
    Program,
    code_program,
    daemon_program,
    database_program,
    gateway_program,
    log_path,
    problem_path,
    supervisor_environment,
    write_supervisor_configuration,
)
from headgate_control.provision import platform_environment, readable_teams, reads_acme, reads_storefront
from headgate_control.readiness import Report, SupervisionError, wait_until_usable
from headgate_control.stale_runs import has_unfinished_runs
from headgate_control.status import Status, last_line
from headgate_control.strava_account import reads_stand_in
from headgate_control.supervisor_client import SupervisorClient, supervisor_socket
from headgate_control.workspace import code_socket, prepared_file, run_folder, write_workspace

_SUPERVISOR_TIMEOUT_S = 30.0
_QUICK_STOP_S = 3.0
_STOP_S = 90.0


def start_platform(
    settings: Settings,
    *,
    team: str | None = None,
    port: int = 3000,
    allow_hosts: Sequence[str] = (),
    report: Report = lambda line: None,
) -> tuple[Platform, Status]:
    """Start everything and return when the UI can be used.

    Teams that do not load are in the status that is returned; they keep nobody else from coming up.

    Args:
        settings: home and root.
        team: this team alone.
        port: of the UI, on 127.0.0.1.
        allow_hosts: further names of the UI, for a proxy in front.
        report: is told what happens, one line at a time.

    Raises:
        HeadgateError: it runs already, a build runs, the port is taken, or what all teams need does not start.
    """
    home = settings.state_folder
    teams = _find_teams(settings, team, report)
    _check_names(allow_hosts)
    lock = HomeLock(home, "up")
    if not lock.acquire(patience=0.5):
        raise _already_running(home)
    with lock:
        _check_no_build(home)
        check_port(port)
        _end_leftovers(settings, report)
        platform = Platform(port, tuple(teams), tuple(allow_hosts), started_at=time.time())
        write_workspace(run_folder(home) / "workspace.yaml", [(name, code_socket(home, name)) for name in teams])
        programs = _programs(settings, platform)
        write_supervisor_configuration(home, programs)
        write_instance(home, databases.storage_url(settings))
        for path in (prepared_file(home), *(problem_path(home, program.name) for program in programs)):
            path.unlink(missing_ok=True)
        try:
            process = _start_supervisor(home, lock)
            platform = replace(platform, supervisor_pid=process.pid)
            write_platform(home, platform)
            _wait_for_stores(settings, _databases(settings, teams), report)
            _prepare_instance(settings, report)
            _ensure_drops(settings, teams, report)  # before the daemon, whose sensors look at them
            prepared_file(home).touch()
            _ensure_worlds(settings, teams, report)
            return platform, wait_until_usable(settings, platform, report)
        except BaseException:
            stop_platform(settings)
            raise


def stop_platform(settings: Settings, report: Report = lambda line: None) -> int:
    """End everything that an `up` of this home started, and return how many processes had to be ended by force.

    Works without a supervisor too: after SIGKILL, or a reboot.

    Raises:
        SupervisionError: a process would not end.
    """
    home = settings.state_folder
    supervisor = SupervisorClient(home)
    if supervisor.is_running():
        try:
            pid = supervisor.pid()
            supervisor.shutdown()
        except OSError:  # it is ending already, or was killed this moment
            platform = read_platform(home)
            pid = platform.supervisor_pid if platform else 0
        _wait_for_end(pid, report)
    ended = _end_leftovers(settings, report)
    for path in (supervisor_socket(home), platform_file(home), prepared_file(home)):
        path.unlink(missing_ok=True)
    return ended


def _find_teams(settings: Settings, only: str | None, report: Report) -> list[str]:
    """Names of the teams to serve. One with a broken manifest is among them: its code server says why it cannot run."""
    folders = sorted(path.parent for path in (settings.root / "teams").glob("*/pyproject.toml"))
    if only is not None:
        names = [folder.name for folder in folders]
        folders = [folder for folder in folders if folder.name == only]
        if not folders:
            raise SupervisionError(
                f"there is no team {only!r}",
                where=str(settings.root / "teams"),
                next_step=f"use one of: {', '.join(names)}" if names else "make one with `headgate new team NAME`",
            )
        read_team(folders[0])
    teams = []
    for folder in folders:
        if TEAM_NAME.fullmatch(folder.name):
            teams.append(folder.name)
        else:
            report(f"{folder} is left out: no team can be named so")
    return teams


def _check_names(allow_hosts: Sequence[str]) -> None:
    for name in allow_hosts:
        if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", name):
            raise SupervisionError(
                f"{name!r} is not a host name",
                where="--allow-host",
                next_step="use a name like data.example.org, or data.example.org:8443",
            )


def _already_running(home: Path) -> SupervisionError:
    platform = read_platform(home)
    return SupervisionError(
        "the platform of this home is running already",
        where=f"{home}, process {platform.supervisor_pid} at {platform.url}" if platform else str(home),
        next_step="open that address, or run `headgate down` first",
    )


def _check_no_build(home: Path) -> None:
    build = HomeLock(home, "build")
    if build.is_held():
        raise SupervisionError(
            "a build is running on this home",
            where=f"{home}, process {build.read() or 'unknown'}",
            next_step="wait until it has finished; a build and a running platform go together the other way round",
        )


def _end_leftovers(settings: Settings, report: Report) -> int:
    """End what a former start left: nothing holds the lock, so nothing of this home may run."""
    home = settings.state_folder
    folders = [databases.data_folder(settings, name) for name in databases.embedded(settings)]
    build_runs = HomeLock(home, "build").is_held()
    left = find_supervised(home, databases=() if build_runs else folders)
    if not left:
        return 0
    report(f"ending {len(left)} process{'es' if len(left) > 1 else ''} of a former start")
    if stuck := end_processes(left):
        raise SupervisionError(
            f"{len(stuck)} process{'es' if len(stuck) > 1 else ''} of a former start would not end",
            where=", ".join(f"{process.pid} {process.name()}" for process in stuck),
            next_step="end them as the user that they belong to, then run this again",
        )
    return len(left)


def _databases(settings: Settings, names: Sequence[str]) -> list[str]:
    """The embedded servers that these teams need. A team whose manifest cannot be read may need any."""
    embedded = databases.embedded(settings)
    try:
        teams = [read_team(settings.root / "teams" / name) for name in names]
    except TeamError:
        return embedded
    is_read = {
        "postgres": True,
        "acme": reads_acme(teams) or reads_storefront(teams),
        databases.STRAVA: reads_stand_in(teams),
    }
    return [name for name in embedded if is_read[name]]


def _programs(settings: Settings, platform: Platform) -> list[Program]:
    return [
        *(database_program(name) for name in _databases(settings, platform.teams)),
        *(code_program(team) for team in platform.teams),
        gateway_program(port=platform.port, allow_hosts=platform.allow_hosts),
        daemon_program(),
    ]


def _start_supervisor(home: Path, lock: HomeLock) -> "subprocess.Popen[bytes]":
    supervisor_socket(home).unlink(missing_ok=True)
    log = log_path(home, "supervisor")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "headgate_control.supervisor_process", "--lock", str(lock.descriptor)],
            cwd=run_folder(home),
            env=supervisor_environment(home, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[lock.descriptor],
            start_new_session=True,
        )
    client = SupervisorClient(home)
    deadline = time.monotonic() + _SUPERVISOR_TIMEOUT_S
    while not client.is_running():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise SupervisionError(
                f"the supervisor does not start: {last_line(log) or 'it printed nothing'}",
                where=str(log),
                next_step="read the log, run `headgate doctor`",
            )
        time.sleep(0.02)
    return process


def _wait_for_stores(settings: Settings, names: Sequence[str], report: Report) -> None:
    if not names:
        return
    began = time.monotonic()
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: databases.wait_ready(settings, name), names))
    report(f"PostgreSQL is ready ({time.monotonic() - began:.1f} s)")


def _prepare_instance(settings: Settings, report: Report) -> None:
    """Roles, databases and tables, and runs that the last stop left unfinished. Without Dagster if nothing is to do."""
    databases.prepare(settings)
    environment = platform_environment(settings)
    os.environ[PASSWORD_VARIABLE] = environment[PASSWORD_VARIABLE]
    url = databases.storage_url(settings)
    initialise(settings.state_folder, url)
    if has_unfinished_runs(url):
        # A process of its own: this one stays small, it may be there for weeks.
        command = [sys.executable, "-m", "headgate_control.stale_runs"]
        swept = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if swept.returncode != 0:
            raise SupervisionError(
                "runs that were left unfinished cannot be ended",
                where=(swept.stderr.strip().splitlines() or ["no output"])[-1],
                next_step="run `headgate doctor`",
            )
        if swept.stdout.strip():
            report(swept.stdout.strip())


def _ensure_worlds(settings: Settings, names: Sequence[str], report: Report) -> None:
    """Give ACME's embedded databases their content when they are new; teams load without it."""
    if "acme" not in _databases(settings, names):
        return
    teams = _readable(settings, names)
    if reads_acme(teams) and read_world(settings) is None:
        _make(settings, "seeding ACME's world, once", ensure_world, report)
    if reads_storefront(teams) and read_storefront(settings) is None:
        _make(settings, "seeding ACME's storefront, once", ensure_storefront, report)


def _ensure_drops(settings: Settings, names: Sequence[str], report: Report) -> None:
    """Give a team that reads ACME's file drops some, once."""
    if reads_stand_in_drops(_readable(settings, names)) and not has_drops(settings):
        _make(settings, "making ACME's file drops, once", ensure_drops, report)


def _make(settings: Settings, what: str, ensure: Callable[[Settings], object], report: Report) -> None:
    """Let ACME make something, if its environment is there; that it cannot keeps nothing from coming up."""
    if not environment_python(settings, "acme").exists():
        return
    report(what)
    try:
        ensure(settings)
    except HeadgateError as error:
        report(str(error))


def _readable(settings: Settings, names: Sequence[str]) -> list[Team]:
    return [team for team in readable_teams(settings.root) if team.name in names]


def _wait_for_end(pid: int, report: Report) -> None:
    processes = [psutil.Process(pid)] if pid and psutil.pid_exists(pid) else []
    _, alive = psutil.wait_procs(processes, _QUICK_STOP_S)
    if alive:
        report("waiting for runs and servers to end")
        psutil.wait_procs(alive, _STOP_S)
