"""What the supervisor starts: makes a program's environment and command line, and becomes that program.

Run as `python -m headgate_control.launch PROGRAM [ARGUMENT…]`. Secrets are read here, at every start, and given to the
one process that needs them: none is written to the supervisor's configuration, and a team's process gets its own and no
other team's.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from headgate.environment import Settings, read_settings
from headgate.errors import HeadgateError
from headgate.team import read_team
from headgate_control.code_server import check_environment, code_server_command
from headgate_control.environments import environment_python
from headgate_control.home_lock import HomeLock
from headgate_control.processes import mark
from headgate_control.programs import DATABASES, code_program, problem_path, team_of
from headgate_control.provision import platform_environment, team_environment
from headgate_control.strava_account import reads_stand_in
from headgate_control.workspace import code_socket, replace_text, run_folder, wait_until_prepared


def launch(program: str, arguments: Sequence[str], settings: Settings) -> None:
    """Replace this process by a program of the platform. Does not return.

    Raises:
        HeadgateError: it cannot be started.
    """
    home = settings.state_folder
    if team := team_of(program):
        _launch_code_server(team, settings)
    elif program in DATABASES:
        # Imported late: the others do without PostgreSQL's driver.
        from headgate_control import databases

        databases.execute(program, settings, mark(home))
    elif program == "gateway":
        workspace = run_folder(home) / "workspace.yaml"
        command = ["-m", "headgate_control.gateway", "--workspace", str(workspace), *arguments]
        _execute([sys.executable, *command], platform_environment(settings) | mark(home))
    elif program == "daemon":
        _launch_daemon(settings)
    else:
        raise HeadgateError(f"there is no program {program!r}", where=__name__, next_step="run `headgate up`")


def _launch_code_server(name: str, settings: Settings) -> None:
    home = settings.state_folder
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


def _launch_daemon(settings: Settings) -> None:
    home = settings.state_folder
    lock = HomeLock(home, "daemon")
    if not lock.acquire():
        raise HeadgateError(
            f"another Dagster daemon of this home is running (process {lock.read() or 'unknown'})",
            where=str(lock.path),
            next_step="run `headgate down`, which ends it, and `headgate up`",
        )
    lock.write(str(os.getpid()))
    os.set_inheritable(lock.descriptor, True)
    workspace = run_folder(home) / "workspace.yaml"
    command = ["-m", "headgate_control.daemon", "--workspace", str(workspace)]
    _execute([sys.executable, *command], platform_environment(settings) | mark(home))


def _execute(command: list[str], environment: dict[str, str]) -> None:
    sys.stdout.flush()
    try:
        os.execve(command[0], command, environment)
    except OSError as error:
        raise HeadgateError(
            f"{Path(command[0]).name} cannot be started: {error.strerror}",
            where=command[0],
            next_step="run `headgate doctor`",
        ) from None


def main() -> int:
    program, arguments = sys.argv[1], sys.argv[2:]
    settings = read_settings()
    path = problem_path(settings.state_folder, program)
    try:
        launch(program, arguments, settings)
    except HeadgateError as error:
        print(error, file=sys.stderr, flush=True)
        replace_text(path, json.dumps({"what": error.what, "where": error.where, "next": error.next_step}))
    return 1


if __name__ == "__main__":
    sys.exit(main())
