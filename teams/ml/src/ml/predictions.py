"""Group `ml_predictions`: what the champions of the registry say as of the run's date."""

from typing import Any

import dagster as dg
import ibis

from headgate import asset, run_date
from headgate.models.registry import open_registry
from ml.automation import FOLLOW_UPSTREAM
from ml.churn_model import CHURN_MODEL, predict_churn
from ml.churn_windows import build_churn_features
from ml.demand_model import DEMAND_MODEL, forecast_demand
from ml.demand_series import HORIZON_DAYS, HORIZON_WEEKS, load_panel
from ml.forecasts import build_demand_forecasts
from ml.recommendation_model import RECOMMENDATION_MODEL, build_recommendations
from ml.recommendation_parts import build_parts
from ml.risk import build_risk_scores


@asset(group_name="ml_predictions", automation_condition=FOLLOW_UPSTREAM, deps=["customer_churn_model"])
def customer_risk_scores(
    context: dg.AssetExecutionContext, customer_features: ibis.Table, order_data: ibis.Table
) -> dg.MaterializeResult[Any]:
    """The probability that each customer who has ordered before places no order in the next 90 days, and what to do."""
    as_of = run_date(context)
    champion = open_registry("ml").champion(CHURN_MODEL)
    features = build_churn_features(order_data, customer_features, [as_of]).to_pandas()
    scored = features[["customer_id"]].assign(churn_probability=predict_churn(champion.payload, features))
    scores = build_risk_scores(ibis.memtable(scored), customer_features)
    return dg.MaterializeResult(value=scores, metadata={"model_version": champion.version})


@asset(group_name="ml_predictions", automation_condition=FOLLOW_UPSTREAM, deps=["demand_forecast_model"])
def product_demand_forecasts(
    context: dg.AssetExecutionContext, product_features: ibis.Table, order_data: ibis.Table, market_data: ibis.Table
) -> dg.MaterializeResult[Any]:
    """Units of each product in the next 28 days, against the last 28, and what to do about the stock."""
    as_of = run_date(context)
    champion = open_registry("ml").champion(DEMAND_MODEL)
    panel = load_panel(order_data, product_features, market_data, as_of)
    forecasts = ibis.memtable(
        {
            "product": list(panel.products),
            "recent_units": panel.units[:, -HORIZON_WEEKS:].sum(axis=1).tolist(),
            "forecast_units": forecast_demand(champion.payload, panel).tolist(),
        }
    ).mutate(forecast_date=ibis.literal(as_of), horizon_days=ibis.literal(HORIZON_DAYS, "int32"))
    return dg.MaterializeResult(
        value=build_demand_forecasts(forecasts, product_features), metadata={"model_version": champion.version}
    )


@asset(group_name="ml_predictions", automation_condition=FOLLOW_UPSTREAM, deps=["recommendation_model"])
def product_recommendations(context: dg.AssetExecutionContext, order_data: ibis.Table) -> dg.MaterializeResult[Any]:
    """The five products each active customer is likeliest to want next."""
    as_of = run_date(context)
    champion = open_registry("ml").champion(RECOMMENDATION_MODEL)
    recommendations = build_recommendations(build_parts(order_data, as_of), champion.payload, as_of)
    return dg.MaterializeResult(value=recommendations, metadata={"model_version": champion.version})
