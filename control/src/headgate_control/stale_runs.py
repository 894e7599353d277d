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
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_WORKER_STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")
_UNFINISHED = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")

_CLOCK_SLACK_S = 10.0
"""A process that began this much later than the event that names it is another one with the same number."""

_LAUNCH_S = 30.0
"""How long a launch may take to reach its code server. Once there it may take longer: on a busy machine a worker was seen to
need 40 s to begin, and must not be given up, and launched once more, while it does."""

FindExecuting = Callable[[str], set[str] | None]

_MESSAGE = (
    "The process that executed this run is gone: the machine or the platform was stopped while it ran. "
    "Nothing that was not committed has been published; launch it again."
)


def has_unfinished_runs(storage_url: str) -> bool:
    """Whether there is anything to sweep, without importing Dagster."""
    # Imported late: the daemon, which sweeps too, has another driver.
    import psycopg

    from headgate_control.instance import connection_url

    with psycopg.connect(connection_url(storage_url), connect_timeout=10) as connection:
        row = connection.execute("select 1 from runs where status = any(%s) limit 1", [list(_UNFINISHED)]).fetchone()
    return row is not None


def sweep_runs(
    instance: "DagsterInstance", *, now: float | None = None, find_executing: "FindExecuting | None" = None
) -> list[str]:
    """Fail every unfinished run whose worker is gone, cancel one that was being cancelled, and free their pool slots.

    Runs that wait in the queue are left alone: the daemon launches them.

    Args:
        instance: the Dagster instance.
        now: seconds since the epoch.
        find_executing: the ids of the runs that the code server on a socket executes; None when nobody answers there.

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
        changed = record.update_timestamp.timestamp()
        find = find_executing or _find_executing
        if _has_worker(instance, run, age=now - began, changed_at=changed, find_executing=find):
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
    instance: "DagsterInstance", run: "DagsterRun", *, age: float, changed_at: float, find_executing: FindExecuting
) -> bool:
    from dagster import DagsterEventType

    for entry in reversed(instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        if match := _WORKER_STARTED.match(entry.message):
            return is_same_process(int(match.group(1)), entry.timestamp)
    # No worker has reported yet: it is being launched, or the launch was lost.
    served_at = json.loads(run.tags.get(".dagster/grpc_info", "{}")).get("socket")
    if served_at is None:
        return age < _LAUNCH_S
    executing = find_executing(served_at)
    if executing is None or run.run_id in executing:
        return executing is not None
    # After a crash the newest events may be lost, and another server listens already: it was never asked for this run.
    return age < _LAUNCH_S and _listening_since(served_at) <= changed_at


def _listening_since(path: str) -> float:
    """When a socket was made, in seconds since the epoch; the epoch itself when there is none."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


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


def _find_executing(path: str) -> set[str] | None:
    with socket.socket(socket.AF_UNIX) as probe:  # gRPC would wait for a server to come
        probe.settimeout(2)
        try:
            probe.connect(path)
        except OSError:
            return None
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.types import GetCurrentRunsResult
    from dagster._serdes import deserialize_value

    from headgate_control.code_server import connect

    try:
        return set(deserialize_value(connect(Path(path)).get_current_runs(), GetCurrentRunsResult).current_runs)
    except DagsterUserCodeUnreachableError:
        return None


def main() -> None:
    """Sweep the instance of `DAGSTER_HOME`, and say what was ended."""
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        ended = sweep_runs(instance)
    if ended:
        print(f"{len(ended)} run{'s' if len(ended) > 1 else ''} whose process is gone marked as failed")


if __name__ == "__main__":
    main()
