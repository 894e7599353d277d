"""From a forecast of demand to what the warehouse does about it."""

import ibis

INCREASE_ABOVE_PCT = 20.0
REDUCE_BELOW_PCT = -20.0


def build_demand_forecasts(forecasts: ibis.Table, products: ibis.Table) -> ibis.Table:
    """One row a product.

    Args:
        forecasts: product, forecast_date, horizon_days, recent_units (sold in as many days before), forecast_units.
        products: `product_features`.
    """
    joined = forecasts.join(products.select("product", "performance_tier"), "product", how="left")
    change = joined.forecast_units - joined.recent_units
    change_pct = change / joined.recent_units.nullif(0.0) * 100
    return joined.select(
        "product",
        "forecast_date",
        "horizon_days",
        "recent_units",
        "forecast_units",
        change_units=change,
        change_pct=change_pct,
        recommendation=recommend_inventory(change_pct, joined.forecast_units),
        performance_tier=joined.performance_tier,
    )


def recommend_inventory(change_pct: ibis.Value, forecast_units: ibis.Value) -> ibis.Value:
    """Above +20 % increase, below -20 % reduce, else maintain. Without recent sales there is no percentage: increase
    when at least one unit is expected."""
    return ibis.cases(
        (change_pct > INCREASE_ABOVE_PCT, "increase"),
        (change_pct < REDUCE_BELOW_PCT, "reduce"),
        (change_pct.isnull() & (forecast_units >= 1), "increase"),
        else_="maintain",
    )
