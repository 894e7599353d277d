"""Running several programs at once: each one's output goes to a file, and all of them end with this process.

What belongs here: starting, waiting for, and ending such programs. What does not: a program that has the terminal for
itself (`foreground`), or one that stays (`supervision`).
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from headgate_control.foreground import INTERRUPTED, start_program

_GRACE_S = 60.0
_PAUSE_S = 1.0
_MOST_TOLD = 3
"""Looks at which a program that was interrupted may have told of something new: its summary is seen at two at most."""


class SideBySide:
    """Programs that run at once; `run` is called by a thread for each of them, `end` by the main thread.

    Each is in a session of its own: Ctrl-C at the terminal reaches this process alone, which passes it on. Twice would
    break into the very cleaning up that the first one began.
    """

    def __init__(self, *, grace_s: float = _GRACE_S) -> None:
        self._grace_s = grace_s
        self._running: dict[subprocess.Popen[bytes], Path] = {}
        self._is_ending = False
        self._lock = threading.Lock()

    def run(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, output: Path) -> int:
        """Run a program to its end and return its exit code; 128 + the signal's number when a signal ended it."""
        with output.open("wb") as file:
            with self._lock:
                if self._is_ending:
                    return INTERRUPTED
                process = start_program(
                    command,
                    environment=environment,
                    folder=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running[process] = output
            code = process.wait()
        with self._lock:
            del self._running[process]
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """Interrupt all of them as Ctrl-C would, let them clean up, and see that they are gone; begin no other."""
        with self._lock:
            self._is_ending = True
            running = dict(self._running)
        for process in running:
            _signal_group(process, signal.SIGINT)
        deadline = time.monotonic() + self._grace_s
        told = {process: [_size(output)] for process, output in running.items()}
        while (left := [one for one in running if one.poll() is None]) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
            for process in left:
                size = _size(running[process])
                if size > told[process][-1]:
                    told[process].append(size)
                # It goes on and tells of more: DuckDB takes an interrupt for its query's, whose test fails, and the next
                # begins. What cleans up is silent until it sums up, once.
                if len(told[process]) > _MOST_TOLD and process.poll() is None:
                    _signal_group(process, signal.SIGINT)
                    told[process] = [size]
        for process in running:
            # Also what a program that ended left behind in its session.
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _size(output: Path) -> int:
    """Bytes; none when it was removed because its program ended this moment."""
    try:
        return output.stat().st_size
    except OSError:
        return 0
