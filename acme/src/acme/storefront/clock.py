"""Pacific wall time, as the storefront's systems write it, and the instants behind it.

Instants are seconds since 1970 in UTC. Wall times are seconds since 1970-01-01 00:00 on a clock in Los Angeles: what a
`timestamp` without time zone holds. In November an hour of wall time happens twice, in March one does not happen.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from acme.world import SECONDS_PER_DAY, Ints

PACIFIC = ZoneInfo("America/Los_Angeles")
_HOUR = 3_600
_STANDARD, _DAYLIGHT = -8 * _HOUR, -7 * _HOUR
_FIRST_YEAR, _LAST_YEAR = 2007, 2060


def to_wall(instant: Ints) -> Ints:
    """What the clock on the wall shows at an instant."""
    return instant + _offset(instant)


def to_instant(wall: Ints, *, second: bool) -> Ints:
    """The instant of a wall time; of one that happens twice, the first or the second."""
    wall = np.asarray(wall, np.int64)
    wanted, other = (_STANDARD, _DAYLIGHT) if second else (_DAYLIGHT, _STANDARD)
    instant = wall - wanted
    return np.where(to_wall(instant) == wall, instant, wall - other)


def is_repeated(instant: Ints) -> npt.NDArray[np.bool_]:
    """Whether the wall time of an instant happens twice, so that it alone does not tell the instant."""
    wall = to_wall(instant)
    return np.asarray((to_wall(instant + _HOUR) == wall) | (to_wall(instant - _HOUR) == wall))


def day_start(epoch_day: int) -> int:
    """The instant of midnight in Los Angeles. `epoch_day` counts days of wall time from 1970-01-01."""
    # Clocks change at two in the morning, which is 09:00 or 10:00 UTC.
    midnight = epoch_day * SECONDS_PER_DAY
    return midnight - int(_offset(np.array(midnight + 8 * _HOUR)))


def _offset(instant: Ints) -> Ints:
    changes, offsets = _changes()
    return offsets[np.searchsorted(changes, instant, "right")]


@lru_cache(maxsize=1)
def _changes() -> tuple[Ints, Ints]:
    """The instants at which clocks change, and the offsets before the first and after each."""
    day = datetime(_FIRST_YEAR, 1, 1, 8, tzinfo=UTC)
    changes: list[int] = []
    offsets = [_offset_at(day)]
    while day.year <= _LAST_YEAR:
        following = day + timedelta(days=1)
        if _offset_at(following) != offsets[-1]:
            moment = day
            while _offset_at(moment) == offsets[-1]:
                moment += timedelta(minutes=15)
            changes.append(int(moment.timestamp()))
            offsets.append(_offset_at(moment))
        day = following
    return np.array(changes, np.int64), np.array(offsets, np.int64)


def _offset_at(moment: datetime) -> int:
    offset = moment.astimezone(PACIFIC).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
