"""A pull's files on their way into the lake: a folder that lives as long as the pull."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """A new folder for this process alone, and no other user. A pull that was killed cannot remove its own: the next one does."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob("pull-*"):
        with open(left / ".lock", "a", encoding="utf-8") if left.is_dir() else open(os.devnull) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"pull-{uuid.uuid4().hex}"
    half_made = parent / f".{folder.name}"
    half_made.mkdir(mode=0o700)
    with open(half_made / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        half_made.rename(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
