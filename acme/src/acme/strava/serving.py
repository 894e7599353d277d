"""Running the server: a free port, one process, an end without waiting."""

import socket
from pathlib import Path

import uvicorn

from acme.errors import AcmeError
from acme.strava.growth import load_spec
from acme.strava.server import make_app


def run_server(folder: Path, port: int) -> None:
    """Serve a world on 127.0.0.1 until SIGINT or SIGTERM. Prints the address when it listens.

    Raises:
        AcmeError: there is no world, or the port is taken.
    """
    load_spec(folder)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise AcmeError(
            f"Port {port} cannot be listened on: {error.strerror}",
            where=f"127.0.0.1:{port}",
            next_step="choose another one with --port, or 0 for any that is free",
        ) from error
    listener.listen(128)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/api/v3", flush=True)
    configuration = uvicorn.Config(
        make_app(folder),
        log_level="warning",
        access_log=False,
        lifespan="on",
        # A fault that keeps silent must not keep the server from ending.
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    uvicorn.Server(configuration).run(sockets=[listener])
