"""Starting, breaking and stopping a whole platform of two tiny teams, with real processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tiny_platform import ALPHA, BETA, RunningPlatform, TinyRepository

from headgate_control.home_lock import HomeLock
from headgate_control.platform_state import read_platform
from headgate_control.ports import find_free_port

pytestmark = pytest.mark.e2e

BUDGET_S = 10.0
"""From environments present to a usable UI with two teams, on two idle cores."""


RELOAD = """
mutation Reload($team: String!) {
  reloadRepositoryLocation(repositoryLocationName: $team) { __typename ... on PythonError { message } }
}
"""


def wait_for(condition: Callable[[], bool], timeout: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def up(repository: TinyRepository, port: int, *options: str) -> "subprocess.CompletedProcess[str]":
    return repository.run("up", "--no-sync", "--detach", "--port", str(port), *options)


@pytest.fixture
def port() -> int:
    return find_free_port()


@pytest.fixture(autouse=True)
def nothing_runs(repository: TinyRepository) -> Iterator[None]:
    """Each test starts from a stopped platform of sound teams, and leaves no process."""
    repository.definitions("alpha").write_text(ALPHA.lstrip(), encoding="utf-8")
    repository.definitions("beta").write_text(BETA.lstrip(), encoding="utf-8")
    yield
    repository.run("down")
    assert repository.left_processes() == []


def test_up_status_down_twice(repository: TinyRepository, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert repository.run("status").returncode == 2
    for attempt in ("first", "second"):
        cpu_load = os.getloadavg()[0]
        began = time.monotonic()
        started = up(repository, port)
        seconds = time.monotonic() - began
        assert started.returncode == 0, started.stdout + started.stderr
        with capsys.disabled():
            print(f"\n{attempt} start: UI usable after {seconds:.1f} s (load before it {cpu_load:.1f})")
        shown = repository.run("status")
        assert shown.returncode == 0, shown.stdout
        assert f"http://127.0.0.1:{port}" in shown.stdout
        status = repository.status()
        assert {name: one["state"] for name, one in status["locations"].items()} == {
            "alpha": "loaded",
            "beta": "loaded",
        }
        assert {process["state"] for process in status["processes"]} == {"running"}
        assert all(process["memory_mb"] > 1 for process in status["processes"])
        stopped = repository.run("down")
        assert stopped.returncode == 0, stopped.stderr
        assert repository.left_processes() == []
        assert repository.run("status").returncode == 2
    if cpu_load < 0.5:
        assert seconds < BUDGET_S


def test_a_second_up_is_refused_and_harms_nothing(repository: TinyRepository, port: int) -> None:
    assert up(repository, port).returncode == 0
    before = {process["name"]: process["pid"] for process in repository.status()["processes"]}
    refused = up(repository, find_free_port())
    assert refused.returncode == 2
    assert "running already" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 3
    assert {process["name"]: process["pid"] for process in repository.status()["processes"]} == before


def test_a_taken_port_is_named_with_its_holder(repository: TinyRepository, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = up(repository, port)
    assert refused.returncode == 2
    assert f"port {port} is in use" in refused.stderr
    assert f"process {os.getpid()}" in refused.stderr
    assert repository.left_processes() == []


def test_a_running_build_is_not_disturbed(repository: TinyRepository, port: int) -> None:
    with HomeLock(repository.home, "build") as build:
        assert build.acquire(shared=True)
        build.write("4711")
        refused = up(repository, port)
    assert refused.returncode == 2
    assert "a build is running" in refused.stderr
    assert "4711" in refused.stderr


@pytest.mark.parametrize(
    ("definitions", "reason", "line"),
    [
        ("import dagster as dg\n\ndefs = dg.Definitions(\n", "SyntaxError", 3),
        ("import dagster as dg\nimport not_installed\n", "No module named 'not_installed'", 2),
        ("import dagster as dg\n\nassert 1 > 2, 'one is less than two'\n", "one is less than two", 3),
    ],
)
def test_a_broken_team_is_named_while_the_other_serves(
    repository: TinyRepository, port: int, definitions: str, reason: str, line: int
) -> None:
    repository.definitions("beta").write_text(definitions, encoding="utf-8")
    started = up(repository, port)
    assert started.returncode == 0
    assert reason in started.stdout
    assert f"{repository.definitions('beta')}:{line}" in started.stdout
    shown = repository.run("status")
    assert shown.returncode == 1
    assert reason in shown.stdout
    running = RunningPlatform(repository, port)
    run_id = running.launch("alpha", "one")
    running.wait_for_run(run_id)
    # Mended and reloaded, as the button of the UI does it.
    repository.definitions("beta").write_text(BETA.lstrip(), encoding="utf-8")
    assert running.query(RELOAD, team="beta")["reloadRepositoryLocation"]["__typename"] == "WorkspaceLocationEntry"
    assert repository.run("status").returncode == 0


def test_a_team_that_hangs_at_import_holds_up_nobody(repository: TinyRepository, port: int) -> None:
    repository.definitions("beta").write_text("import time\n\ntime.sleep(3600)\n", encoding="utf-8")
    log = repository.home / "up.txt"
    with log.open("w") as output:
        command = [sys.executable, "-m", "headgate_control", "up", "--no-sync", "--port", str(port)]
        process = subprocess.Popen(command, env=repository.environment, stdout=output, stderr=output)
        running = RunningPlatform(repository, port)
        assert wait_for(lambda: "alpha is loaded" in log.read_text()), log.read_text()
        run_id = running.launch("alpha", "one")
        running.wait_for_run(run_id)
        assert wait_for(lambda: "still importing" in log.read_text(), 120), log.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "stopped" in log.read_text()
    assert repository.left_processes() == []


def test_a_broken_manifest_keeps_nobody_else_from_coming_up(repository: TinyRepository, port: int) -> None:
    manifest = repository.root / "teams" / "beta" / "pyproject.toml"
    sound = manifest.read_text(encoding="utf-8")
    manifest.write_text(sound + "ownr = 1\n", encoding="utf-8")
    try:
        started = up(repository, port)
        assert started.returncode == 0, started.stdout + started.stderr
        assert "[tool.headgate] ownr" in started.stdout
        locations = repository.status()["locations"]
        assert {name: one["state"] for name, one in locations.items()} == {"alpha": "loaded", "beta": "broken"}
    finally:
        manifest.write_text(sound, encoding="utf-8")
    assert wait_for(lambda: repository.run("status").returncode == 0)


def test_a_team_without_environment_or_folder_is_named(repository: TinyRepository, port: int) -> None:
    environment = repository.home / "envs" / "beta"
    environment.rename(environment.with_name("beta-away"))
    try:
        started = up(repository, port)
        assert started.returncode == 0
        assert "team beta has no environment" in started.stdout
    finally:
        environment.with_name("beta-away").rename(environment)
    # The supervisor tries again by itself.
    assert wait_for(lambda: repository.run("status").returncode == 0)


@pytest.mark.parametrize("folder", ["with a space; and #100 %d 'quoted'", "x" * 150])
def test_any_path_will_do(port: int, folder: str) -> None:
    base = Path(tempfile.mkdtemp(prefix="hg-"))
    base.chmod(0o755)
    odd = TinyRepository(base / folder / "repo", base / folder / "home")
    odd.root.mkdir(parents=True)
    odd.write_team("alpha", ALPHA)
    try:
        started = up(odd, port)
        assert started.returncode == 0, started.stdout + started.stderr
        shown = odd.run("status")
        assert shown.returncode == 0, shown.stdout
        assert odd.run("down").returncode == 0
        assert odd.left_processes() == []
    finally:
        odd.run("down")
        shutil.rmtree(base)


def test_one_team_alone(repository: TinyRepository, port: int) -> None:
    assert up(repository, port, "--team", "beta").returncode == 0
    assert list(repository.status()["locations"]) == ["beta"]
    repository.run("down")
    unknown = up(repository, port, "--team", "gamma")
    assert unknown.returncode == 2
    assert "use one of: alpha, beta" in unknown.stderr


def test_a_folder_that_is_deleted_under_a_running_platform_is_named(repository: TinyRepository, port: int) -> None:
    assert up(repository, port).returncode == 0
    running = RunningPlatform(repository, port)
    folder = repository.root / "teams" / "beta"
    folder.rename(repository.root / "beta-away")
    try:
        with pytest.raises(AssertionError, match="beta has no manifest"):
            running.query(RELOAD, team="beta")
        shown = repository.run("status")
        assert shown.returncode == 1
        assert "beta has no manifest" in shown.stdout
        run_id = running.launch("alpha", "one")
        running.wait_for_run(run_id)
    finally:
        (repository.root / "beta-away").rename(folder)
    assert wait_for(lambda: repository.run("status").returncode == 0)


def test_a_run_is_not_killed_by_a_reload(repository: TinyRepository, port: int) -> None:
    assert up(repository, port).returncode == 0
    running = RunningPlatform(repository, port)
    run_id = running.launch("alpha", "slow")
    running.wait_for_run(run_id, "STARTED")
    with pytest.raises(AssertionError, match="would be killed by a reload"):
        running.query(RELOAD, team="alpha")
    assert running.run_status(run_id) == "STARTED"
    # Stopped with the platform, it ends by itself before the database does.
    repository.run("down")
    assert "whose process is gone" not in up(repository, port).stdout
    assert running.run_status(run_id) in ("FAILURE", "CANCELED")


def test_killed_processes_come_back(repository: TinyRepository, port: int) -> None:
    assert up(repository, port).returncode == 0
    pids = {process["name"]: process["pid"] for process in repository.status()["processes"]}
    for name in ("code-alpha", "daemon", "gateway"):
        os.kill(pids[name], signal.SIGKILL)
    assert wait_for(lambda: repository.run("status").returncode == 0)
    after = {process["name"]: process["pid"] for process in repository.status()["processes"]}
    assert {name for name in pids if pids[name] != after[name]} == {"code-alpha", "daemon", "gateway"}
    running = RunningPlatform(repository, port)
    run_id = running.launch("alpha", "one")
    running.wait_for_run(run_id)


def test_a_run_that_died_with_its_code_server_is_ended_while_the_platform_runs(
    repository: TinyRepository, port: int
) -> None:
    """As the system does it when memory is short: neither the worker nor its parent could report anything."""
    assert up(repository, port).returncode == 0
    running = RunningPlatform(repository, port)
    run_id = running.launch("alpha", "slow")
    running.wait_for_run(run_id, "STARTED")
    server = next(process for process in repository.status()["processes"] if process["name"] == "code-alpha")
    os.killpg(server["pid"], signal.SIGKILL)
    running.wait_for_run(run_id, "FAILURE")
    assert wait_for(lambda: repository.run("status").returncode == 0)


def test_down_after_the_supervisor_was_killed_leaves_nothing(repository: TinyRepository, port: int) -> None:
    """In the middle of a run: its worker and the `tail` processes that mirror its output end too."""
    assert up(repository, port).returncode == 0
    running = RunningPlatform(repository, port)
    run_id = running.launch("alpha", "slow")
    running.wait_for_run(run_id, "STARTED")
    assert wait_for(lambda: any(command.startswith("tail ") for command in repository.left_processes()))
    platform = read_platform(repository.home)
    assert platform is not None
    os.kill(platform.supervisor_pid, signal.SIGKILL)
    assert len(repository.left_processes()) > 8
    assert repository.run("status").returncode == 2
    assert repository.run("down").returncode == 0
    assert repository.left_processes() == []


def test_up_after_everything_was_killed_fails_the_runs_and_frees_their_pool(
    repository: TinyRepository, port: int
) -> None:
    """As after a reboot. The asset's pool has one place: a second run of it can only start if that is free again."""
    assert up(repository, port).returncode == 0
    running = RunningPlatform(repository, port)
    run_id = running.launch("alpha", "slow")
    running.wait_for_run(run_id, "STARTED")
    kill_everything(repository)
    started = up(repository, port)
    assert started.returncode == 0, started.stdout + started.stderr
    assert re.search(r"1 run whose process is gone", started.stdout)
    assert running.run_status(run_id) == "FAILURE"
    again = running.launch("alpha", "slow")
    assert wait_for(lambda: has_step_started(running, again))


def kill_everything(repository: TinyRepository) -> None:
    processes = repository.find_processes()
    supervisors = [process for process in processes if "headgate_control.supervisor_process" in process.cmdline()]
    for process in supervisors + processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, 10)


def has_step_started(running: RunningPlatform, run_id: str) -> bool:
    query = "query($id: ID!) {runOrError(runId: $id) {... on Run {stepStats {stepKey status}}}}"
    steps = running.query(query, id=run_id)["runOrError"]["stepStats"]
    return any(step["status"] == "IN_PROGRESS" for step in steps)
