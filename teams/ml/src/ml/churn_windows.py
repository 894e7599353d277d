"""Churn as a question with an answer: at a cut-off date, who places no order in the window after it?

Features come from orders strictly before the cut-off, the label from the window that starts at it. Ibis expressions
over single orders; the same function serves training (past cut-offs) and scoring (the run's own date).
"""

from collections.abc import Sequence
from datetime import date

import ibis

from feature_helpers import Cutoffs, choose_cutoffs, label_silence, look_back

WINDOW_DAYS = 90
"""A customer has churned at a cut-off when they place no order in the 90 days that begin with it."""
MAX_TRAINING_CUTOFFS = 5
MIN_HISTORY_DAYS = 90
"""A cut-off is used for training when at least this much order history precedes it."""

FEATURES = (
    "recency_days",
    "tenure_days",
    "days_since_signup",
    "orders_total",
    "orders_30_days",
    "orders_90_days",
    "orders_365_days",
    "spent_per_order",
    "spent_365_days",
    "mean_gap_days",
    "recency_per_gap",
    "recent_rate_ratio",
    "is_premium",
)


def churn_cutoffs(first_order: date, as_of: date) -> Cutoffs | None:
    """The newest window that has fully passed is held out, the one before calibrates, up to five earlier ones train.

    Returns None when the history is too short for one of each.
    """
    return choose_cutoffs(
        first_order,
        as_of,
        window_days=WINDOW_DAYS,
        min_history_days=MIN_HISTORY_DAYS,
        max_training=MAX_TRAINING_CUTOFFS,
    )


def build_churn_features(orders: ibis.Table, customers: ibis.Table, cutoffs: Sequence[date]) -> ibis.Table:
    """One row a cut-off and customer who had ordered before it; nothing from the cut-off's day or later is used.

    Args:
        orders: customer_id, order_date, total_amount.
        customers: customer_id, signup_date, is_premium. The tier is the present one: its source keeps no history of it.
        cutoffs: the dates to look back from.
    """
    past = look_back(orders, cutoffs, day="order_date")
    age_days = past.age_days
    spent = past.total_amount.cast("float64")
    summed = past.group_by("cutoff_date", "customer_id").agg(
        recency_days=age_days.min(),
        tenure_days=age_days.max(),
        orders_total=past.count(),
        orders_30_days=past.count(where=age_days <= 30),
        orders_90_days=past.count(where=age_days <= 90),
        orders_365_days=past.count(where=age_days <= 365),
        spent_total=spent.sum(),
        spent_365_days=spent.sum(where=age_days <= 365).fill_null(0.0),
    )
    known = summed.join(customers.select("customer_id", "signup_date", "is_premium"), "customer_id")
    gap = (known.tenure_days - known.recency_days) / (known.orders_total - 1).nullif(0).cast("float64")
    yearly_rate = known.orders_365_days / ibis.least(known.tenure_days, 365).cast("float64")
    recent_rate = known.orders_90_days / ibis.least(known.tenure_days, 90).cast("float64")
    values = {
        "days_since_signup": known.cutoff_date.delta(known.signup_date, unit="day"),
        "spent_per_order": known.spent_total / known.orders_total,
        "mean_gap_days": gap,
        "recency_per_gap": known.recency_days / gap.nullif(0.0),
        "recent_rate_ratio": recent_rate / yearly_rate.nullif(0.0),
    }
    columns = {name: values[name] if name in values else known[name] for name in FEATURES}
    return known.select(
        "cutoff_date", "customer_id", **{name: value.cast("float64") for name, value in columns.items()}
    )


def label_churn(features: ibis.Table, orders: ibis.Table, window_days: int = WINDOW_DAYS) -> ibis.Table:
    """Adds `has_churned`: no order from the cut-off (included) to the window's end (not included)."""
    return label_silence(
        features, orders, key="customer_id", day="order_date", window_days=window_days, name="has_churned"
    )
