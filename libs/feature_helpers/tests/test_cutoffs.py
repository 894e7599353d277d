"""Cut-offs: what is before one, what is after it, and that the two never meet."""

from datetime import date

import ibis
import pytest

from feature_helpers import Cutoffs, FeatureError, choose_cutoffs, label_silence, look_back

CUTOFF = date(2026, 1, 1)


def orders(*rows: tuple[int, str]) -> ibis.Table:
    values = ", ".join(f"({customer}, date '{day}')" for customer, day in rows)
    query = f"select cast(c as bigint) as customer_id, d as order_date from (values {values}) as t (c, d)"
    return ibis.duckdb.connect().sql(query)


def chosen(first: date, as_of: date = date(2026, 1, 1)) -> Cutoffs | None:
    return choose_cutoffs(first, as_of, window_days=90, min_history_days=90, max_training=5)


def test_cutoffs_are_a_window_apart_and_end_before_today() -> None:
    cutoffs = chosen(date(2024, 1, 1))
    assert cutoffs is not None
    assert (cutoffs.holdout, cutoffs.calibration) == (date(2025, 10, 3), date(2025, 7, 5))
    gaps = {(later - earlier).days for earlier, later in zip(cutoffs.all, cutoffs.all[1:], strict=False)}
    assert gaps == {90}
    assert len(cutoffs.training) == 5


def test_a_short_history_trains_on_what_it_has() -> None:
    cutoffs = chosen(date(2025, 1, 1))
    assert cutoffs is not None and cutoffs.training == (date(2025, 4, 6),)
    assert chosen(date(2025, 2, 1)) is None


def test_looking_back_sees_the_day_before_and_not_the_day() -> None:
    past = look_back(orders((1, "2025-12-31"), (2, "2026-01-01"), (3, "2025-12-22")), [CUTOFF], day="order_date")
    rows = past.order_by("customer_id").to_pyarrow().to_pylist()
    assert [(row["customer_id"], row["age_days"], row["cutoff_date"]) for row in rows] == [
        (1, 1, CUTOFF),
        (3, 10, CUTOFF),
    ]


def test_an_event_before_two_cutoffs_comes_twice() -> None:
    past = look_back(orders((1, "2025-11-30")), [date(2025, 12, 1), CUTOFF], day="order_date")
    assert sorted(past.to_pyarrow()["age_days"].to_pylist()) == [1, 32]


def test_no_cutoff_is_an_error() -> None:
    with pytest.raises(FeatureError, match="no cut-off date is given"):
        look_back(orders((1, "2025-11-30")), [], day="order_date")


def test_silence_is_judged_by_the_window_that_begins_with_the_cutoff() -> None:
    before = [(customer, "2025-12-01") for customer in (1, 2, 3, 4)]
    after = [(1, "2026-01-01"), (2, "2026-03-31"), (3, "2026-04-01")]  # day 0, 89 and 90 of 90
    events = orders(*before, *after)
    known = look_back(events, [CUTOFF], day="order_date").select("cutoff_date", "customer_id")
    labelled = label_silence(
        known, events, key="customer_id", day="order_date", window_days=90, name="has_churned"
    ).order_by("customer_id")
    assert labelled.columns == ("cutoff_date", "customer_id", "has_churned")
    assert labelled.to_pyarrow()["has_churned"].to_pylist() == [False, False, True, True]
    # The same through pandas, whose dates and strings differ between its majors.
    assert labelled.to_pandas().has_churned.tolist() == [False, False, True, True]
