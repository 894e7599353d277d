"""Group `ml_models`: training, judging, promoting. An asset's table is its evaluation; the model is in the registry."""

from typing import Any

import dagster as dg
import ibis

from headgate import asset, run_date
from ml.automation import FOLLOW_UPSTREAM
from ml.churn_model import train_churn_model
from ml.demand_model import train_demand_model
from ml.evaluation import EVALUATION_COLUMNS, Candidate
from ml.promotion import submit
from ml.recommendation_model import train_recommendation_model
from ml.registry import open_registry

_KINDS = {"scikitlearn", "mlflow"}


@asset(group_name="ml_models", automation_condition=FOLLOW_UPSTREAM, kinds=_KINDS)
def customer_churn_model(
    context: dg.AssetExecutionContext, customer_features: ibis.Table, order_data: ibis.Table
) -> dg.MaterializeResult[Any]:
    """Who places no order in the next 90 days? Trained on past cut-off dates, judged on the newest."""
    return _register(context, train_churn_model(order_data, customer_features, run_date(context)))


@asset(group_name="ml_models", automation_condition=FOLLOW_UPSTREAM, kinds=_KINDS)
def demand_forecast_model(
    context: dg.AssetExecutionContext, product_features: ibis.Table, order_data: ibis.Table, market_data: ibis.Table
) -> dg.MaterializeResult[Any]:
    """How many units of each product in the next 28 days? Back-tested with a rolling origin."""
    return _register(context, train_demand_model(order_data, product_features, market_data, run_date(context)))


@asset(group_name="ml_models", automation_condition=FOLLOW_UPSTREAM, kinds={"ibis", "mlflow"})
def recommendation_model(context: dg.AssetExecutionContext, order_data: ibis.Table) -> dg.MaterializeResult[Any]:
    """What will a customer want next? Weights of three reasons, tuned on earlier months, judged on the last."""
    return _register(context, train_recommendation_model(order_data, run_date(context)))


@asset(group_name="ml_models", automation_condition=FOLLOW_UPSTREAM)
def model_evaluations(
    customer_churn_model: ibis.Table, demand_forecast_model: ibis.Table, recommendation_model: ibis.Table
) -> ibis.Table:
    """Every model beside its baselines, run by run; earlier runs stay."""
    evaluations = (customer_churn_model, demand_forecast_model, recommendation_model)
    return ibis.union(*(table.select(*EVALUATION_COLUMNS) for table in evaluations))


def _register(context: dg.AssetExecutionContext, candidate: Candidate) -> dg.MaterializeResult[Any]:
    outcome = submit(open_registry(), candidate, run_id=context.run.run_id)
    context.log.info(outcome.summary)
    deciding = candidate.deciding
    return dg.MaterializeResult(
        value=outcome.evaluations,
        metadata={
            "decision": outcome.decision.value,
            "summary": outcome.summary,
            "model_version": outcome.version,
            "champion_version": outcome.champion_version or 0,
            f"{deciding.split}_{deciding.metric}": deciding.value,
            "best_baseline": max(deciding.baselines.values())
            if deciding.is_better_than(float("-inf"))
            else min(deciding.baselines.values()),
        },
    )
