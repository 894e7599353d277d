"""Talking to the supervisor of a running platform over its unix socket."""

import http.client
import socket
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headgate_control.workspace import socket_folder

_SHUTDOWN_STATE, _ALREADY_STARTED, _NOT_RUNNING = 6, 60, 70
"""Fault codes of supervisor's XML-RPC."""


@dataclass(frozen=True)
class ProcessState:
    """One supervised process. `state` is supervisor's: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL, …"""

    name: str
    state: str
    pid: int | None
    started_at: float
    """Seconds since the epoch; 0 when it never ran."""
    reason: str
    """Why it does not run, as the supervisor says it."""

    @property
    def is_up(self) -> bool:
        return self.state in ("RUNNING", "STARTING")


def supervisor_socket(home: Path) -> Path:
    return socket_folder(home) / "supervisor.sock"


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    """The standard library's on a unix socket. The supervisor's own comes with all of its server."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> _Connection:
        return _Connection(self._path)


class SupervisorClient:
    """Commands to the supervisor of one home. Not for several threads at once."""

    def __init__(self, home: Path) -> None:
        self._socket = supervisor_socket(home)
        server = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(self._socket))
        self._supervisor = cast(Any, server).supervisor

    def is_running(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            try:
                probe.connect(str(self._socket))
            except OSError:
                return False
        return True

    def pid(self) -> int:
        return int(self._call("getPID"))

    def processes(self) -> list[ProcessState]:
        """Every supervised process.

        Raises:
            OSError: no supervisor answers.
        """
        return [
            ProcessState(
                # A program of its own is in a group of its own name.
                name=info["name"],
                state=info["statename"],
                pid=info["pid"] or None,
                started_at=float(info["start"]),
                reason=info["spawnerr"],
            )
            for info in self._call("getAllProcessInfo")
        ]

    def start(self, group: str, name: str) -> None:
        self._call("startProcess", f"{group}:{name}", False, accept=_ALREADY_STARTED)

    def stop(self, group: str, name: str) -> None:
        """Stop a program and wait until it has ended."""
        self._call("stopProcess", f"{group}:{name}", True, accept=_NOT_RUNNING)

    def shutdown(self) -> None:
        """Ask the supervisor to end everything, last started first, and then itself."""
        self._call("shutdown", accept=_SHUTDOWN_STATE)

    def _call(self, method: str, *arguments: object, accept: int | None = None) -> Any:
        """Call a method. That the supervisor is ending, or breaks off, is a ConnectionError like that it is gone."""
        try:
            return getattr(self._supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == accept:
                return None
            if fault.faultCode == _SHUTDOWN_STATE:
                raise ConnectionError("the supervisor is ending") from None
            raise
        except (http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise ConnectionError(str(error)) from None
