"""The supervisor's process: the library's own, with a lock that it keeps for as long as it lives.

Run as `python -m headgate_control.supervisor_process --lock FD` in the run folder, by `supervision`. What it starts are forks of
itself, which `launch` turns into programs: nothing is imported a second time for one that starts, and web server and daemon
share the pages of what is imported for both.
"""

import argparse
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from headgate_control import launch


class _Options(ServerOptions):  # type: ignore[misc]  # the library has no types
    def cleanup_fds(self) -> None:
        """Keeps the lock open, which the library would close with every other descriptor."""

    def check_execv_args(self, filename: str, argv: Sequence[str], st: Any) -> None:
        """Called before a fork, to look for the file to execute: there is none, but something to import."""
        launch.preload(argv[0])

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
        """In the fork. What is the supervisor's stays referenced, and is not touched again, until the process ends here."""
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        launch.run(argv[0], argv[1:], env)


def main() -> None:
    parser = argparse.ArgumentParser(prog="headgate-supervisor")
    parser.add_argument("--lock", type=int, required=True)
    lock = parser.parse_args().lock
    # Its children do not hold the lock: the library closes the descriptors above 2 in each.
    os.set_inheritable(lock, False)
    options = _Options()
    options.realize(["--configuration", "supervisor.conf"], doc=__doc__)
    options.first, options.test = True, False
    with contextlib.suppress(asyncore.ExitNow):
        Supervisor(options).main()


if __name__ == "__main__":
    main()
