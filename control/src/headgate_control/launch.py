"""What the supervisor starts: a fork of it makes a program's environment, and becomes that program.

Secrets are read here, at every start, and given to the one process that needs them: none is written to the supervisor's
configuration, and a team's process gets its own and no other team's.

Code servers and databases are executed. Web server and daemon are the control plane's own code, and go on in the fork: they
start in a tenth of the time, and two processes share what a hundred megabytes of imports are.
"""

import contextlib
import gc
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from setproctitle import getproctitle, setproctitle

from headgate.environment import Settings, read_settings
from headgate.errors import HeadgateError
from headgate.imports import LateModule, without
from headgate.team import read_team
from headgate_control import databases
from headgate_control.code_server import check_environment, check_folder, code_server_command
from headgate_control.environments import environment_python
from headgate_control.foreground import cannot_start
from headgate_control.home_lock import HomeLock
from headgate_control.processes import mark
from headgate_control.programs import DATABASES, code_program, problem_path, team_of
from headgate_control.provision import platform_environment, team_environment
from headgate_control.strava_account import reads_stand_in
from headgate_control.workspace import code_socket, replace_text, run_folder, wait_until_prepared

_RESIDENT = {"gateway": "headgate_control.gateway", "daemon": "headgate_control.daemon"}
"""Programs that are modules of the control plane."""

_WHAT_THEY_NEED = (
    *("dagster._api.list_repositories", "dagster._api.snapshot_repository", "dagster._core.instance.factory"),
    *("dagster._core.storage.root", "dagster._core.workspace.autodiscovery", "dagster._grpc.client"),
    *("dagster._grpc.server_watcher", "headgate.orchestration.storage", "upath.implementations.local"),
    *("anyio._backends._asyncio", "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto"),
    *("uvicorn.protocols.websockets.auto", "psycopg2.extras"),
)
"""What they would import themselves, each after the fork. One that a newer version does not have is not missed."""


_CLIENT = "dagster_graphql.client.client"
"""What sends queries to a web server, which nobody does here: with it come `requests` and `gql`."""

_OPTIONAL = ("rich", "pygments", "watchfiles")
"""What libraries colour tracebacks with, or restart themselves when a file changes."""


def preload(program: str) -> None:
    """In the supervisor, before it forks: import what the fork would, for all programs like it.

    Nothing that is imported starts a thread, which a fork would lose.
    """
    if program not in _RESIDENT or set(_RESIDENT.values()) <= sys.modules.keys():
        return
    # Once, and while the variables are where the system put them: the title's place is found by them. It is not to take the
    # place of the variables, among which is the mark that `processes` finds a process by.
    os.environ["SPT_NOENV"] = "1"
    getproctitle()
    # Collected objects would leave holes, which the forks fill: each page of them is then no longer shared. Nor does a later
    # collection look at what is frozen, which writes to every object.
    gc.disable()
    sys.modules.setdefault(_CLIENT, LateModule(_CLIENT))
    with without(*_OPTIONAL):
        try:
            for module in _RESIDENT.values():
                # Before the fork: a page that it writes to would be there twice.
                getattr(import_module(module), "prepare", lambda: None)()
        except Exception:
            traceback.print_exc()  # the fork fails by the same, into the program's own log
        for module in _WHAT_THEY_NEED:
            with contextlib.suppress(ImportError):
                import_module(module)
    gc.freeze()
    gc.enable()


def run(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Be a program, in the process that was forked for it, to the end of that process."""
    code = 1
    try:
        _set_environment(environment)
        code = _run(program, arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        # Not by returning: whoever forked would go on in this process.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(program: str, arguments: Sequence[str]) -> int:
    settings = read_settings()
    path = problem_path(settings.state_folder, program)
    try:
        launch(program, arguments, settings)
    except HeadgateError as error:
        print(error, file=sys.stderr, flush=True)
        replace_text(path, json.dumps({"what": error.what, "where": error.where, "next": error.next_step}))
        return 1
    return 0


def launch(program: str, arguments: Sequence[str], settings: Settings) -> None:
    """Become a program of the platform. Returns when a program that stays in this process has ended.

    Raises:
        HeadgateError: it cannot be started.
    """
    home = settings.state_folder
    if team := team_of(program):
        _launch_code_server(team, settings)
    elif program in DATABASES:
        databases.execute(program, settings, mark(home))
    elif program == "daemon":
        with _daemon_lock(home):
            _stay(program, arguments, settings)
    elif program in _RESIDENT:
        _stay(program, arguments, settings)
    else:
        raise HeadgateError(f"there is no program {program!r}", where=__name__, next_step="run `headgate up`")


def _stay(program: str, arguments: Sequence[str], settings: Settings) -> None:
    """Run a module of the control plane in this process, under a name of its own and with the platform's variables only."""
    _set_environment(platform_environment(settings) | mark(settings.state_folder))
    setproctitle(" ".join(["headgate", program, *arguments]))
    workspace = run_folder(settings.state_folder) / "workspace.yaml"
    main: Callable[[Sequence[str]], None] = import_module(_RESIDENT[program]).main
    main(["--workspace", str(workspace), *arguments])


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _launch_code_server(name: str, settings: Settings) -> None:
    home = settings.state_folder
    check_folder(settings.root / "teams" / name)
    team = read_team(settings.root / "teams" / name)
    python = environment_python(settings, name)
    check_environment(team, python)
    socket = code_socket(home, name)
    socket.unlink(missing_ok=True)
    if reads_stand_in([team]):
        # It gets the address of its source, which is known once the stand-in runs; the others load meanwhile.
        wait_until_prepared(home)
    environment = team_environment(team) | mark(home)
    os.chdir(team.folder)
    # Not sooner: a server that fails again and again has its reason at hand at any moment.
    problem_path(home, code_program(name).name).unlink(missing_ok=True)
    _execute(code_server_command(team, python=python, socket=socket), environment)


def _daemon_lock(home: Path) -> HomeLock:
    """Held by this process: two daemons would each start every run.

    Raises:
        HeadgateError: another one has it.
    """
    lock = HomeLock(home, "daemon")
    if not lock.acquire():
        raise HeadgateError(
            f"another Dagster daemon of this home is running (process {lock.read() or 'unknown'})",
            where=str(lock.path),
            next_step="run `headgate down`, which ends it, and `headgate up`",
        )
    lock.write(str(os.getpid()))
    return lock


def _execute(command: list[str], environment: dict[str, str]) -> None:
    sys.stdout.flush()
    try:
        os.execve(command[0], command, environment)
    except OSError as error:
        raise cannot_start(command[0], error) from None
