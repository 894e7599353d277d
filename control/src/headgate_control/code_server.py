"""One team's code server: a process of the team's own environment that serves its definitions over gRPC.

What belongs here: the command, starting and stopping it beside this process, and why a team does not load. What does
not: keeping it alive (`supervision`), or which teams there are (`workspace`).

`dagster api grpc` (by `headgate.orchestration.code_server`) and not `dagster code-server start`: the latter is a proxy in front
of the former, a second process and 70 MB a team.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil

from headgate.errors import HeadgateError
from headgate.team import Team

if TYPE_CHECKING:
    from dagster._grpc.client import DagsterGrpcClient
    from dagster_shared.error import SerializableErrorInfo

_HEARTBEAT_TIMEOUT_S = 60
_HEARTBEAT_INTERVAL_S = 10
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


class CodeServerError(HeadgateError):
    """A team's definitions cannot be served. Concerns that team alone."""


def code_server_command(team: Team, *, python: Path, socket: Path) -> list[str]:
    """The command that serves a team's definitions on a unix socket.

    With `--lazy-load-user-code` a team that does not import is served as its error, instead of a process that dies and
    is restarted for ever; definitions are loaded before the socket opens all the same.
    """
    return [
        str(python),
        *("-X", "faulthandler"),
        *("-m", "headgate.orchestration.code_server"),
        "--lazy-load-user-code",
        "--use-python-environment-entry-point",
        *("--socket", str(socket)),
        *("--module-name", team.definitions_module),
        *("--working-directory", str(team.folder)),
        *("--location-name", team.name),
        *("--log-level", "warning"),
    ]


@dataclass
class CodeServer:
    """A code server beside this process. It ends with `stop`, or a minute after this process dies.

    Args:
        team: whose definitions.
        python: the interpreter of the team's environment.
        environment: all variables of the process; nothing is inherited.
        socket: where it listens; a name no other code server has.
        log: file that its output is appended to.
    """

    team: Team
    python: Path
    environment: Mapping[str, str]
    socket: Path
    log: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process and return at once.

        Raises:
            CodeServerError: the team's folder or environment does not exist, or its program cannot be started.
        """
        check_folder(self.team.folder)
        check_environment(self.team, self.python)
        self.socket.unlink(missing_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        heartbeat = ["--heartbeat", "--heartbeat-timeout", str(_HEARTBEAT_TIMEOUT_S)]
        command = [*code_server_command(self.team, python=self.python, socket=self.socket), *heartbeat]
        self._stopped.clear()
        with self.log.open("ab") as log:
            self._process = self._spawn(command, log)

    def _spawn(self, command: Sequence[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                command,
                cwd=self.team.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise CodeServerError(
                f"the code server of team {self.team.name} cannot be started: {error.strerror}",
                where=f"{self.python} in {self.team.folder}",
                next_step=f"run `headgate build --team {self.team.name}` to make its environment anew",
            ) from None

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until the definitions are loaded and served.

        Raises:
            CodeServerError: they do not load (the import error and its line), the process ended, or time ran out (with
                the line that it was executing). The process is then stopped.
        """
        if self._process is None:
            raise RuntimeError("start the code server first")
        started = self.log.stat().st_size if self.log.exists() else 0
        deadline = time.monotonic() + timeout
        while not self.socket.exists():
            if (exit_code := self._process.poll()) is not None:
                raise self._died(exit_code)
            if time.monotonic() > deadline:
                raise self._hangs(timeout, started)
            time.sleep(0.02)
        # Imported late: 0.6 s, during which the server loads.
        problem = None
        while True:
            try:
                problem = load_problem(self.team, self.socket, timeout=max(1, int(deadline - time.monotonic())))
                break
            except ConnectionError:
                if (exit_code := self._process.poll()) is not None:
                    raise self._died(exit_code) from None
                if time.monotonic() > deadline:
                    raise self._hangs(timeout, started) from None
                time.sleep(0.05)
        if problem is not None:
            self.stop()
            raise problem
        threading.Thread(target=self._keep_alive, name=f"heartbeat-{self.team.name}", daemon=True).start()

    def _keep_alive(self) -> None:
        client = connect(self.socket)
        while not self._stopped.wait(_HEARTBEAT_INTERVAL_S):
            try:
                client.heartbeat()
            except Exception:  # the server is gone: whoever uses it next says so
                return

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def find_end(self) -> "CodeServerError | None":
        """Why the process is gone though nobody stopped it, told once; the runs that it left behind are ended."""
        exit_code = self._process.poll() if self._process else None
        return None if exit_code is None else self._died(exit_code)

    def terminate(self) -> None:
        """Ask the process to end and return at once, so that several end side by side; `stop` still has to follow."""
        self._stopped.set()
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGTERM)

    def stop(self, grace: float = 10.0) -> None:
        """End the process and the runs it started: SIGTERM to its group, SIGKILL after `grace` seconds."""
        self.terminate()
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        _signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.socket.unlink(missing_ok=True)
        self._process = None

    def __enter__(self) -> "CodeServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _died(self, exit_code: int) -> CodeServerError:
        assert self._process is not None
        # Asked to end first, a run that it left behind could still report that it was interrupted, in place of the reason.
        _signal_group(self._process.pid, signal.SIGKILL)
        self.stop()
        lines = [line for line in _tail(self.log).splitlines() if line.strip()]
        how = f"with exit code {exit_code}: {lines[-1].strip() if lines else 'it printed nothing'}"
        if exit_code < 0:
            how = f"by {signal.Signals(-exit_code).name}"
        return CodeServerError(
            f"the code server of team {self.team.name} ended {how}",
            where=str(self.log),
            next_step=f"run `headgate doctor`, or read the log; the interpreter is {self.python}",
        )

    def _hangs(self, timeout: float, log_offset: int) -> CodeServerError:
        """Ends a process that does not finish loading; faulthandler writes where it was to the log first."""
        assert self._process is not None
        self._process.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self.stop(grace=1)
        # faulthandler prints the innermost frame first, the traceback of an exception prints it last.
        frames = _FRAME.findall(_tail(self.log, log_offset))
        return CodeServerError(
            f"team {self.team.name} does not load: still importing after {timeout:.0f} s",
            where=_place(self.team, [f"{file}:{line}" for file, line in frames][::-1]),
            next_step="keep network, database and waiting out of the import: do them inside an asset or a resource",
        )


def end_orphans(sockets: Iterable[Path]) -> int:
    """End code servers whose starter was killed, with the runs they execute, and remove their sockets.

    Left to themselves they end a minute later, and what they execute until then would go on beside what comes next.

    Returns:
        How many there were.
    """
    orphans = {str(socket) for socket in sockets}
    if not orphans:
        return 0
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if orphans & set(process.cmdline()) and os.getpgid(process.pid) == process.pid:
                found.append(process)
    for process in found:
        _signal_group(process.pid, signal.SIGKILL)
    psutil.wait_procs(found, 10)
    for path in orphans:
        Path(path).unlink(missing_ok=True)
    return len(found)


def check_folder(folder: Path) -> None:
    """Raises:
    CodeServerError: a team's folder is not there.
    """
    if not folder.is_dir():
        raise CodeServerError(
            f"the folder of team {folder.name} is gone",
            where=str(folder),
            next_step="restore it, or run `headgate down` and `headgate up` without that team",
        )


def check_environment(team: Team, python: Path) -> None:
    """Raises:
    CodeServerError: the team's environment is not there.
    """
    if not python.exists():
        raise CodeServerError(
            f"team {team.name} has no environment",
            where=str(python.parent.parent),
            next_step=f"run `headgate build --team {team.name}`, which makes it from the team's lock",
        )


def connect(socket: Path) -> "DagsterGrpcClient":
    from dagster._grpc.client import DagsterGrpcClient

    return DagsterGrpcClient(socket=str(socket))


def load_problem(team: Team, socket: Path, *, timeout: int = 10) -> CodeServerError | None:
    """Why a running code server does not serve its team's definitions, or None when it does.

    Raises:
        ConnectionError: nobody answers on the socket.
    """
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._serdes import deserialize_value
    from dagster_shared.error import SerializableErrorInfo

    client = connect(socket)
    try:
        client.get_server_id(timeout=timeout)
        answer = deserialize_value(client.list_repositories())
    except DagsterUserCodeUnreachableError as error:
        raise ConnectionError(str(error)) from None
    return describe_load_error(team, answer) if isinstance(answer, SerializableErrorInfo) else None


def describe_load_error(team: Team, error: "SerializableErrorInfo") -> CodeServerError:
    """The import error as a person needs it: the innermost cause, and the last line of the team's own code."""
    causes = [error]
    while causes[-1].cause is not None and len(causes) < 20:
        causes.append(causes[-1].cause)
    cause = causes[-1]
    frames = [f"{file}:{line}" for one in causes for text in one.stack for file, line in _FRAME.findall(text)]
    message = cause.message.strip()
    if cause.cls_name in ("SyntaxError", "IndentationError", "TabError"):
        frames += [f"{file}:{line}" for file, line in _FRAME.findall(message)]
        message = message.splitlines()[-1]
    return CodeServerError(
        f"team {team.name} does not load: {' '.join(message.split())[:300]}",
        where=_place(team, frames),
        next_step="mend that and reload the code location; other teams are not affected",
    )


def _place(team: Team, frames: list[str]) -> str:
    """The innermost frame in the team's own files, else the module that was asked for."""
    own = [frame for frame in frames if frame.startswith(f"{team.folder}{os.sep}")]
    return own[-1] if own else f"{team.definitions_module} of {team.folder}"


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _tail(path: Path, offset: int | None = None, size: int = 20_000) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size) if offset is None else offset)
        return file.read(size).decode("utf-8", errors="replace")
