"""Group `ml_features`: what is known about customers, products and the market as of the run's date."""

from datetime import timedelta
from typing import Any

import dagster as dg
import ibis

from headgate import asset, run_date
from ml.automation import FOLLOW_UPSTREAM
from ml.customers import build_customer_features
from ml.demand_series import HORIZON_DAYS
from ml.market import generate_market_data
from ml.products import build_product_features


@asset(group_name="ml_features", automation_condition=FOLLOW_UPSTREAM)
def customer_features(context: dg.AssetExecutionContext, customer_order_summary: ibis.Table) -> ibis.Table:
    """Recency, frequency and monetary value of every customer, as of the run's date."""
    return build_customer_features(customer_order_summary, run_date(context))


@asset(group_name="ml_features", automation_condition=FOLLOW_UPSTREAM)
def product_features(product_performance: ibis.Table) -> ibis.Table:
    """Revenue and units per order, category and rank of every product."""
    return build_product_features(product_performance)


@asset(group_name="ml_features", automation_condition=FOLLOW_UPSTREAM, kinds={"python", "ducklake"})
def market_data(context: dg.AssetExecutionContext, order_data: ibis.Table) -> dg.MaterializeResult[Any]:
    """Daily market series from the first order to 28 days after the run's date; generated, a stand-in for a vendor."""
    as_of = run_date(context)
    first_order = order_data.filter(order_data.order_date < as_of).order_date.min().to_pyarrow().as_py() or as_of
    frame = generate_market_data(first_order, as_of + timedelta(days=HORIZON_DAYS))
    return dg.MaterializeResult(value=frame, metadata={"days": len(frame)})
