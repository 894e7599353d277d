"""Rate limits: how many requests an application has made in this quarter of an hour and on this day.

As described for the service: windows begin at natural intervals (0, 15, 30, 45 minutes; midnight UTC), a refused request
counts too, and reading has a limit of its own beside the overall one.
"""

from dataclasses import dataclass

from acme.strava.store import Store
from acme.world import SECONDS_PER_DAY

DEFAULT_LIMITS = (600, 30_000)
"""A new world's: those of an application that has grown. The service starts at 200,2000 and 100,1000 for reading."""


@dataclass(frozen=True)
class Usage:
    """What the headers say, the request that asks included."""

    limits: tuple[int, int]
    read_limits: tuple[int, int]
    overall: tuple[int, int]
    reads: tuple[int, int]

    @property
    def is_exceeded(self) -> bool:
        return _over(self.overall, self.limits) or _over(self.reads, self.read_limits)

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": _pair(self.limits),
            "X-RateLimit-Usage": _pair(self.overall),
            "X-ReadRateLimit-Limit": _pair(self.read_limits),
            "X-ReadRateLimit-Usage": _pair(self.reads),
        }


def count_request(store: Store, now: float, *, is_read: bool) -> Usage:
    """Count a request and say how much is used."""
    windows = (int(store.setting("window_s")), SECONDS_PER_DAY)
    with store.change():
        overall = tuple(_count(store, f"overall_{i}", now, window, 1) for i, window in enumerate(windows))
        reads = tuple(_count(store, f"read_{i}", now, window, int(is_read)) for i, window in enumerate(windows))
    limits, read_limits = store.setting("limits"), store.setting("read_limits")
    return Usage(
        (limits[0], limits[1]), (read_limits[0], read_limits[1]), (overall[0], overall[1]), (reads[0], reads[1])
    )


def _count(store: Store, period: str, now: float, window: int, step: int) -> int:
    began = int(now) // window * window
    known = store.row("select began, requests from usage where period = ?", [period])
    requests = step + (known["requests"] if known and known["began"] == began else 0)
    store.execute("insert or replace into usage values (?, ?, ?)", [period, began, requests])
    return int(requests)


def _over(used: tuple[int, int], limits: tuple[int, int]) -> bool:
    return used[0] > limits[0] or used[1] > limits[1]


def _pair(values: tuple[int, int]) -> str:
    return f"{values[0]},{values[1]}"
