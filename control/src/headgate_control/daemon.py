"""Dagster's daemon, started when the code servers that it needs are there.

Run as `python -m headgate_control.daemon --workspace …/workspace.yaml` by the supervisor. A daemon that looks at a code
location before its server listens fails the runs that are queued for it.
"""

import argparse
from pathlib import Path

from dagster._daemon.cli import run_command

from headgate_control.workspace import wait_for_sockets

_LOCATIONS_WAIT_S = 10.0
"""A code server that hangs at import must not keep the daemon from the others; it is joined when it answers."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="headgate-daemon")
    parser.add_argument("--workspace", type=Path, required=True)
    workspace = parser.parse_args().workspace
    # The imports above took a second, in which the code servers have been loading.
    wait_for_sockets(workspace, _LOCATIONS_WAIT_S)
    run_command(["--workspace", str(workspace), "--log-format", "rich"])


if __name__ == "__main__":
    main()
