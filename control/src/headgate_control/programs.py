"""The programs of a running platform, and the supervisor's configuration made from them.

What belongs here: which processes there are, in which order they stop, how they are restarted. What does not: their
environment and final command line, which `launch` makes in the fork that the supervisor starts one in.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headgate_control.supervisor_client import supervisor_socket
from headgate_control.workspace import replace_text, run_folder

STORE, CODE, DAGSTER = "store", "code", "dagster"
"""Groups, in the order in which they start; they stop in the opposite one, each group's programs together."""

DATABASES = ("postgres", "acme", "strava")
"""What holds data: started first, ended last."""

_PRIORITY = {STORE: 10, CODE: 20, DAGSTER: 30}
_CODE_PREFIX = "code-"

_LOGS = "../logs"
"""All paths are relative to the run folder, where the supervisor works: its configuration cannot quote ` ;`, ` #` or a
`%`, which is expanded twice."""


@dataclass(frozen=True)
class Program:
    """One supervised process.

    Args:
        name: unique; also the name of its log.
        group: STORE, CODE or DAGSTER.
        arguments: passed on by `launch`.
        stop_signal: asks it to end.
        stop_seconds: after which it is killed.
        stops_children: whether its children are sent the signal too.
    """

    name: str
    group: str
    arguments: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    stops_children: bool = True


def code_program(team: str) -> Program:
    """A team's code server, and with it the runs that it executes."""
    return Program(name=f"{_CODE_PREFIX}{team}", group=CODE, stop_seconds=15)


def team_of(program: str) -> str | None:
    """The team whose code server a program is."""
    return program.removeprefix(_CODE_PREFIX) if program.startswith(_CODE_PREFIX) else None


def database_program(name: str) -> Program:
    """An embedded server. SIGINT is PostgreSQL's fast shutdown, and must not reach its children."""
    return Program(name=name, group=STORE, stop_signal="INT", stop_seconds=60, stops_children=False)


def gateway_program(*, port: int, allow_hosts: Sequence[str]) -> Program:
    names = [argument for name in allow_hosts for argument in ("--allow-host", name)]
    return Program(name="gateway", group=DAGSTER, arguments=("--port", str(port), *names))


def daemon_program() -> Program:
    return Program(name="daemon", group=DAGSTER)


def log_path(home: Path, program: str) -> Path:
    return home / "logs" / f"{program}.log"


def problem_path(home: Path, program: str) -> Path:
    """Where a program that could not be started says why; for a code server it is gone when it could."""
    return run_folder(home) / f"{program}.problem.json"


def supervisor_environment(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The supervisor's own environment: this process's, and the mark.

    Web server and daemon, its forks, have dozens of threads that mostly wait: two heaps are enough for them.
    """
    from headgate_control.processes import mark  # late: who only asks for names does without psutil

    return {"MALLOC_ARENA_MAX": "2", **environment, **mark(home), "HEADGATE_HOME": str(home)}


def write_supervisor_configuration(home: Path, programs: Sequence[Program]) -> Path:
    """Write `run/supervisor.conf`. Everything starts with the supervisor, in the order of the groups and without waiting:
    code servers need no database to load, and web server and daemon wait for what they need.
    """
    sections: dict[str, dict[str, object]] = {
        "unix_http_server": {"file": _socket_value(home), "chmod": "0700"},
        "supervisord": {
            "logfile": f"{_LOGS}/supervisor.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": 1,
            "pidfile": "./supervisor.pid",
            "childlogdir": _LOGS,
            "nodaemon": "true",
            "strip_ansi": "true",
            "silent": "true",
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    }
    for group in (STORE, CODE, DAGSTER):
        names = [program.name for program in programs if program.group == group]
        if names:
            sections[f"group:{group}"] = {"programs": ",".join(names), "priority": _PRIORITY[group]}
    for program in programs:
        sections[f"program:{program.name}"] = _program_section(program)
    text = "".join(
        f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) + "\n"
        for section, keys in sections.items()
    )
    (home / "logs").mkdir(exist_ok=True)
    path = run_folder(home) / "supervisor.conf"
    replace_text(path, text)
    return path


def _program_section(program: Program) -> dict[str, object]:
    arguments = " ".join(shlex.quote(argument).replace("%", "%%") for argument in program.arguments)
    children = str(program.stops_children).lower()
    return {
        # Not a file: what the supervisor's fork hands to `launch`.
        "command": f"{program.name} {arguments}".strip(),
        "autostart": "true",
        "autorestart": "true",
        # A program that ends within five seconds is started again after 1, 2, 3, … seconds, without an end to trying;
        # one that ran longer at once.
        "startsecs": 5,
        "startretries": 1_000_000,
        "stopsignal": program.stop_signal,
        "stopwaitsecs": program.stop_seconds,
        "stopasgroup": children,
        "killasgroup": children,
        "redirect_stderr": "true",
        "stdout_logfile": f"{_LOGS}/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 2,
    }


def _socket_value(home: Path) -> str:
    """Relative to the run folder, where the supervisor works, or in a folder whose name needs no quoting."""
    socket = supervisor_socket(home)
    return f"./{socket.name}" if socket.parent == run_folder(home) else str(socket)
