"""`dim_day`: what each day is. Made by Python's own calendar, so it is the same on every engine."""

from datetime import date, timedelta

import pyarrow as pa

FIRST, LAST = date(2010, 1, 1), date(2049, 12, 31)
"""From before the oldest subscription to after the end of the newest; facts never lie outside."""

_INT = pa.int32()
SCHEMA = pa.schema(
    [
        ("day", pa.date32()),
        ("year", _INT),
        ("quarter", _INT),
        ("month", _INT),
        ("day_of_month", _INT),
        ("day_of_year", _INT),
        ("iso_year", _INT),
        ("iso_week", _INT),
        ("day_of_week", _INT),
        ("day_name", pa.string()),
        ("week_start", pa.date32()),
        ("month_start", pa.date32()),
        ("is_weekend", pa.bool_()),
        ("is_month_end", pa.bool_()),
    ]
)
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def make_calendar(first: date = FIRST, last: date = LAST) -> pa.Table:
    """One row a day, both ends included."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return pa.Table.from_pylist([_describe(day) for day in days], schema=SCHEMA)


def _describe(day: date) -> dict[str, object]:
    week = day.isocalendar()
    return {
        "day": day,
        "year": day.year,
        "quarter": (day.month + 2) // 3,
        "month": day.month,
        "day_of_month": day.day,
        "day_of_year": day.timetuple().tm_yday,
        "iso_year": week.year,
        "iso_week": week.week,
        "day_of_week": week.weekday,
        "day_name": _NAMES[week.weekday - 1],
        "week_start": day - timedelta(days=week.weekday - 1),
        "month_start": day.replace(day=1),
        "is_weekend": week.weekday > 5,
        "is_month_end": (day + timedelta(days=1)).day == 1,
    }
