"""What `headgate up` becomes when everything is up: it says what changes, and stops the platform when it is told to.

What belongs here: the few lines that may run for weeks. What does not: starting and stopping (`supervision`), which is imported
when it is asked for. The command replaces itself by this module, in the same process: nothing that the start needed stays in
memory, neither the libraries nor the passwords.
"""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from headgate.errors import HeadgateError
from headgate_control.platform_state import Platform, read_platform
from headgate_control.status import Status, read_status

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, being told to end, and a closed terminal."""

_INTERVAL_S = 2.0


def watch_instead(home: Path) -> NoReturn:
    """Replace this process by one that watches the platform of a home, and stops it in the end."""
    # Held back until there is somebody to take them again.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "headgate_control.watch", str(home)])


def watch(home: Path, platform: Platform) -> None:
    """Print what changes, until the supervisor is gone."""
    seen: dict[str, str] | None = None
    while True:
        now = read_status(home, platform, measure=False)
        if not now.running:
            _say("the supervisor is gone")
            return
        summary = _summary(now)
        for key, state in summary.items():
            if seen is not None and seen.get(key) != state:
                _say(f"{time.strftime('%H:%M:%S')}  {key}: {state}")
                if key in now.locations and (problem := now.locations[key].problem):
                    _say(str(HeadgateError(problem.what, where=problem.where, next_step=problem.next)))
        seen = summary
        time.sleep(_INTERVAL_S)


def _summary(status: Status) -> dict[str, str]:
    """What is worth a line when it changes."""
    states = {process.name: f"{process.state}, process {process.pid}" for process in status.processes}
    states |= {name: location.state for name, location in status.locations.items()}
    if status.runs:
        states["runs"] = ", ".join(f"{count} {name}" for name, count in status.runs.items())
    return states


def catch_signals() -> None:
    """End on Ctrl-C, SIGTERM and a closed terminal alike: by KeyboardInterrupt."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stop() -> int:
    """Stop everything; 1 when something had to be ended by force."""
    for number in _SIGNALS:  # a second Ctrl-C would leave processes behind; stopping takes seconds
        signal.signal(number, signal.SIG_IGN)
    _say("stopping")
    from headgate.environment import read_settings
    from headgate_control.supervision import stop_platform

    ended = stop_platform(read_settings(), report=lambda line: _say(f"  {line}"))
    _say("stopped")
    return 1 if ended else 0


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Watch until a signal, or until the supervisor is gone; then stop what is left."""
    home = Path(sys.argv[1])
    try:
        catch_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        if platform := read_platform(home):
            _say("Ctrl-C stops it")
            watch(home, platform)
    except KeyboardInterrupt:
        pass
    return _stop()


if __name__ == "__main__":
    sys.exit(main())
