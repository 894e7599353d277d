"""When and where an athlete is active: days over the years, hours of the day, trips, time zones.

What does not belong here: what is done there (`activities`).
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from acme.strava.athletes import Athletes
from acme.strava.world import PLACES, StravaSpec, Stream
from acme.world import SECONDS_PER_DAY, Floats, Ints, uniform_hash

_TRIP_DAYS = 12
_HALF_YEAR_DAYS = 182
_WEEKDAY_WEIGHT = np.array([0.75, 1.0, 1.0, 0.95, 0.7, 1.6, 1.5])  # Monday first


def is_weekend(day: Ints) -> np.ndarray:
    return weekday(day) >= 5


def weekday(day: Ints) -> Ints:
    """Monday is 0; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def season(day: Ints, latitude: Floats) -> Floats:
    """-1 in the middle of winter, 1 in that of summer."""
    wave = -np.cos(2 * np.pi * ((day % 365.2425) - 15) / 365.2425)
    return np.where(latitude >= 0, wave, -wave)


def draw_days(spec: StravaSpec, athletes: Athletes, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Athlete and day of every activity of the history: more in summer, at weekends, and as the years go on."""
    share = athletes.activity_weight / athletes.activity_weight.sum()
    counts = np.maximum(1, np.floor(share * spec.activities).astype(np.int64))
    while (left := spec.activities - int(counts.sum())) != 0:
        counts[np.argsort(counts)[::-1][: abs(left)]] += np.sign(left)
    day = spec.first_day + np.arange(spec.days)
    parts = []
    for athlete, count in enumerate(counts.tolist()):
        latitude = np.full(len(day), PLACES[athletes.home(athlete)].latitude)
        weight = _WEEKDAY_WEIGHT[weekday(day)] * (1 + 0.35 * season(day, latitude)) * np.linspace(0.85, 1.15, len(day))
        parts.append(np.sort(rng.choice(day, count, p=weight / weight.sum())))
    return np.repeat(np.arange(len(athletes)), counts), np.concatenate(parts)


def places(spec: StravaSpec, athletes: Athletes, athlete: Ints, day: Ints) -> Ints:
    """Index into `PLACES` for each athlete and day: home, but for twelve days away in every half year."""
    half, into = np.divmod(day, _HALF_YEAR_DAYS)
    key = athlete * 1_000_003 + half
    begins = np.floor(uniform_hash(spec.seed, Stream.TRIPS, key) * (_HALF_YEAR_DAYS - _TRIP_DAYS))
    step = 1 + np.floor(uniform_hash(spec.seed, Stream.TRIPS, key + 500_000_017) * (len(PLACES) - 1)).astype(np.int64)
    home = athlete % len(PLACES)
    is_away = (into >= begins) & (into < begins + _TRIP_DAYS)
    return np.where(is_away, (home + step) % len(PLACES), home)


def start_times(day: Ints, local_second: Ints, place: Ints) -> tuple[Ints, Ints]:
    """Epoch seconds inside the UTC day `day` whose local time of day is `local_second`, and the offset from UTC then.

    On the days clocks change the local time may be an hour beside.
    """
    noon = day * SECONDS_PER_DAY + SECONDS_PER_DAY // 2
    about = offsets(noon, place)
    start = day * SECONDS_PER_DAY + (local_second - about) % SECONDS_PER_DAY
    return start, offsets(start, place)


def offsets(at: Ints, place: Ints) -> Ints:
    """Seconds that local time is ahead of UTC at a moment, in each place's zone."""
    zones = [place.zone for place in PLACES]
    # An offset does not change within an hour: few different pairs are left.
    pairs, inverse = np.unique(np.stack([at // 3_600, place]), axis=1, return_inverse=True)
    found = [zone_offset(zones[where], hour * 3_600) for hour, where in pairs.T.tolist()]
    return np.array(found, np.int64)[inverse.reshape(-1)]


def zone_offset(zone: str, at: int) -> int:
    """Seconds that a zone's local time is ahead of UTC at a moment."""
    offset = datetime.fromtimestamp(at, _zone(zone)).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


@cache
def standard_offset(zone: str) -> int:
    """The offset without daylight saving: the smaller one of January and July."""
    return min(zone_offset(zone, round(datetime(2026, month, 15, tzinfo=UTC).timestamp())) for month in (1, 7))


def clock_changes(zone: str, before: datetime, years: int = 1) -> list[tuple[int, int]]:
    """Moments at which clocks change and by how many seconds, newest first, in the years that end at `before`."""
    changes = []
    hours = timedelta(days=round(years * 365.25)) // timedelta(hours=1)
    end = int(before.timestamp()) // 3_600
    # Days first, then the hour: a year is 365 look-ups and a few more.
    last = zone_offset(zone, end * 3_600)
    for day in range(end - 24, end - hours, -24):
        now = zone_offset(zone, day * 3_600)
        if now != last:
            hour = next(hour for hour in range(day + 1, day + 25) if zone_offset(zone, hour * 3_600) == last)
            changes.append((hour * 3_600, last - now))
            last = now
    return changes


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
