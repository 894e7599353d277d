"""What checks say of deliveries and days, on a handful that was written by hand."""

from datetime import date, timedelta

import pytest

from consumption_datamart.ingestion.checks import judge_age, judge_days, judge_rejections
from consumption_datamart.ingestion.state import Rejection

TODAY = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("newest", "words"),
    [
        (date(2026, 11, 2), None),
        (date(2026, 10, 30), None),
        (date(2026, 10, 29), "the newest day is 2026-10-29, 4 days before 2026-11-02"),
        (date(2026, 11, 4), "the newest day is 2026-11-04, 2 days after 2026-11-02"),
        (None, "the newest day is none, ? days before 2026-11-02"),
    ],
)
def test_the_newest_day_is_recent_and_has_come(newest: date | None, words: str | None) -> None:
    result = judge_age(newest, TODAY)
    assert (result.passed, result.description) == (words is None, words)


def test_what_is_not_named_is_counted() -> None:
    aside = [Rejection("invoices", TODAY, 1, f"file {n}", "it is no good", "mend it") for n in range(5)]
    told = judge_rejections(aside)
    named = [f"file {n}: it is no good; mend it" for n in range(3)]
    assert str(told.description) == "; ".join([*named, "and 2 more"]) and told.metadata["failed_rows"].value == 5
    gap = judge_days({"invoices": [TODAY - timedelta(days=26), TODAY]})
    assert str(gap.description).count("invoices of") == 20 and str(gap.description).endswith(" and 5 more")
