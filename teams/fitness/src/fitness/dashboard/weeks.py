"""The last eight weeks: whole ones, Monday to Sunday, all over before the page's date."""

from datetime import date, timedelta

WEEKS = 8


def monday_of(day: date) -> date:
    """The Monday of the day's ISO week."""
    return day - timedelta(days=day.weekday())


def last_weeks(as_of: date) -> list[date]:
    """The Mondays of the eight weeks before the one that holds `as_of`, oldest first.

    The week of `as_of` is not over, not even on its Sunday: it is shown apart and counts in no average.
    """
    current = monday_of(as_of)
    return [current - timedelta(weeks=count) for count in range(WEEKS, 0, -1)]
