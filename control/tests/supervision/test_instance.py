"""The Dagster instance on an embedded PostgreSQL, and runs whose worker is gone."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test
from tiny_platform import TinyRepository

from headgate_control import databases
from headgate_control.instance import (
    PASSWORD_VARIABLE,
    InstanceError,
    dagster_home,
    initialise,
    instance_settings,
    is_initialised,
)
from headgate_control.provision import platform_environment
from headgate_control.stale_runs import has_unfinished_runs, is_same_process, sweep_runs

pytestmark = pytest.mark.services

POOL = "machine"
LOCATION = GrpcServerCodeLocationOrigin(host="localhost", socket="/tmp/alpha.sock", location_name="alpha")


@pytest.fixture(scope="module")
def storage(repository: TinyRepository) -> Iterator[str]:
    """The URL of a fresh database for Dagster, with this process able to log in."""
    settings = repository.settings
    databases.start(settings, ["postgres"])
    databases.prepare(settings)
    before = dict(os.environ)
    os.environ.update(platform_environment(settings))
    yield databases.storage_url(settings)
    os.environ.clear()
    os.environ.update(before)
    databases.stop(settings, ["postgres"])


@pytest.fixture
def instance(repository: TinyRepository, storage: str) -> Iterator[DagsterInstance]:
    initialise(repository.home, storage)
    with DagsterInstance.get() as instance:
        yield instance
        for run in instance.get_runs():
            instance.delete_run(run.run_id)


def test_several_processes_initialise_at_once_and_the_second_time_is_fast(
    repository: TinyRepository, storage: str
) -> None:
    assert not is_initialised(storage)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: initialise(repository.home, storage), range(3)))
    assert is_initialised(storage)
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from headgate_control.instance import initialise\n"
        "began = time.process_time()\n"
        "initialise(Path(sys.argv[1]), sys.argv[2])\n"
        "assert 'dagster' not in sys.modules\n"
        "print(time.process_time() - began)\n"
    )
    command = [sys.executable, "-c", program, str(repository.home), storage]
    seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert seconds < 1  # of computing: whatever runs beside it takes time of the clock


def test_settings_are_what_dagster_understands(instance: DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds == 6 * 3600
    assert not instance.telemetry_enabled
    assert instance.get_settings("sensors")["use_threads"]
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert (queue.max_concurrent_runs, queue.max_user_code_failure_retries) == (4, 10)


def test_no_password_is_written(repository: TinyRepository, storage: str) -> None:
    text = (dagster_home(repository.home) / "dagster.yaml").read_text(encoding="utf-8")
    assert os.environ[PASSWORD_VARIABLE] not in text
    assert yaml.safe_load(text)["storage"]["custom"]["config"]["postgres_db"]["password"] == {"env": PASSWORD_VARIABLE}


def test_server_and_socket_urls_reach_dagster(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    server = instance_settings("postgresql://dagster@db.example:6000/runs?sslmode=require", compute_logs=folder)
    assert server["storage"]["custom"]["config"]["postgres_db"] == {
        "username": "dagster",
        "password": {"env": PASSWORD_VARIABLE},
        "hostname": "db.example",
        "port": 6000,
        "db_name": "runs",
        "scheme": "postgresql+psycopg2",
        "params": {"sslmode": "require"},
    }
    with pytest.raises(InstanceError, match="names no role or no database"):
        instance_settings("postgresql://db.example", compute_logs=folder)


def test_a_database_that_is_down_is_three_lines_without_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "hunter2")
    with pytest.raises(InstanceError) as error:
        is_initialised("postgresql://dagster@/dagster?host=/nowhere")
    assert len(str(error.value).splitlines()) == 3
    assert "hunter2" not in str(error.value)


@dg.op(pool=POOL)
def hold() -> None: ...


@dg.job
def holding() -> None:
    hold()


def make_run(instance: DagsterInstance, status: DagsterRunStatus, *, worker: int | None, **tags: str) -> str:
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(LOCATION, "__repository__"), "holding")
    run = create_run_for_test(instance, job_name="holding", status=status, tags=tags, remote_job_origin=origin)
    if worker is not None:
        instance.report_engine_event(f"Started process for run (pid: {worker}).", run)
    return str(run.run_id)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_runs_whose_worker_is_gone_are_ended(instance: DagsterInstance, storage: str) -> None:
    status = DagsterRunStatus
    gone = make_run(instance, status.STARTED, worker=dead_pid())
    cancelling = make_run(instance, status.CANCELING, worker=dead_pid())
    alive = make_run(instance, status.STARTED, worker=os.getpid())
    queued = make_run(instance, status.QUEUED, worker=None)
    finished = make_run(instance, status.SUCCESS, worker=dead_pid())
    assert has_unfinished_runs(storage)

    assert set(sweep_runs(instance)) == {gone, cancelling}

    now = {run.run_id: run.status for run in instance.get_runs()}
    assert now == {
        gone: status.FAILURE,
        cancelling: status.CANCELED,
        alive: status.STARTED,
        queued: status.QUEUED,
        finished: status.SUCCESS,
    }
    messages = [entry.message for entry in instance.all_logs(gone)]
    assert any("launch it again" in message for message in messages)
    assert sweep_runs(instance) == []


def test_a_process_with_the_same_number_is_another_one() -> None:
    """After a reboot the worker's number belongs to a process that began after the worker had reported."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert is_same_process(process.pid, seen_at=time.time())
            assert not is_same_process(process.pid, seen_at=time.time() - 3600)
        finally:
            process.kill()
    assert not is_same_process(process.pid, seen_at=time.time())


@pytest.mark.parametrize(
    ("age", "server", "ends"),
    [
        (5.0, "idle", False),
        (60.0, "idle", True),
        (60.0, "starting it", False),
        (5.0, "gone", True),
        (60.0, "gone", True),
    ],
)
def test_a_launch_gets_half_a_minute_to_reach_its_server_and_longer_once_there(
    instance: DagsterInstance, age: float, server: str, ends: bool
) -> None:
    tag = {GRPC_INFO_TAG: '{"host": "localhost", "socket": "/tmp/a.sock"}'}
    run = make_run(instance, DagsterRunStatus.STARTING, worker=None, **tag)
    executing = {"idle": set[str](), "starting it": {run}, "gone": None}[server]
    ended = sweep_runs(instance, now=time.time() + age, find_executing=lambda socket: executing)
    assert ended == ([run] if ends else [])


@pytest.mark.parametrize("listens_first", [True, False])
def test_a_server_that_began_after_a_launch_was_never_asked_for_it(
    instance: DagsterInstance, tmp_path: Path, listens_first: bool
) -> None:
    """As after a crash in which the run's newest events were lost: nobody else will begin it."""
    path = tmp_path / "a.sock"
    tag = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(path)})}
    with socket.socket(socket.AF_UNIX) as server:
        if listens_first:
            server.bind(str(path))
        run = make_run(instance, DagsterRunStatus.STARTING, worker=None, **tag)
        if not listens_first:
            time.sleep(1.1)  # the run's own time may be kept in whole seconds
            server.bind(str(path))
        ended = sweep_runs(instance, find_executing=lambda asked: set())
    assert ended == ([] if listens_first else [run])


def test_places_in_pools_are_freed(instance: DagsterInstance) -> None:
    storage = instance.event_log_storage
    storage.set_concurrency_slots(POOL, 1)
    gone = make_run(instance, DagsterRunStatus.STARTED, worker=dead_pid())
    finished = make_run(instance, DagsterRunStatus.FAILURE, worker=None)
    assert storage.claim_concurrency_slot(POOL, gone, "hold").is_claimed
    assert not storage.claim_concurrency_slot(POOL, finished, "hold").is_claimed
    sweep_runs(instance)
    info = storage.get_concurrency_info(POOL)
    assert (info.active_slot_count, info.pending_step_count) == (0, 0)
