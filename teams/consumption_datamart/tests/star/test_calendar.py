"""The calendar against Python's own, and against days that everybody knows."""

from datetime import date

from consumption_datamart.star.calendar import FIRST, LAST, make_calendar


def test_every_day_is_there_once() -> None:
    table = make_calendar()
    assert table.num_rows == (LAST - FIRST).days + 1 == len(set(table["day"].to_pylist()))


def test_days_that_everybody_knows() -> None:
    rows = {row["day"]: row for row in make_calendar(date(2024, 2, 28), date(2027, 1, 4)).to_pylist()}
    leap = rows[date(2024, 2, 29)]
    assert (leap["day_of_year"], leap["is_month_end"], leap["quarter"], leap["day_name"]) == (60, True, 1, "Thursday")
    # 2026 has 53 ISO weeks: its last reaches into January.
    new_year = rows[date(2027, 1, 1)]
    assert (new_year["year"], new_year["iso_year"], new_year["iso_week"]) == (2027, 2026, 53)
    assert (new_year["week_start"], new_year["month_start"]) == (date(2026, 12, 28), date(2027, 1, 1))
    assert [rows[date(2026, 11, number)]["is_weekend"] for number in (20, 21, 22, 23)] == [False, True, True, False]
