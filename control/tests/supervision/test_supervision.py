"""Starting and stopping a whole platform of two tiny teams, with real processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tiny_platform import ALPHA, BETA, RELOAD, RunningPlatform, TinyRepository, up, wait_for

from headgate_control.home_lock import HomeLock
from headgate_control.platform_state import read_platform
from headgate_control.ports import find_free_port

pytestmark = pytest.mark.e2e


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


def test_up_status_down(repository: TinyRepository, port: int) -> None:
    assert repository.run("status").returncode == 2
    started = up(repository, port)
    assert started.returncode == 0, started.stdout + started.stderr
    shown = repository.run("status")
    assert shown.returncode == 0, shown.stdout
    assert f"http://127.0.0.1:{port}" in shown.stdout
    status = repository.status()
    assert {name: one["state"] for name, one in status["locations"].items()} == {"alpha": "loaded", "beta": "loaded"}
    assert {process["state"] for process in status["processes"]} == {"running"}
    assert all(process["memory_mb"] > 1 for process in status["processes"])
    stopped = repository.run("down")
    assert stopped.returncode == 0, stopped.stderr
    assert repository.left_processes() == []
    assert repository.run("status").returncode == 2


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


def test_one_team_alone_until_ctrl_c(repository: TinyRepository, port: int) -> None:
    log = repository.home / "up.txt"
    with log.open("w") as output:
        command = [sys.executable, "-m", "headgate_control", "up", "--no-sync", "--team", "beta", "--port", str(port)]
        process = subprocess.Popen(command, env=repository.environment, stdout=output, stderr=output)
        assert wait_for(lambda: "Ctrl-C stops it" in log.read_text()), log.read_text()
        assert list(repository.status()["locations"]) == ["beta"]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "stopped" in log.read_text()
    assert repository.left_processes() == []
    unknown = up(repository, port, "--team", "gamma")
    assert unknown.returncode == 2
    assert "use one of: alpha, beta" in unknown.stderr


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
