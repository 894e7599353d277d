"""Where the code servers of the teams listen, and the `workspace.yaml` that tells Dagster's web server and daemon so.

What belongs here: socket paths, the workspace file, and waiting for either. What does not: starting a code server
(`code_server`) and keeping it alive (`supervision`).
"""

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from headgate.errors import HeadgateError

SOCKET_PATH_LIMIT = 103
"""Longest path of a unix socket that works everywhere: `sun_path` holds 108 bytes on Linux, 104 on macOS, with the
closing zero."""

_LONGEST_SOCKET_NAME = 55
"""A team's name has at most 39 characters; prefix and suffix fit beside it."""


class WorkspaceError(HeadgateError):
    """The run folder or the sockets in it cannot be used."""


def run_folder(home: Path) -> Path:
    """`$HEADGATE_HOME/run`, made with mode 0700: what only lives as long as the processes do."""
    folder = home / "run"
    _make_private(folder)
    return folder


def socket_folder(home: Path) -> Path:
    """The folder for this home's unix sockets: the run folder, or a short one when that path is too long for a socket.

    The short folder lies under `/tmp` whatever TMPDIR says, so that every shell finds the same one.

    Raises:
        WorkspaceError: the folder cannot be made, or belongs to somebody else.
    """
    folder = run_folder(home)
    if len(os.fsencode(folder)) + 1 + _LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
        return folder
    digest = hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]
    base = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())
    folder = base / f"headgate-{os.getuid()}-{digest}"
    _make_private(folder)
    return folder


def code_socket(home: Path, team: str) -> Path:
    """The socket of a team's supervised code server."""
    return socket_folder(home) / f"code-{team}.sock"


def write_workspace(path: Path, sockets: Iterable[tuple[str, Path]]) -> Path:
    """Write Dagster's workspace: one gRPC server a team, location name = team name.

    Args:
        path: the file to write.
        sockets: team name and the socket of its code server.
    """
    import yaml  # late: who only asks for paths may be there for weeks

    servers = [{"grpc_server": {"socket": str(socket), "location_name": team}} for team, socket in sockets]
    replace_text(path, yaml.safe_dump({"load_from": servers}, sort_keys=False))
    return path


def read_workspace(path: Path) -> list[tuple[str, Path]]:
    """Team names and sockets of a file that `write_workspace` wrote."""
    import yaml

    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    servers = [entry["grpc_server"] for entry in document["load_from"]]
    return [(server["location_name"], Path(server["socket"])) for server in servers]


def wait_for_sockets(workspace: Path, timeout: float) -> None:
    """Wait until every code server of a workspace listens, but no longer than `timeout` seconds."""
    sockets = [socket for _, socket in read_workspace(workspace)]
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and not all(socket.exists() for socket in sockets):
        time.sleep(0.02)


def prepared_file(home: Path) -> Path:
    """Exists while the databases of a running platform are there with all that Dagster needs in them."""
    return run_folder(home) / "prepared"


def wait_until_prepared(home: Path, timeout: float = 300.0) -> None:
    """Wait until the databases are ready.

    Raises:
        WorkspaceError: they are not within `timeout` seconds.
    """
    path = prepared_file(home)
    deadline = time.monotonic() + timeout
    while not path.exists():
        if time.monotonic() > deadline:
            raise WorkspaceError(
                f"the databases are not ready after {timeout:.0f} s",
                where=str(path),
                next_step="run `headgate status`, read the logs of postgres",
            )
        time.sleep(0.02)


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    # mkstemp: readable by its owner only, and another name for each thread, not for each process.
    descriptor, partial = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(partial).replace(path)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise WorkspaceError(
            f"the folder for running processes cannot be made: {error.strerror}",
            where=str(folder),
            next_step="make that place writable, or set HEADGATE_HOME to a folder you may write",
        ) from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise WorkspaceError(
            "the folder for running processes belongs to somebody else",
            where=str(folder),
            next_step="remove it, or set HEADGATE_HOME to a folder of your own",
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
