from datetime import date, timedelta

import ibis
import pandas as pd
import pytest
import world
from conftest import Shop

from ml.churn_windows import FEATURES, build_churn_features, churn_cutoffs, label_churn

CUTOFF = date(2026, 1, 1)


def _orders(*rows: tuple[int, str, str]) -> ibis.Table:
    values = ", ".join(f"({customer}, date '{day}', {amount})" for customer, day, amount in rows)
    return ibis.duckdb.connect().sql(
        f"""
        select cast(customer_id as bigint) as customer_id, order_date, cast(amount as decimal(18, 2)) as total_amount
        from (values {values}) as rows (customer_id, order_date, amount)
        """
    )


def _customers(orders: ibis.Table) -> ibis.Table:
    return orders.select(
        "customer_id", signup_date=ibis.literal(date(2025, 1, 1)), is_premium=orders.customer_id == 1
    ).distinct()


def test_counts_only_what_lies_before_the_cutoff() -> None:
    orders = _orders((1, "2025-10-01", "10"), (1, "2025-12-22", "30"), (1, "2026-01-01", "500"), (2, "2026-01-05", "5"))
    features = build_churn_features(orders, _customers(orders), [CUTOFF]).to_pandas()
    assert features.customer_id.tolist() == [1]
    (row,) = features[list(FEATURES)].to_dict("records")
    assert row["recency_days"] == 10
    assert row["tenure_days"] == 92
    assert row["orders_total"] == 2
    assert row["orders_30_days"] == 1
    assert row["orders_90_days"] == 1
    assert row["spent_per_order"] == 20
    assert row["mean_gap_days"] == 82
    assert row["recency_per_gap"] == pytest.approx(10 / 82)
    assert row["days_since_signup"] == 365
    assert row["is_premium"] == 1


def test_labels_by_the_window_that_starts_at_the_cutoff() -> None:
    before = [(n, "2025-12-01", "10") for n in (1, 2, 3, 4)]
    after = [(1, "2026-01-01", "1"), (2, "2026-03-31", "1"), (3, "2026-04-01", "1")]  # day 0, 89 and 90 of 90
    orders = _orders(*before, *after)
    labelled = label_churn(build_churn_features(orders, _customers(orders), [CUTOFF]), orders).to_pandas()
    churned = dict(zip(labelled.customer_id, labelled.has_churned, strict=True))
    assert churned == {1: False, 2: False, 3: True, 4: True}


def test_orders_from_the_cutoff_on_cannot_change_a_feature(shop: Shop) -> None:
    cutoffs = [world.TODAY - timedelta(days=180), world.TODAY - timedelta(days=90)]
    known = (
        build_churn_features(shop.orders, shop.customers, cutoffs).order_by("cutoff_date", "customer_id").to_pandas()
    )
    later = pd.to_datetime(shop.frame.order_date) >= pd.Timestamp(cutoffs[0])
    changed = shop.frame.assign(total_amount=shop.frame.total_amount.where(~later, 999_999.0))
    changed = pd.concat([changed, changed[later].assign(customer_id=1)], ignore_index=True)
    connection = ibis.duckdb.connect()
    again = build_churn_features(world.load_orders(connection, changed), world.load_customers(connection), cutoffs)
    again = again.order_by("cutoff_date", "customer_id").to_pandas()
    first = known.cutoff_date == pd.Timestamp(cutoffs[0])
    pd.testing.assert_frame_equal(known[first], again[again.cutoff_date == pd.Timestamp(cutoffs[0])])
    assert (
        not known[~first]
        .reset_index(drop=True)
        .equals(again[again.cutoff_date != pd.Timestamp(cutoffs[0])].reset_index(drop=True))
    )


def test_a_cutoff_trains_with_a_window_of_history_before_it() -> None:
    cutoffs = churn_cutoffs(date(2025, 1, 1), date(2026, 1, 1))
    assert cutoffs is not None
    assert cutoffs.all == (date(2025, 4, 6), date(2025, 7, 5), date(2025, 10, 3))
    assert churn_cutoffs(date(2025, 2, 1), date(2026, 1, 1)) is None
