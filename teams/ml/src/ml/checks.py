"""What a contract cannot say about models and predictions: checks over several rows or another table."""

import dagster as dg
import ibis

from headgate.orchestration.models import baselines_check

MAX_TIER_SHARE = 0.98
"""Above this share of one risk tier the scores tell nobody apart."""
MAX_TOTAL_CHANGE_PCT = 60.0
"""A forecast of all products together further than this from the last 28 days is rather a fault than the market."""


churn_beats_baselines = baselines_check("ml", "customer_churn_model")
demand_beats_baselines = baselines_check("ml", "demand_forecast_model")
recommendation_beats_baselines = baselines_check("ml", "recommendation_model")


@dg.asset_check(
    asset=dg.AssetKey(["ml", "customer_risk_scores"]),
    description=f"No risk tier holds more than {MAX_TIER_SHARE:.0%} of the customers.",
)
def tiers_differ(scores: ibis.Table) -> dg.AssetCheckResult:
    """Scores that are all alike come from a broken feature."""
    return judge_tiers(scores)


def judge_tiers(scores: ibis.Table) -> dg.AssetCheckResult:
    counts = scores.group_by("risk_tier").agg(customers=scores.count()).to_pandas()
    total = int(counts.customers.sum())
    shares = {str(row.risk_tier): row.customers / total for row in counts.itertuples()}
    return dg.AssetCheckResult(
        passed=total > 0 and max(shares.values()) <= MAX_TIER_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"customers": total, **{f"share_{tier.lower()}": float(share) for tier, share in shares.items()}},
    )


@dg.asset_check(
    asset=dg.AssetKey(["ml", "product_demand_forecasts"]),
    description=f"All forecasts together are within {MAX_TOTAL_CHANGE_PCT:.0f} % of the sales of the last 28 days.",
)
def total_is_plausible(forecasts: ibis.Table) -> dg.AssetCheckResult:
    """Single products may double; all together do not."""
    return judge_total(forecasts)


def judge_total(forecasts: ibis.Table) -> dg.AssetCheckResult:
    sums = (
        forecasts.agg(forecast=forecasts.forecast_units.sum(), recent=forecasts.recent_units.sum()).to_pandas().iloc[0]
    )
    recent, forecast = float(sums.recent or 0), float(sums.forecast or 0)
    change_pct = (forecast / recent - 1) * 100 if recent else float("inf")
    return dg.AssetCheckResult(
        passed=abs(change_pct) <= MAX_TOTAL_CHANGE_PCT,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"forecast_units": forecast, "recent_units": recent, "change_pct": change_pct if recent else 0.0},
    )
