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
_THIRDS = {"recent": 0, "middle": THIRD_DAYS, "early": 2 * THIRD_DAYS}
"""Thirds of the window, and how many days before the last day of it each ends."""
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
    thirds = _look_back(consumption, days)
    found = entitled
    for name, back in _THIRDS.items():
        third = thirds.select(
            "customer_id",
            "product",
            day=days_after(thirds.ends_on, back),
            **{f"_{name}_vcpu": thirds.vcpu, f"_{name}_days": thirds.days},
        )
        keys = ["day", "customer_id", "product"]
        found = found.left_join(third, keys).drop([f"{key}_right" for key in keys])
    observed = [found[f"_{name}_days"].fill_null(0) for name in _THIRDS]
    return _forecast(
        found.mutate(observed_days=observed[0] + observed[1] + observed[2], recent_vcpu=found["_recent_vcpu"])
    )


def _look_back(consumption: ir.Table, days: ir.Table) -> ir.Table:
    """The median use of ten days, by their last: what is the last third of one day is the first of another.

    A third is joined by its ten days, each of which is equal to one of consumption; not by bounds, of which an engine tries
    every pair of a customer's days.

    Returns:
        `ends_on`, `customer_id`, `product`, `days` with a row, `vcpu`; the thirds of each of `days`.
    """
    ends = ibis.union(*(days.select(ends_on=days_after(days.day, -back)) for back in _THIRDS.values()), distinct=True)
    spans = ibis.union(*(ends.select("ends_on", day=days_after(ends.ends_on, -back)) for back in range(THIRD_DAYS)))
    seen = consumption.join(spans, "day")
    return seen.group_by("ends_on", "customer_id", "product").agg(days=seen.count(), vcpu=seen.used_vcpu.median())


def _forecast(medians: ir.Table) -> ir.Table:
    least = medians["_entitled"] * LEAST_SHARE
    has_trend = (medians["_recent_days"] >= LEAST_DAYS) & (medians["_early_days"].fill_null(0) >= LEAST_DAYS)
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
