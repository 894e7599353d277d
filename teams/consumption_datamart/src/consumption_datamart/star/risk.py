"""`renewal_risk`: where a customer's consumption goes until the subscription ends.

The trend is a resistant line (Tukey): the slope between the medians of the last and the first third of a window of 30 days, of
logarithms, since use grows and fades by shares. A day gone wrong moves no median. The forecast carries the recent median on
along what the trend has beyond `NOISE_PER_DAY`, to the end of the term. The thresholds below are those that `bench/risk.py`
evaluates on acme's world.
"""

import ibis
import ibis.expr.types as ir

from consumption_datamart.star.rows import days_after

WINDOW_DAYS = 30
THIRD_DAYS = 10
LEAST_DAYS = 4
"""With fewer days in a third there is no trend."""
LEAST_SHARE = 0.01
"""Use below this share of the entitlement is taken for it: a logarithm needs something above zero."""
FURTHEST_DAYS = 90
"""A trend is not carried further than this."""
NOISE_PER_DAY = 0.008
"""A slope of this size, 17 % in 20 days, is told apart from none by nobody: so much of a trend is not carried on. Chosen on one
world of acme and held against others by `bench/risk.py`."""
SHRINK_BELOW, GROW_ABOVE = 0.6, 1.0
HIGH_BELOW = 0.3


def risk_by_day(consumption: ir.Table, days: ir.Table) -> ir.Table:
    """A row a day, customer and product with an entitlement on the day.

    Args:
        consumption: `consumption_daily` of the days and the 29 before each.
        days: `day`, distinct.

    Returns:
        The columns of `renewal_risk`.
    """
    entitled = consumption.semi_join(days, "day")
    entitled = entitled.filter(entitled.entitled_vcpu > 0).select(
        "day",
        "customer_id",
        "product",
        entitled_vcpu=entitled.entitled_vcpu,
        term_ends_on=entitled.next_end_on,
        _entitled=entitled.entitled_vcpu.cast("float64"),
    )
    past = consumption.select(
        seen_on=consumption.day,
        seen_customer=consumption.customer_id,
        seen_product=consumption.product,
        seen_vcpu=consumption.used_vcpu,
        seen_until=days_after(consumption.day, WINDOW_DAYS),
    )
    window = entitled.join(
        past,
        [
            entitled.customer_id == past.seen_customer,
            entitled.product == past.seen_product,
            past.seen_on <= entitled.day,
            past.seen_until > entitled.day,
        ],
    )
    age = window.day.delta(window.seen_on, unit="day")
    is_recent, is_early = age < THIRD_DAYS, age >= WINDOW_DAYS - THIRD_DAYS
    keys = ["day", "customer_id", "product", "entitled_vcpu", "term_ends_on", "_entitled"]
    medians = window.group_by(keys).agg(
        observed_days=window.count(),
        recent_vcpu=window.seen_vcpu.median(where=is_recent),
        _early_vcpu=window.seen_vcpu.median(where=is_early),
        _recent_days=window.count(where=is_recent),
        _early_days=window.count(where=is_early),
    )
    return _forecast(medians)


def _forecast(medians: ir.Table) -> ir.Table:
    least = medians["_entitled"] * LEAST_SHARE
    has_trend = (medians["_recent_days"] >= LEAST_DAYS) & (medians["_early_days"] >= LEAST_DAYS)
    between = float(WINDOW_DAYS - THIRD_DAYS)
    recent, early = ibis.greatest(medians.recent_vcpu, least), ibis.greatest(medians["_early_vcpu"], least)
    known = medians.mutate(
        trend_per_day=ibis.ifelse(has_trend, (recent / early).ln() / between, 0.0),
        days_to_end=medians.term_ends_on.delta(medians.day, unit="day").cast("int32"),
    )
    # From the middle of the last third on: that is where its median lies.
    ahead = ibis.least(known.days_to_end.fill_null(FURTHEST_DAYS), ibis.literal(FURTHEST_DAYS)).cast("float64")
    ahead = ahead + (THIRD_DAYS - 1) / 2
    beyond = ibis.greatest(known.trend_per_day - NOISE_PER_DAY, 0.0) + ibis.least(
        known.trend_per_day + NOISE_PER_DAY, 0.0
    )
    told = known.mutate(forecast_vcpu=known.recent_vcpu * (beyond * ahead).exp())
    told = told.mutate(
        recent_consumption=told.recent_vcpu / told["_entitled"],
        forecast_consumption=told.forecast_vcpu / told["_entitled"],
    )
    forecast = told.forecast_consumption
    return told.select(
        "day",
        "customer_id",
        "product",
        "entitled_vcpu",
        "term_ends_on",
        "days_to_end",
        "observed_days",
        "recent_vcpu",
        "recent_consumption",
        "trend_per_day",
        "forecast_vcpu",
        "forecast_consumption",
        outlook=ibis.cases((forecast < SHRINK_BELOW, "shrink"), (forecast > GROW_ABOVE, "grow"), else_="steady"),
        risk_tier=ibis.cases((forecast < HIGH_BELOW, "high"), (forecast < SHRINK_BELOW, "medium"), else_="low"),
    )
