"""An athlete's totals: rides, runs and swims; ever, this year, and in the last four weeks.

As described for the service: only activities that everyone may see count. Four weeks are the 28 days before the world
clock, the year is that of the clock's day before, in the activity's local time.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from acme.strava.store import Store
from acme.strava.world import RIDES, RUNS, SWIMS, first_second

RECENT_DAYS = 28
_SPORTS = {"ride": RIDES, "run": RUNS, "swim": SWIMS}


def activity_stats(store: Store, athlete_id: int) -> dict[str, Any]:
    """An ActivityStats: counts, metres, seconds."""
    today = date.fromisoformat(store.setting("today"))
    year = (today - timedelta(days=1)).year
    ranges = {
        "recent": f"start_at >= {first_second(today) - RECENT_DAYS * 86_400}",
        "all": "true",
        "ytd": f"start_at + utc_offset >= {round(datetime(year, 1, 1, tzinfo=UTC).timestamp())}",
    }
    rides = ", ".join(f"'{name}'" for name in RIDES)
    largest = store.row(
        "select max(distance) as longest, max(total_elevation_gain) as climb from activities"
        f" where athlete_id = ? and visibility = 'everyone' and sport_type in ({rides})",
        [athlete_id],
    )
    document: dict[str, Any] = {
        "biggest_ride_distance": largest["longest"] if largest else None,
        "biggest_climb_elevation_gain": largest["climb"] if largest else None,
    }
    for sport, types in _SPORTS.items():
        for name, condition in ranges.items():
            document[f"{name}_{sport}_totals"] = _totals(
                store, athlete_id, types, condition, with_achievements=name == "recent"
            )
    return document


def _totals(
    store: Store, athlete_id: int, types: tuple[str, ...], condition: str, *, with_achievements: bool
) -> dict[str, Any]:
    found = store.row(
        "select count(*) as count, coalesce(sum(distance), 0) as distance, coalesce(sum(moving_time), 0) as moving_time,"
        " coalesce(sum(elapsed_time), 0) as elapsed_time, coalesce(sum(total_elevation_gain), 0) as elevation_gain,"
        " coalesce(sum(achievement_count), 0) as achievement_count from activities"
        f" where athlete_id = ? and visibility = 'everyone' and {condition}"
        f" and sport_type in ({', '.join('?' for _ in types)})",
        [athlete_id, *types],
    )
    assert found is not None
    if not with_achievements:
        del found["achievement_count"]
    return found | {name: round(found[name], 1) for name in ("distance", "elevation_gain")}
