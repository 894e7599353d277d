"""Waiting until a platform that was just started can be used, and saying what came up on the way.

What belongs here: when to go on waiting and when to give up. What does not: what the state is (`status`).
"""

import time
from collections import defaultdict
from collections.abc import Callable

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control.platform_state import Platform
from headgate_control.programs import log_path
from headgate_control.status import Status, last_line, read_status

Report = Callable[[str], None]
"""Told what happens, one line at a time."""

_CORE = {"gateway": "web server", "daemon": "daemon"}
_CORE_TIMEOUT_S = 180.0
_ATTEMPTS_BEFORE_GIVING_UP = 3
_SLOW_LOCATIONS_S = 15.0
"""How much longer than everything else a code location may take before the others are not kept waiting for it."""


class SupervisionError(HeadgateError):
    """The platform cannot be started or stopped."""


def wait_until_usable(settings: Settings, platform: Platform, report: Report) -> Status:
    """Wait for web server, daemon, and every code location: loaded, broken, or slower than all others.

    Raises:
        SupervisionError: web server or daemon do not start, or the supervisor ended.
    """
    began = time.monotonic()
    core_ready_at: float | None = None
    reported: set[str] = set()
    starts: dict[str, set[float]] = defaultdict(set)
    while True:
        status = read_status(settings.state_folder, platform, measure=False)
        now = time.monotonic()
        if not status.running:
            raise SupervisionError(
                "the supervisor ended while the platform was starting",
                where=str(log_path(settings.state_folder, "supervisor")),
                next_step="run `headgate up` again; was it stopped with `headgate down`?",
            )
        for name, line in _news(status).items():
            if name not in reported:
                reported.add(name)
                report(f"{line} ({now - began:.1f} s)")
        if all(status.is_ready(name) for name in _CORE):
            core_ready_at = core_ready_at or now
            if status.locations_settled or now - core_ready_at > _SLOW_LOCATIONS_S:
                return status
        for process in status.processes:
            if process.state == "restarting":
                starts[process.name].add(process.started_at)
        failed = next((name for name in _CORE if len(starts[name]) >= _ATTEMPTS_BEFORE_GIVING_UP), None)
        if failed or (core_ready_at is None and now - began > _CORE_TIMEOUT_S):
            raise _does_not_start(settings, failed or next(name for name in _CORE if not status.is_ready(name)))
        time.sleep(0.1)


def _news(status: Status) -> dict[str, str]:
    """What has come up so far."""
    news = {
        team: f"{team} is {location.state}"
        for team, location in status.locations.items()
        if location.state in ("loaded", "broken")
    }
    return news | {name: f"the {title} is ready" for name, title in _CORE.items() if status.is_ready(name)}


def _does_not_start(settings: Settings, name: str) -> SupervisionError:
    log = log_path(settings.state_folder, name)
    return SupervisionError(
        f"the {_CORE[name]} does not start: {last_line(log) or 'it printed nothing'}",
        where=str(log),
        next_step="read the log, run `headgate doctor`",
    )
