"""The supervisor's process: the library's own, with a lock that it keeps for as long as it lives.

Run as `python -m headgate_control.supervisor_process --lock FD` in the run folder, by `supervision`.
"""

import argparse
import contextlib
import os

from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor


class _Options(ServerOptions):  # type: ignore[misc]  # the library has no types
    def cleanup_fds(self) -> None:
        """Keeps the lock open, which the library would close with every other descriptor."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="headgate-supervisor")
    parser.add_argument("--lock", type=int, required=True)
    lock = parser.parse_args().lock
    # Its children do not hold the lock: each is started with the descriptors above 2 closed, and by exec.
    os.set_inheritable(lock, False)
    options = _Options()
    options.realize(["--configuration", "supervisor.conf"], doc=__doc__)
    options.first, options.test = True, False
    with contextlib.suppress(asyncore.ExitNow):
        Supervisor(options).main()


if __name__ == "__main__":
    main()
