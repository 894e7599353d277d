"""One run for every update across code locations, on a running platform whose daemon is killed again and again."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator

import dagster as dg
import pytest
from tiny_platform import TinyRepository

from headgate_control.instance import dagster_home
from headgate_control.ports import find_free_port
from headgate_control.provision import platform_environment

pytestmark = pytest.mark.e2e

UPDATES = 24
KILLS = (5, 6, 12, 18)
"""After which update the daemon is killed: at once, while runs are being started, and while the last ones go on."""

UPSTREAM = """
import dagster as dg


@dg.asset(key_prefix="alpha")
def numbers() -> None: ...


defs = dg.Definitions(assets=[numbers], executor=dg.in_process_executor)
"""

DOWNSTREAM = """
import time

import dagster as dg

from headgate.orchestration.sensors import update_sensor


@dg.asset(key_prefix="beta", deps=[dg.AssetKey(["alpha", "numbers"])])
def follower() -> None:
    time.sleep(1)  # longer than between two updates


defs = dg.Definitions(
    assets=[follower], sensors=[update_sensor("alpha.numbers", target=[follower])], executor=dg.in_process_executor
)
"""

FOLLOWER = dg.AssetKey(["beta", "follower"])
NUMBERS = dg.AssetKey(["alpha", "numbers"])


@pytest.fixture(scope="module")
def running(repository: TinyRepository) -> Iterator[TinyRepository]:
    repository.definitions("alpha").write_text(UPSTREAM.lstrip(), encoding="utf-8")
    repository.definitions("beta").write_text(DOWNSTREAM.lstrip(), encoding="utf-8")
    started = repository.run("up", "--no-sync", "--detach", "--port", str(find_free_port()))
    assert started.returncode == 0, started.stdout + started.stderr
    yield repository
    repository.run("down")


@pytest.fixture
def instance(running: TinyRepository, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in platform_environment(running.settings).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(dagster_home(running.home))) as instance:
        yield instance


def kill_daemon(repository: TinyRepository) -> int:
    """Kill the daemon that is running, and return its process number."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        pids = {process["name"]: process["pid"] for process in repository.status()["processes"]}
        if pid := pids.get("daemon"):
            os.kill(pid, signal.SIGKILL)
            return int(pid)
        time.sleep(0.2)
    raise TimeoutError("no daemon")


def successes(instance: dg.DagsterInstance) -> Counter[str]:
    """How many runs succeeded for each update."""
    records = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
    return Counter(run.tags["headgate/update"] for run in records)


def wait_for_updates(instance: dg.DagsterInstance, number: int, timeout: float = 300) -> None:
    """Until runs for so many updates have succeeded, and none is waiting or going."""
    deadline = time.monotonic() + timeout
    while len(successes(instance)) < number or not all(run.is_finished for run in instance.get_runs()):
        assert time.monotonic() < deadline, Counter(run.status.value for run in instance.get_runs())
        time.sleep(0.5)


def test_every_update_starts_one_run_though_the_daemon_is_killed(
    running: TinyRepository, instance: dg.DagsterInstance
) -> None:
    chance = random.Random(1)
    killed = set()
    for number in range(1, UPDATES + 1):
        instance.report_runless_asset_event(dg.AssetMaterialization(NUMBERS))
        if number in KILLS:
            time.sleep(chance.uniform(0, 1.5))
            killed.add(kill_daemon(running))
        time.sleep(chance.uniform(0, 1.2))
    wait_for_updates(instance, UPDATES)
    time.sleep(5)  # in which a second run for an update would be started
    wait_for_updates(instance, UPDATES)

    updates = [str(record.storage_id) for record in instance.fetch_materializations(NUMBERS, limit=100).records]
    assert len(updates) == UPDATES
    assert len(killed) == len(KILLS)
    assert successes(instance) == Counter(updates)
    assert len(instance.fetch_materializations(FOLLOWER, limit=100).records) == UPDATES
    # What the daemon was starting when it was killed never began, and was started again.
    lost = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert all(run.tags["dagster/will_retry"] == "true" for run in lost)
    began = [run for run in lost if instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)]
    assert began == []
    assert len(instance.get_runs()) == UPDATES + len(lost)
