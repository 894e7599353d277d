"""What the page says of each selection of athlete and sport: sums over activities that are not doubtful.

What belongs here: arithmetic on frames. What does not: words and layout (`activity_page`), figures (`charts`). Distances are
in km, times in hours of moving, climbs in metres, energy in kJ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis

from fitness.dashboard.weeks import WEEKS, last_weeks, monday_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EVERYBODY = "all"
ALL_SPORTS = "all"
MIN_SPEED_DISTANCE_KM = 10
"""An average speed over less is chance."""
_MEASURES = ("distance_km", "hours", "climb_m", "energy_kj")
"""What is summed, in the order of `Sums`."""


@dataclass(frozen=True)
class Sums:
    """Number of activities, km, hours of moving, metres climbed, kJ (of rides whose energy is known)."""

    activities: int
    distance_km: float
    hours: float
    climb_m: float
    energy_kj: float


@dataclass(frozen=True)
class Best:
    """The activity that holds a record: its value, local date, sport and athlete."""

    value: float
    day: date
    sport: str
    athlete_id: int


@dataclass(frozen=True)
class Summary:
    """One selection.

    Args:
        weeks: of each of the eight whole weeks, oldest first, also those without an activity.
        shares: hours of moving by recorded sport, most first.
        records: by name; missing where nothing qualifies.
        longest_streak_weeks: most weeks in a row with an activity in each.
    """

    total: Sums
    this_year: Sums
    this_week: Sums
    weeks: tuple[Sums, ...]
    shares: dict[str, float]
    records: dict[str, Best]
    longest_streak_weeks: int

    def average(self, measure: str) -> float:
        """The mean of a week over all eight, whether there was an activity in it or not."""
        return float(sum(getattr(week, measure) for week in self.weeks)) / WEEKS


def load_activities(measures: ibis.Table, activities: ibis.Table, as_of: date) -> "pd.DataFrame":
    """One row an activity that is not doubtful and began, by its local date, on or before `as_of`.

    Columns: athlete_id, day, week_start, group, sport, is_private, distance_km, hours, climb_m, energy_kj, speed_km_h.

    Args:
        measures: `fct_activities`.
        activities: `dim_activities`.
    """
    kinds = activities.select("activity_id", "is_private", sport="recorded_sport_type")
    plausible = measures.filter(~measures.is_doubtful, measures.start_date <= as_of)
    joined = plausible.join(kinds, "activity_id")
    hours = joined.moving_time_s.cast("float64") / 3600
    distance_km = joined.distance_m.cast("float64").fill_null(0) / 1000
    frame = joined.select(
        "athlete_id",
        "week_start",
        "sport",
        "is_private",
        day=joined.start_date,
        group=joined.sport_type,
        distance_km=distance_km,
        hours=hours,
        climb_m=joined.elevation_gain_m.cast("float64").fill_null(0),
        energy_kj=joined.energy_kj.cast("float64").fill_null(0),
        speed_km_h=distance_km / hours,
    ).to_pandas()
    for column in ("day", "week_start"):
        frame[column] = frame[column].astype("datetime64[s]")
    return frame


def list_selections(frame: "pd.DataFrame") -> Iterator[tuple[str, str, "pd.DataFrame"]]:
    """Every athlete, and all of them, with every sport, group of sports, and all of them; those without activities apart."""
    people = [(EVERYBODY, frame), *((str(key), rows) for key, rows in frame.groupby("athlete_id"))]
    for athlete, theirs in people:
        yield athlete, ALL_SPORTS, theirs
        for group, rows in theirs.groupby("group"):
            yield athlete, str(group), rows
            for sport, some in rows.groupby("sport"):
                if sport != group:
                    yield athlete, str(sport), some


def list_sports(frame: "pd.DataFrame") -> dict[str, list[str]]:
    """Recorded sports of each group, both by their hours, most first."""
    hours = (
        frame.groupby(["group", "sport"]).hours.sum().reset_index().sort_values("hours", ascending=False, kind="stable")
    )
    order = hours.groupby("group").hours.sum().sort_values(ascending=False).index
    return {str(group): hours[hours.group == group].sport.tolist() for group in order}


def summarize(rows: "pd.DataFrame", as_of: date) -> Summary:
    """The summary of some rows of `load_activities`, also of none."""
    import pandas as pd

    # In NumPy: there are hundreds of selections, and a selection of rows in pandas costs a hundred times the sum.
    measures, week_starts = rows[list(_MEASURES)].to_numpy("float64"), rows.week_start.to_numpy()
    weeks = [pd.Timestamp(week).to_datetime64() for week in (*last_weeks(as_of), monday_of(as_of))]
    *whole, current = (_add(measures[week_starts == week]) for week in weeks)
    shares = rows.groupby("sport").hours.sum().sort_values(ascending=False)
    return Summary(
        total=_add(measures),
        this_year=_add(measures[rows.day.dt.year.to_numpy() == as_of.year]),
        this_week=current,
        weeks=tuple(whole),
        shares={str(sport): float(hours) for sport, hours in shares.items() if hours > 0},
        records=_find_records(rows),
        longest_streak_weeks=_longest_streak(rows.week_start),
    )


def _add(measures: "np.ndarray") -> Sums:
    """Of rows of `_MEASURES`."""
    return Sums(len(measures), *measures.sum(axis=0).tolist())


def _find_records(rows: "pd.DataFrame") -> dict[str, Best]:
    """The first to reach each. What an athlete keeps private adds to totals, but is not singled out."""
    shown = rows[~rows.is_private.astype(bool)].sort_values("day", kind="stable")
    fast = shown[shown.distance_km >= MIN_SPEED_DISTANCE_KM]
    found = {}
    for name, some in {
        "distance_km": shown,
        "hours": shown,
        "climb_m": shown,
        "energy_kj": shown,
        "speed_km_h": fast,
    }.items():
        best = some.loc[some[name].idxmax()] if len(some) and some[name].max() > 0 else None
        if best is not None:
            found[name] = Best(float(best[name]), best.day.date(), str(best.sport), int(best.athlete_id))
    return found


def _longest_streak(week_starts: "pd.Series") -> int:
    weeks = sorted(week_starts.unique())
    longest = run = 0
    previous = None
    for week in weeks:
        run = run + 1 if previous is not None and (week - previous).days == 7 else 1
        longest, previous = max(longest, run), week
    return longest
