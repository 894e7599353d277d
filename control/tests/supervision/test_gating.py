"""A blocking check of one team's table, and what another team's asset does about it: two locations, two processes."""

import time
from collections.abc import Callable, Iterator

import dagster as dg
import pytest
from tiny_platform import LAUNCH, RunningPlatform, TinyRepository, launch_parameters

from headgate_control.instance import dagster_home
from headgate_control.ports import find_free_port
from headgate_control.provision import platform_environment

pytestmark = pytest.mark.e2e

UPSTREAM = """
import os
from pathlib import Path

import dagster as dg


@dg.asset(key_prefix="alpha")
def numbers() -> None: ...


@dg.asset_check(asset=numbers, blocking=True)
def are_good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=not Path(os.environ["HEADGATE_HOME"], "bad-numbers").exists())


defs = dg.Definitions(assets=[numbers], asset_checks=[are_good], executor=dg.in_process_executor)
"""

DOWNSTREAM = """
import os
from pathlib import Path

import dagster as dg

from headgate.orchestration.automation import automation
from headgate.orchestration.sensors import automation_sensor


@dg.asset(
    key_prefix="beta",
    deps=[dg.AssetKey(["alpha", "numbers"])],
    automation_condition=automation("eager_after_checks"),
)
def follower() -> None:
    if Path(os.environ["HEADGATE_HOME"], "bad-follower").exists():
        raise ValueError("as asked for")


defs = dg.Definitions(assets=[follower], sensors=[automation_sensor()], executor=dg.in_process_executor)
"""

FOLLOWER = dg.AssetKey(["beta", "follower"])
RELOAD = "mutation($team: String!) {reloadRepositoryLocation(repositoryLocationName: $team) {__typename}}"
TICK = """
{sensorOrError(sensorSelector: {
  repositoryLocationName: "beta", repositoryName: "__repository__", sensorName: "automation"
}) {... on Sensor {sensorState {ticks(limit: 1) {timestamp status}}}}}
"""


@pytest.fixture(scope="module")
def running(repository: TinyRepository) -> Iterator[RunningPlatform]:
    repository.definitions("alpha").write_text(UPSTREAM.lstrip(), encoding="utf-8")
    repository.definitions("beta").write_text(DOWNSTREAM.lstrip(), encoding="utf-8")
    port = find_free_port()
    started = repository.run("up", "--no-sync", "--detach", "--port", str(port))
    assert started.returncode == 0, started.stdout + started.stderr
    yield RunningPlatform(repository, port)
    repository.run("down")


@pytest.fixture
def instance(running: RunningPlatform, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    settings = running.repository.settings
    for name, value in platform_environment(settings).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(dagster_home(settings.state_folder))) as instance:
        yield instance


def followers(instance: dg.DagsterInstance) -> list[str]:
    """How each run of the downstream asset stands, the oldest first."""
    runs = [run for run in instance.get_runs() if FOLLOWER in (run.asset_selection or ())]
    return [run.status.value for run in reversed(runs)]


def wait_until(condition: Callable[[], bool], timeout: float = 300) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def look_again(running: RunningPlatform, times: int = 4) -> None:
    """Until the sensor of beta has looked so many times from now on, each without an error."""
    began, seen = time.time(), set[float]()

    def has_looked() -> bool:
        [tick] = running.query(TICK)["sensorOrError"]["sensorState"]["ticks"]
        assert tick["status"] != "FAILURE"
        if tick["timestamp"] > began and tick["status"] != "STARTED":
            seen.add(tick["timestamp"])
        return len(seen) >= times

    wait_until(has_looked)


def check_numbers(running: RunningPlatform) -> None:
    """Run the upstream's check alone."""
    parameters = launch_parameters("alpha")
    parameters["selector"]["assetCheckSelection"] = [{"assetKey": {"path": ["alpha", "numbers"]}, "name": "are_good"}]
    run = running.query(LAUNCH, parameters=parameters)["launchRun"]["run"]
    running.wait_for_run(run["runId"])


def test_downstream_follows_good_updates_of_another_location_once(
    running: RunningPlatform, instance: dg.DagsterInstance
) -> None:
    bad_numbers, bad_follower = (running.repository.home / name for name in ("bad-numbers", "bad-follower"))

    running.wait_for_run(running.launch("alpha", "numbers"))
    wait_until(lambda: followers(instance) == ["SUCCESS"])

    bad_numbers.touch()
    running.wait_for_run(running.launch("alpha", "numbers"), "FAILURE")
    look_again(running)
    assert followers(instance) == ["SUCCESS"], "it started although the upstream's check failed"

    bad_numbers.unlink()
    check_numbers(running)  # the very update that was held back is found good
    wait_until(lambda: followers(instance) == ["SUCCESS"] * 2)
    look_again(running)
    assert followers(instance) == ["SUCCESS"] * 2

    bad_follower.touch()
    running.wait_for_run(running.launch("alpha", "numbers"))
    wait_until(lambda: followers(instance) == ["SUCCESS"] * 2 + ["FAILURE"])
    look_again(running)
    assert followers(instance) == ["SUCCESS"] * 2 + ["FAILURE"], "it was tried again without a new reason"

    bad_follower.unlink()
    for team in ("alpha", "beta"):
        assert running.query(RELOAD, team=team)["reloadRepositoryLocation"]["__typename"] == "WorkspaceLocationEntry"
    look_again(running)
    assert followers(instance) == ["SUCCESS"] * 2 + ["FAILURE"], "it ran again because of a redeploy"

    running.wait_for_run(running.launch("alpha", "numbers"))
    wait_until(lambda: followers(instance) == ["SUCCESS"] * 2 + ["FAILURE", "SUCCESS"])
    look_again(running)
    assert len(followers(instance)) == 4
