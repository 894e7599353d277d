"""Whether a port is free, and who has it."""

import socket

import psutil

from headgate.errors import HeadgateError


class PortError(HeadgateError):
    """A port cannot be listened on."""


def check_port(port: int) -> None:
    """See that the gateway can listen on 127.0.0.1 and that `localhost` means nobody else.

    Raises:
        PortError: somebody listens there, named when the system tells, or the port needs rights.
    """
    if not 1 <= port <= 65535:
        raise PortError(f"{port} is not a port", where="--port", next_step="use a number from 1024 to 65535")
    try:
        with socket.socket(socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
    except PermissionError:
        raise PortError(
            f"this user may not listen on port {port}",
            where=f"127.0.0.1:{port}",
            next_step="use a port above 1023: `headgate up --port 3000`",
        ) from None
    except OSError:
        raise _taken(port) from None
    # A browser tries ::1 first for localhost: whoever listens there would get the platform's cookies and visitors.
    if socket.has_ipv6:
        with socket.socket(socket.AF_INET6) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("::1", port)) == 0:
                raise _taken(port)


def _taken(port: int) -> PortError:
    holder = find_listener(port)
    return PortError(
        f"port {port} is in use",
        where=f"127.0.0.1:{port}, by {describe(holder)}"
        if holder
        else f"127.0.0.1:{port}, by a process not visible here",
        next_step=f"end that process, or use another port: `headgate up --port {port + 1 if port < 65535 else 3000}`",
    )


def find_listener(port: int) -> psutil.Process | None:
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and connection.pid and address and address.port == port:
                return psutil.Process(connection.pid)
    except psutil.Error:
        return None
    return None


def describe(process: psutil.Process) -> str:
    try:
        command = " ".join(process.cmdline()) or process.name()
        return f"process {process.pid} ({command[:80]})"
    except psutil.Error:
        return f"process {process.pid}"


def find_free_port() -> int:
    """A port that nobody listens on now; somebody may the next moment."""
    with socket.socket(socket.AF_INET) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
