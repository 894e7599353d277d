"""What is known about a customer on one date, from analytics' summary. Ibis expressions; nothing here learns.

What belongs here: published features of customers. What does not: the churn model's own features, which are cut off at
past dates and come from single orders (see `churn_windows`).
"""

from datetime import date

import ibis

from feature_helpers import rfm_scores

DAYS_PER_MONTH = 30
"""Order frequency counts per 30 days; a customer known for less than that counts as known for 30 days."""


def build_customer_features(summary: ibis.Table, as_of: date) -> ibis.Table:
    """One row a customer of `analytics.customer_order_summary`, as of a date; customers without orders stay in.

    Without orders the days since an order are null, the frequency is 0 and all three scores are 1, the lowest.
    Scores are terciles among the customers who have ordered; equal values get equal scores.
    """
    today = ibis.literal(as_of)
    days_since_first_order = today.delta(summary.first_order_date, unit="day").cast("int64")
    days_since_last_order = today.delta(summary.last_order_date, unit="day").cast("int64")
    known_days = ibis.greatest(days_since_first_order, DAYS_PER_MONTH)
    frequency = (summary.total_orders * float(DAYS_PER_MONTH) / known_days).fill_null(0.0)
    features = summary.select(
        "customer_id",
        "signup_date",
        as_of_date=today.cast("date"),
        is_premium=summary.tier == "premium",
        days_since_signup=today.delta(summary.signup_date, unit="day").cast("int64"),
        has_ordered=summary.total_orders > 0,
        total_orders=summary.total_orders.cast("int64"),
        total_spent=summary.total_spent,
        avg_order_value=summary.avg_order_value,
        days_since_first_order=days_since_first_order,
        days_since_last_order=days_since_last_order,
        order_frequency_per_30_days=frequency,
    )
    return features.mutate(
        **rfm_scores(
            days_since_last=features.days_since_last_order,
            frequency=features.order_frequency_per_30_days,
            spent=features.total_spent,
            among=features.has_ordered,
        )
    )
