"""From a probability of churn to what the shop does about it."""

import ibis

LOW_BELOW = 0.3
HIGH_FROM = 0.7


def build_risk_scores(probabilities: ibis.Table, customers: ibis.Table) -> ibis.Table:
    """One row a customer who has ordered before: probability, tier and recommendation.

    Args:
        probabilities: customer_id, churn_probability (0–1).
        customers: `customer_features`.
    """
    joined = probabilities.join(customers, "customer_id")
    tier = tier_of(joined.churn_probability)
    is_valuable = joined.is_premium | (joined.monetary_score == 3)
    return joined.select(
        "customer_id",
        "as_of_date",
        "churn_probability",
        risk_tier=tier,
        recommendation=ibis.cases(
            ((tier == "High") & is_valuable, "Call in person and offer a reason to come back"),
            (tier == "High", "Send a win-back offer"),
            ((tier == "Medium") & is_valuable, "Offer a benefit before they leave"),
            (tier == "Medium", "Send a reminder with products they like"),
            else_="No action: likely to order again",
        ),
        days_since_last_order=joined.days_since_last_order,
        is_premium=joined.is_premium,
    )


def tier_of(probability: ibis.Value) -> ibis.Value:
    """Below 0.3 Low, from 0.3 Medium, from 0.7 High."""
    return ibis.cases((probability < LOW_BELOW, "Low"), (probability < HIGH_FROM, "Medium"), else_="High")
