"""Locks on a home: one supervisor, one daemon, and no platform started beneath a build that runs.

A lock is an flock on a file of the run folder: it ends with the process that holds it, however that ends.
"""

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Self

from headgate_control.workspace import run_folder


class HomeLock:
    """A lock named `name` on a home. Not re-entrant; the file's text says who holds it.

    Args:
        home: HEADGATE_HOME.
        name: `up`, `daemon` or `build`.
    """

    def __init__(self, home: Path, name: str) -> None:
        self.path = run_folder(home) / f"{name}.lock"
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file, for a child that is to hold the lock on."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is not held")
        return self._descriptor

    def acquire(self, *, shared: bool = False, patience: float = 0.0) -> bool:
        """Take the lock if nobody else has it, or lets go of it within `patience` seconds.

        Args:
            shared: several holders may share it, and none may have it alone.
            patience: seconds; `is_held` of another process takes the lock for a moment.
        """
        deadline = time.monotonic() + patience
        while not self._try(shared=shared):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        return True

    def _try(self, *, shared: bool) -> bool:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        self._descriptor = descriptor
        return True

    def write(self, text: str) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def read(self) -> str:
        """What the holder wrote; empty when nobody did."""
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    def release(self) -> None:
        """Let go here; a child that was given the descriptor holds on."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_held(self) -> bool:
        """Whether somebody else has it now."""
        if not self.path.exists():
            return False
        probe = HomeLock(self.path.parent.parent, self.path.stem)
        if probe.acquire():
            probe.release()
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
