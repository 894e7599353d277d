"""What the control image runs: `python -m headgate_control.container prepare | web | daemon`.

What belongs here: the platform's processes where something else supervises them (compose, Kubernetes). What does not:
a laptop's or a server's own (`supervision`), the code locations (the team's image runs Dagster's own server).
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate_control import databases
from headgate_control.gateway_guard import Application, Guard, allowed_hosts
from headgate_control.instance import initialise


class ContainerError(HeadgateError):
    """The container was not told what it needs."""


def prepare() -> list[str]:
    """Makes roles, zones and Dagster's tables where they are missing; again and again without harm.

    Raises:
        ContainerError: an address is missing.
        ZoneError, InstanceError: a server refuses.
    """
    settings = read_settings()
    for name in ("HEADGATE_CATALOG_URL", "HEADGATE_ADMIN_URL", "HEADGATE_DAGSTER_URL"):
        if not os.environ.get(name):
            raise ContainerError(
                f"{name} is not set", where="environment variables of this container", next_step="see deploy/README.md"
            )
    made = databases.prepare(settings)
    initialise(settings.state_folder, databases.storage_url(settings))
    return made


def serve(workspace: Path, *, host: str, port: int, names: Sequence[str] = ()) -> None:
    """Dagster's web app behind the guard, until SIGTERM. `DAGSTER_HOME` names the instance.

    Args:
        workspace: Dagster's workspace file.
        host: address to listen on.
        port: likewise; also the port that a browser on this machine uses.
        names: further host names that a proxy in front is reached by.
    """
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context

    with DagsterInstance.get() as instance:
        with WorkspaceProcessContext(instance, WorkspaceFileTarget(paths=[str(workspace)])) as context:
            application: Application = create_app_from_workspace_process_context(context)
            guarded = Guard(application, allowed_hosts(port, names))
            uvicorn.run(guarded, host=host, port=port, log_level="warning", access_log=False, server_header=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="headgate-container")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare")
    web = commands.add_parser("web")
    web.add_argument("--host", default="0.0.0.0")
    web.add_argument("--port", type=int, required=True)
    web.add_argument("--allow-host", action="append", default=[])
    daemon = commands.add_parser("daemon")
    for command in (web, daemon):
        command.add_argument("--workspace", type=Path, required=True)
    options = parser.parse_args()
    try:
        if options.command == "prepare":
            for what in prepare():
                print(f"made {what}", flush=True)
        elif options.command == "web":
            serve(options.workspace, host=options.host, port=options.port, names=options.allow_host)
        else:
            os.execvp("dagster-daemon", ["dagster-daemon", "run", "--workspace", str(options.workspace)])
    except HeadgateError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
