"""Running another program for the person at the terminal: its output is theirs, and so is Ctrl-C.

What belongs here: waiting for it as a good parent. What does not: several at once (`side_by_side`), or programs that
stay (`supervision`).
"""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError

INTERRUPTED = 130
"""Exit code of what Ctrl-C ended, and of what was not begun any more."""

_GRACE_S = 10.0


def run_in_foreground(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    end_by: int = signal.SIGTERM,
    grace_s: float = _GRACE_S,
) -> int:
    """Run a program to its end and return its exit code; 128 + the signal's number when a signal ended it.

    Ctrl-C reaches the program itself, which ends in its own way; this process waits for that. When this process is told
    to end, the program is told too, by the signal `end_by`, and killed if it takes longer than `grace_s` seconds.
    """
    process = start_program(command, environment=environment, folder=folder)
    # Set after the start: an ignored signal would be inherited.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, previous)
        _end(process, end_by, grace_s)
    return code if code >= 0 else 128 - code


def start_program(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path | None = None, **options: Any
) -> "subprocess.Popen[bytes]":
    """Start a program with these variables alone; `options` are those of `subprocess.Popen`.

    Raises:
        HeadgateError: it is not there, or cannot be run.
    """
    try:
        return subprocess.Popen(command, env=dict(environment), cwd=folder, **options)
    except OSError as error:
        raise cannot_start(command[0], error) from None


def cannot_start(program: str, error: OSError) -> HeadgateError:
    """What a person is told of a program that the system would not start."""
    return HeadgateError(
        f"{Path(program).name} cannot be started: {error.strerror}", where=program, next_step="run `headgate doctor`"
    )


def _end(process: "subprocess.Popen[bytes]", end_by: int, grace_s: float) -> None:
    if process.poll() is not None:
        return
    process.send_signal(end_by)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
