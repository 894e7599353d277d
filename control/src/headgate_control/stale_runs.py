"""Runs whose worker is gone: a reboot or SIGKILL leaves them STARTED for ever, with their places in queue and pools.

Dagster's own run monitoring cannot see it: the launcher of this platform starts a run as a child of the team's code
server and knows nothing of it once that server is gone. A worker writes its process id into the run's events; that
process, with its start time, is what is looked for here.
"""

import json
import os
import re
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import psycopg

from headgate_control.instance import connection_url

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_WORKER_STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")
_UNFINISHED = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")

_CLOCK_SLACK_S = 10.0
"""A process that began this much later than the event that names it is another one with the same number."""

_LAUNCH_S = 30.0
"""How long a launch may take to name its worker before its code server's silence means that it never will."""

_MESSAGE = (
    "The process that executed this run is gone: the machine or the platform was stopped while it ran. "
    "Nothing that was not committed has been published; launch it again."
)


def has_unfinished_runs(storage_url: str) -> bool:
    """Whether there is anything to sweep, without importing Dagster."""
    with psycopg.connect(connection_url(storage_url), connect_timeout=10) as connection:
        row = connection.execute("select 1 from runs where status = any(%s) limit 1", [list(_UNFINISHED)]).fetchone()
    return row is not None


def sweep_runs(
    instance: "DagsterInstance", *, now: float | None = None, is_served: Callable[[str], bool] | None = None
) -> list[str]:
    """Fail every unfinished run whose worker is gone, cancel one that was being cancelled, and free their pool slots.

    Runs that wait in the queue are left alone: the daemon launches them.

    Args:
        instance: the Dagster instance.
        now: seconds since the epoch.
        is_served: whether a code server answers on the socket it is given.

    Returns:
        The ids of the runs that were ended.
    """
    from dagster import DagsterRunStatus, RunsFilter

    now = time.time() if now is None else now
    statuses = [DagsterRunStatus[name] for name in _UNFINISHED]
    ended = []
    for record in instance.get_run_records(RunsFilter(statuses=statuses)):
        run = record.dagster_run
        began = record.start_time or record.create_timestamp.timestamp()
        if _has_worker(instance, run, age=now - began, is_served=is_served or _answers):
            continue
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, _MESSAGE)
        else:
            instance.report_run_failed(run, _MESSAGE)
        ended.append(run.run_id)
    for run_id in ended + _finished_slot_holders(instance):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return ended


def _has_worker(
    instance: "DagsterInstance", run: "DagsterRun", *, age: float, is_served: Callable[[str], bool]
) -> bool:
    from dagster import DagsterEventType

    for entry in reversed(instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        if match := _WORKER_STARTED.match(entry.message):
            return is_same_process(int(match.group(1)), entry.timestamp)
    # No worker has reported yet: it is being launched, or the launch was lost.
    served_at = json.loads(run.tags.get(".dagster/grpc_info", "{}")).get("socket")
    return age < _LAUNCH_S and (served_at is None or is_served(served_at))


def is_same_process(pid: int, seen_at: float) -> bool:
    """Whether the process that had this number at `seen_at` (seconds since the epoch) still runs."""
    if pid == os.getpid():
        return True
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= seen_at + _CLOCK_SLACK_S
    except psutil.NoSuchProcess:
        return False


def _finished_slot_holders(instance: "DagsterInstance") -> list[str]:
    """Finished runs that still hold or wait for a place in a pool."""
    storage = instance.event_log_storage
    holders = set()
    for key in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(key)
        holders |= set(info.active_run_ids) | set(info.pending_run_ids)
    runs = {run_id: instance.get_run_by_id(run_id) for run_id in holders}
    return [run_id for run_id, run in runs.items() if run is None or run.is_finished]


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(path)
        except OSError:
            return False
    return True


def main() -> None:
    """Sweep the instance of `DAGSTER_HOME`, and say what was ended."""
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        ended = sweep_runs(instance)
    if ended:
        print(f"{len(ended)} run{'s' if len(ended) > 1 else ''} whose process is gone marked as failed")


if __name__ == "__main__":
    main()
