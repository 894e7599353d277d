"""Running another program for the person at the terminal: its output is theirs, and so is Ctrl-C.

What belongs here: waiting for it as a good parent. What does not: programs that stay (`supervision`).
"""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from headgate.errors import HeadgateError

_GRACE_S = 10.0


def run_in_foreground(command: Sequence[str], *, environment: Mapping[str, str], folder: Path | None = None) -> int:
    """Run a program to its end and return its exit code; 128 + the signal's number when a signal ended it.

    Ctrl-C reaches the program itself, which ends in its own way; this process waits for that. When this process is told
    to end, the program is told too.
    """
    try:
        process = subprocess.Popen(command, env=dict(environment), cwd=folder)
    except OSError as error:
        raise HeadgateError(
            f"{Path(command[0]).name} cannot be started: {error.strerror}",
            where=command[0],
            next_step="run `headgate doctor`",
        ) from None
    # Set after the start: an ignored signal would be inherited.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, previous)
        _end(process)
    return code if code >= 0 else 128 - code


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
