"""Locks that end with whoever holds them, and not before."""

import os
import subprocess
import sys
from pathlib import Path

from headgate_control.home_lock import HomeLock

HOLD = """
import sys, time
from pathlib import Path
from headgate_control.home_lock import HomeLock
lock = HomeLock(Path(sys.argv[1]), "up")
assert lock.acquire()
lock.write("4711")
print("held", flush=True)
time.sleep(300)
"""


def test_one_holder_until_it_is_killed(tmp_path: Path) -> None:
    assert not HomeLock(tmp_path, "up").is_held()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        mine = HomeLock(tmp_path, "up")
        assert mine.is_held()
        assert not mine.acquire(patience=0.2)
        assert mine.read() == "4711"
        assert HomeLock(tmp_path, "build").acquire()
        holder.kill()
        holder.wait()
        assert mine.acquire()
        mine.release()


def test_a_child_with_the_descriptor_holds_on(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path, "up")
    assert lock.acquire()
    with subprocess.Popen(["sleep", "300"], pass_fds=[lock.descriptor]) as child:
        lock.release()
        assert HomeLock(tmp_path, "up").is_held()
        child.kill()
        child.wait()
    assert not HomeLock(tmp_path, "up").is_held()


def test_sharers_exclude_who_wants_it_alone(tmp_path: Path) -> None:
    with HomeLock(tmp_path, "build") as first, HomeLock(tmp_path, "build") as second:
        assert first.acquire(shared=True)
        assert second.acquire(shared=True)
        assert not HomeLock(tmp_path, "build").acquire()
    assert HomeLock(tmp_path, "build").acquire()
    assert os.stat(tmp_path / "run" / "build.lock").st_mode & 0o777 == 0o600
