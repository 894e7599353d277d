from datetime import date, timedelta
from itertools import pairwise

import pytest

from dashboard.club import AS_OF, FIRST_MONDAY, LAST_SUNDAY, SPORTS, activity, tables
from fitness.dashboard.summaries import list_selections, list_sports, load_activities, summarize
from fitness.dashboard.weeks import WEEKS, last_weeks, monday_of

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def _summarize(rows: list[dict[str, object]], as_of: date = AS_OF):  # type: ignore[no-untyped-def]
    return summarize(load_activities(*tables(rows), as_of), as_of)


@pytest.mark.parametrize("as_of", [date(2026, 2, 16), AS_OF, date(2026, 2, 22)])
def test_eight_weeks_are_eight_from_monday_to_sunday(as_of: date) -> None:
    """On Monday, in the middle and on Sunday of one week they are the same eight, and all are over."""
    weeks = last_weeks(as_of)
    assert len(weeks) == WEEKS == 8
    assert (weeks[0], weeks[-1] + 6 * DAY) == (FIRST_MONDAY, LAST_SUNDAY)
    assert all(later - earlier == WEEK for earlier, later in pairwise(weeks))
    assert weeks[-1] + WEEK == monday_of(as_of)


def test_the_next_monday_moves_them_on() -> None:
    assert last_weeks(date(2026, 2, 23))[0] == FIRST_MONDAY + WEEK


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (FIRST_MONDAY - DAY, None),  # the Sunday before
        (FIRST_MONDAY, 0),
        (FIRST_MONDAY + 6 * DAY, 0),
        (FIRST_MONDAY + WEEK, 1),
        (date(2025, 12, 31), 1),
        (date(2026, 1, 1), 1),  # the same week, another year
        (LAST_SUNDAY - 6 * DAY, 7),
        (LAST_SUNDAY, 7),
        (LAST_SUNDAY + DAY, None),  # this week
    ],
)
def test_an_activity_at_an_edge_is_in_its_week(day: date, week: int | None) -> None:
    summary = _summarize([activity(day)])
    assert [sums.activities for sums in summary.weeks] == [1 if number == week else 0 for number in range(8)]
    assert summary.average("distance_km") == (20 / 8 if week is not None else 0)
    assert summary.this_week.activities == (1 if day > LAST_SUNDAY else 0)
    assert summary.total.activities == 1


def test_one_activity_in_every_week_averages_to_one() -> None:
    """Over seven weeks, or with the ones on either side, it would be something else."""
    summary = _summarize([activity(FIRST_MONDAY + number * WEEK, distance_m=8_000.0) for number in range(-2, 9)])
    assert summary.average("activities") == 1
    assert summary.average("distance_km") == 8
    assert summary.average("hours") == 1
    assert (summary.total.activities, summary.this_week.activities) == (11, 1)


def test_weeks_without_an_activity_count_in_the_average() -> None:
    summary = _summarize([activity(LAST_SUNDAY, moving_time_s=4 * 3600)])
    assert summary.average("hours") == 0.5


def test_totals_by_hand() -> None:
    rows = [
        activity(date(2025, 12, 31), distance_m=30_000.0),
        activity(date(2026, 1, 1), elevation_gain_m=None, sport=SPORTS[2], distance_m=None),
        activity(date(2026, 1, 2), is_doubtful=True, distance_m=1e9),
        activity(AS_OF),
        activity(AS_OF + DAY),
    ]
    summary = _summarize(rows)
    total, year = summary.total, summary.this_year
    assert (total.activities, total.distance_km, total.hours, total.climb_m, total.energy_kj) == (3, 50, 3, 200, 1000)
    assert (year.activities, year.distance_km, year.energy_kj) == (2, 20, 500)
    assert summary.shares == {"Ride": 2, "Run": 1}


def test_records_are_the_first_of_the_best_and_never_private() -> None:
    rows = [
        activity(date(2026, 1, 5), distance_m=60_000.0, moving_time_s=7200),
        activity(date(2026, 1, 6), athlete_id=2, distance_m=60_000.0, moving_time_s=14_400),
        activity(date(2026, 1, 7), distance_m=99_000.0, is_private=True),
        activity(date(2026, 1, 8), distance_m=9_000.0, moving_time_s=600),
    ]
    records = _summarize(rows).records
    longest = records["distance_km"]
    assert (longest.value, longest.day, longest.athlete_id, longest.sport) == (60, date(2026, 1, 5), 1, "Ride")
    assert (records["hours"].value, records["hours"].athlete_id) == (4, 2)
    # 9 km at 54 km/h are too short to count.
    assert records["speed_km_h"].value == 30
    assert "speed_km_h" not in _summarize(rows[3:]).records


def test_a_streak_is_weeks_in_a_row() -> None:
    days = [date(2026, 1, 5), date(2026, 1, 11), date(2026, 1, 12), date(2026, 1, 26)]
    assert _summarize([activity(day) for day in days]).longest_streak_weeks == 2
    assert _summarize([activity(AS_OF)]).longest_streak_weeks == 1


def test_nothing_sums_to_nothing() -> None:
    frame = load_activities(*tables([activity(AS_OF)]), AS_OF)
    summary = summarize(frame.iloc[:0], AS_OF)
    assert (summary.total.activities, summary.total.distance_km, summary.average("hours")) == (0, 0, 0)
    assert (summary.records, summary.shares, summary.longest_streak_weeks) == ({}, {}, 0)


def test_every_athlete_group_and_sport_can_be_selected() -> None:
    rows = [activity(AS_OF, athlete, sport=SPORTS[number]) for number, athlete in enumerate((1, 1, 2))]
    frame = load_activities(*tables(rows), AS_OF)
    selections = {(athlete, sport): len(part) for athlete, sport, part in list_selections(frame)}
    assert selections["all", "all"] == 3
    assert (selections["1", "all"], selections["1", "Cycling"], selections["1", "GravelRide"]) == (2, 2, 1)
    assert ("1", "Running") not in selections
    assert list_sports(frame) == {"Cycling": ["GravelRide", "Ride"], "Running": ["Run"]}
