"""Running the server: one process a world, an end without waiting."""

import os
import socket
from pathlib import Path

import uvicorn

from acme.bookkeeping import write_json
from acme.errors import AcmeError
from acme.strava.recording import load_spec
from acme.strava.server import make_app
from acme.strava.store import served


def run_server(folder: Path, port: int) -> None:
    """Serve a world on 127.0.0.1 until SIGINT or SIGTERM. Prints the address when it listens.

    Raises:
        AcmeError: there is no world, somebody serves it already, or the port is taken.
    """
    load_spec(folder)
    with served(folder), _listen(port) as listener:
        port = listener.getsockname()[1]
        # Whoever wants to end it finds it here.
        write_json(folder / "server.json", {"pid": os.getpid(), "port": port})
        print(f"http://127.0.0.1:{port}/api/v3", flush=True)
        configuration = uvicorn.Config(
            make_app(folder),
            log_level="warning",
            access_log=False,
            lifespan="on",
            # A fault that keeps silent must not keep the server from ending.
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        try:
            uvicorn.Server(configuration).run(sockets=[listener])
        finally:
            (folder / "server.json").unlink(missing_ok=True)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise AcmeError(
            f"Port {port} cannot be listened on: {error}",
            where=f"127.0.0.1:{port}",
            next_step="choose another one with --port, or 0 for any that is free",
        ) from error
    listener.listen(128)
    return listener
