"""The gateway: Dagster's own web app in one process, behind the guard, on 127.0.0.1.

`launch` runs it in a process of its own. There is no second port: the app is served in that process and nowhere else.
"""

import argparse
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_graphql.schema import create_schema
from dagster_webserver.webserver import DagsterWebserver
from starlette.concurrency import run_in_threadpool

from headgate.environment import read_settings
from headgate_control.gateway_guard import Application, Guard, Receive, Scope, Send, allowed_hosts
from headgate_control.gateway_pages import add_pages
from headgate_control.gateway_workspace import SupervisedWorkspace
from headgate_control.workspace import wait_for_sockets, wait_until_prepared

if TYPE_CHECKING:
    from graphene import Schema

HEALTH_PATH = "/headgate/health"

_STATEMENT_TIMEOUT_MS = 15_000
_POOL_RECYCLE_S = 3600
_POOL_MAX_OVERFLOW = 20
_LOCATIONS_WAIT_S = 4.0


_make_schema = cache(create_schema)


def prepare() -> None:
    """What needs no database: half a second of computing, which touches much of what is imported."""
    _make_schema()


class _WebServer(DagsterWebserver):  # type: ignore[type-arg]
    """Dagster's, with the one schema of this process."""

    def build_graphql_schema(self) -> "Schema":
        return _make_schema()


def add_health(application: Application, workspace: SupervisedWorkspace) -> Application:
    """Answer `GET /headgate/health` with the state of code locations, daemons and runs as JSON."""

    async def with_health(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != HEALTH_PATH:
            await application(scope, receive, send)
            return
        health = await run_in_threadpool(workspace.health)
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(health).encode()})

    return with_health


def serve(*, workspace_file: Path, port: int, names: Sequence[str] = ()) -> None:
    """Serve the UI until SIGTERM. `DAGSTER_HOME` names the instance.

    Args:
        workspace_file: from `write_workspace`.
        port: on 127.0.0.1.
        names: further host names that a proxy in front is reached by.
    """
    settings = read_settings()
    wait_until_prepared(settings.state_folder)
    # Slow ones join later.
    wait_for_sockets(workspace_file, _LOCATIONS_WAIT_S)
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_S, _POOL_MAX_OVERFLOW)
        with SupervisedWorkspace(instance, WorkspaceFileTarget(paths=[str(workspace_file)])) as workspace:
            application: Application = _WebServer(workspace).create_asgi_app()
            guarded = Guard(add_pages(add_health(application, workspace), settings), allowed_hosts(port, names))
            uvicorn.run(
                guarded,
                host="127.0.0.1",
                port=port,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )


def main(arguments: Sequence[str]) -> None:
    """Serve as the arguments say: `--port 3000 --workspace …/workspace.yaml`."""
    parser = argparse.ArgumentParser(prog="headgate-gateway")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--allow-host", action="append", default=[])
    options = parser.parse_args(arguments)
    serve(workspace_file=options.workspace, port=options.port, names=options.allow_host)
