"""What happens to a platform of two tiny teams while it runs: it goes on, and each test leaves it well."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from tiny_platform import RELOAD, RunningPlatform, up, wait_for

from headgate_control.platform_state import read_platform
from headgate_control.ports import find_free_port
from headgate_control.status import read_status

pytestmark = pytest.mark.e2e


def test_a_second_up_is_refused_and_harms_nothing(platform: RunningPlatform) -> None:
    repository = platform.repository
    before = {process["name"]: process["pid"] for process in repository.status()["processes"]}
    refused = up(repository, find_free_port())
    assert refused.returncode == 2
    assert "running already" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 3
    assert {process["name"]: process["pid"] for process in repository.status()["processes"]} == before


def test_a_second_daemon_is_refused(platform: RunningPlatform) -> None:
    repository = platform.repository
    program = "import os; from headgate_control import launch; launch.run('daemon', [], os.environ.copy())"
    second = subprocess.run(
        [sys.executable, "-c", program],
        env=repository.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert second.returncode == 1
    [daemon] = [process for process in repository.status()["processes"] if process["name"] == "daemon"]
    what, _, next_step = second.stderr.splitlines()
    assert what == f"another Dagster daemon of this home is running (process {daemon['pid']})"
    assert "headgate down" in next_step


def test_a_web_server_that_does_not_answer_is_no_fault_of_the_teams(
    platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate_control.status._LOADING_S", 0.0)
    running = read_platform(platform.repository.home)
    assert running is not None
    status = read_status(platform.repository.home, replace(running, port=find_free_port()), measure=False)
    assert not status.is_well and not status.gateway_answers
    assert {(one.state, one.problem) for one in status.locations.values()} == {("loading", None)}


def test_a_folder_that_is_deleted_under_a_running_platform_is_named(platform: RunningPlatform) -> None:
    repository = platform.repository
    folder = repository.root / "teams" / "beta"
    folder.rename(repository.root / "beta-away")
    try:
        with pytest.raises(AssertionError, match="the folder of team beta is gone"):
            platform.query(RELOAD, team="beta")
        shown = repository.run("status")
        assert shown.returncode == 1
        assert "the folder of team beta is gone" in shown.stdout
        run_id = platform.launch("alpha", "one")
        platform.wait_for_run(run_id)
    finally:
        (repository.root / "beta-away").rename(folder)
    assert wait_for(lambda: repository.run("status").returncode == 0)


def test_killed_processes_come_back(platform: RunningPlatform) -> None:
    repository = platform.repository
    pids = {process["name"]: process["pid"] for process in repository.status()["processes"]}
    for name in ("code-alpha", "daemon", "gateway"):
        os.kill(pids[name], signal.SIGKILL)
    assert wait_for(lambda: repository.run("status").returncode == 0)
    after = {process["name"]: process["pid"] for process in repository.status()["processes"]}
    assert {name for name in pids if pids[name] != after[name]} == {"code-alpha", "daemon", "gateway"}
    run_id = platform.launch("alpha", "one")
    platform.wait_for_run(run_id)


def test_a_run_that_died_with_its_code_server_is_ended_while_the_platform_runs(platform: RunningPlatform) -> None:
    """As the system does it when memory is short: neither the worker nor its parent could report anything."""
    repository = platform.repository
    run_id = platform.launch("alpha", "slow")
    platform.wait_for_run(run_id, "STARTED")
    server = next(process for process in repository.status()["processes"] if process["name"] == "code-alpha")
    os.killpg(server["pid"], signal.SIGKILL)
    platform.wait_for_run(run_id, "FAILURE")
    assert wait_for(lambda: repository.run("status").returncode == 0)
