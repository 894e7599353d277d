"""Dagster's daemon, started when the databases and code servers that it needs are there.

`launch` runs it in a process of its own. A daemon that looks at a code location before its server listens fails the runs that
are queued for it.
"""

import argparse
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from dagster import DagsterInstance
from dagster._daemon import asset_daemon, sensor
from dagster._daemon.cli import run_command

from headgate.environment import read_settings
from headgate_control.stale_runs import sweep_runs
from headgate_control.workspace import wait_for_sockets, wait_until_prepared

_LOCATIONS_WAIT_S = 10.0
"""A code server that hangs at import must not keep the daemon from the others; it is joined when it answers."""

_LOOK_INTERVAL_S = 2
"""Dagster looks whether a sensor or condition is due every five seconds, however short their own intervals are."""

_SWEEP_INTERVAL_S = 30.0


def sweep_forever() -> None:
    """End runs whose worker is gone while the platform runs: one killed together with its code server, by a lack of
    memory for one, is seen by nobody else.
    """
    while True:
        time.sleep(_SWEEP_INTERVAL_S)
        try:
            with DagsterInstance.get() as instance:
                for run_id in sweep_runs(instance):
                    print(f"run {run_id} has no process any more: ended", flush=True)
        except Exception as error:  # the database restarts, say: the next round tries again
            print(f"runs were not looked at: {error}", flush=True)


def main(arguments: Sequence[str]) -> None:
    """Run until SIGTERM as the arguments say: `--workspace …/workspace.yaml`."""
    parser = argparse.ArgumentParser(prog="headgate-daemon")
    parser.add_argument("--workspace", type=Path, required=True)
    workspace = parser.parse_args(arguments).workspace
    wait_until_prepared(read_settings().state_folder)
    wait_for_sockets(workspace, _LOCATIONS_WAIT_S)
    asset_daemon.MIN_INTERVAL_LOOP_SECONDS = sensor.MIN_INTERVAL_LOOP_TIME = _LOOK_INTERVAL_S
    threading.Thread(target=sweep_forever, name="sweep-runs", daemon=True).start()
    run_command(["--workspace", str(workspace)])
