"""Finding and ending the processes of a home without asking anybody."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from headgate_control.processes import end_processes, find_postmaster, find_supervised, mark

PARENT = "import subprocess, time; subprocess.Popen(['sleep', '300']); print('ready', flush=True); time.sleep(300)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(300)
"""


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[bytes]"]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        for child in psutil.Process(process.pid).children() if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def start(started: list["subprocess.Popen[bytes]"], home: Path, program: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, env={**os.environ, **mark(home)}, stdout=subprocess.PIPE)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_children_are_found_and_other_homes_are_not(started: list["subprocess.Popen[bytes]"], tmp_path: Path) -> None:
    mine = start(started, tmp_path / "mine", PARENT)
    start(started, tmp_path / "other", PARENT)
    child = psutil.Process(mine.pid).children()[0]
    assert {process.pid for process in find_supervised(tmp_path / "mine")} == {mine.pid, child.pid}
    # An orphan, whose parent nobody can ask any more.
    mine.kill()
    mine.wait()
    assert [process.pid for process in find_supervised(tmp_path / "mine")] == [child.pid]
    assert end_processes(find_supervised(tmp_path / "mine")) == []
    assert find_supervised(tmp_path / "mine") == []
    assert len(find_supervised(tmp_path / "other")) == 2


def test_a_home_is_the_same_by_any_path(started: list["subprocess.Popen[bytes]"], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    process = start(started, tmp_path / "real", STUBBORN)
    assert [one.pid for one in find_supervised(tmp_path / "link")] == [process.pid]


def test_what_ignores_sigterm_is_killed(started: list["subprocess.Popen[bytes]"], tmp_path: Path) -> None:
    process = start(started, tmp_path, STUBBORN)
    began = time.monotonic()
    assert end_processes(find_supervised(tmp_path), grace=0.5) == []
    assert time.monotonic() - began < 60  # of the 300 seconds that it would run
    assert not psutil.pid_exists(process.pid)


@pytest.mark.parametrize("content", ["", "not a number\n", "1\n/data\n1600000000\n", f"{os.getpid()}\n/data\n1\n"])
def test_a_stale_lock_file_of_a_database_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content, encoding="utf-8")
    assert find_postmaster(tmp_path) is None
    assert find_postmaster(tmp_path / "nothing") is None
