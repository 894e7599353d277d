"""Group `energy`: rides, the back-test, the model, what it says of new rides, and whether its inputs drift."""

from typing import Any

import dagster as dg
import ibis

from fitness.energy.backtest import HOLDOUT, measure_mae_kj, measure_mae_pct, run_backtest
from fitness.energy.candidate import choose_family, make_candidate, summarize_errors
from fitness.energy.drift import measure_drift
from fitness.energy.model import ENERGY_MODEL
from fitness.energy.predictions import predict_new_rides
from fitness.energy.rides import TARGET, load_rides, select_rides
from headgate import asset, run_date
from headgate.models.registry import open_registry
from headgate.orchestration.models import register

_AUTOMATION = "manual"  # the daily job makes everything, in order; eager would make it once more


@asset(group_name="energy", automation=_AUTOMATION)
def rides(fct_activities: ibis.Table, dim_activities: ibis.Table) -> dg.MaterializeResult[Any]:
    """What is known of each ride without a power meter, and its energy where it is known. No doubtful rides."""
    table = select_rides(fct_activities, dim_activities)
    known = int(table.filter(table[TARGET] > 0).count().to_pyarrow().as_py())
    return dg.MaterializeResult(value=table, metadata={"rides_with_energy": known})


@asset(group_name="energy", automation=_AUTOMATION, kinds={"scikitlearn", "ducklake"})
def ride_energy_backtest(context: dg.AssetExecutionContext, rides: ibis.Table) -> dg.MaterializeResult[Any]:
    """Every model and every baseline on rides of other athletes, later than those it learnt from; ride by ride."""
    rows = run_backtest(load_rides(rides), run_date(context))
    family = choose_family(rows)
    chosen = rows[(rows.split == HOLDOUT) & (rows.model == family)]
    metadata: dict[str, Any] = {
        "chosen": family,
        "folds": int(rows.fold.nunique()),
        "holdout_mae_kj": measure_mae_kj(chosen),
        "holdout_mae_pct": measure_mae_pct(chosen),
    }
    return dg.MaterializeResult(value=rows, metadata=metadata)


@asset(group_name="energy", automation=_AUTOMATION, kinds={"scikitlearn", "mlflow"})
def ride_energy_model(
    context: dg.AssetExecutionContext, rides: ibis.Table, ride_energy_backtest: ibis.Table
) -> dg.MaterializeResult[Any]:
    """The family that cross-validation preferred, in the registry; it serves if it beats every baseline and the champion."""
    candidate = make_candidate(load_rides(rides), ride_energy_backtest.to_pandas(), run_date(context))
    outcome, metadata = register(context, candidate)
    table = outcome.evaluations.assign(family=candidate.parameters["family"])
    return dg.MaterializeResult(value=table, metadata={**metadata, **candidate.parameters})


@asset(group_name="energy", automation=_AUTOMATION)
def ride_energy_evaluation(
    context: dg.AssetExecutionContext, ride_energy_backtest: ibis.Table, ride_energy_model: ibis.Table
) -> Any:
    """Errors of models and baselines by fold, athlete and distance, run by run; earlier runs stay."""
    version = ride_energy_model.to_pandas().iloc[0]
    cells = summarize_errors(ride_energy_backtest.to_pandas())
    return cells.assign(
        run_id=version.run_id,
        is_candidate=cells.model == version.family,
        model_version=int(version.model_version),
        decision=version.decision,
        as_of_date=run_date(context),
    )


@asset(group_name="energy", automation=_AUTOMATION, kinds={"scikitlearn", "ducklake"}, deps=["ride_energy_model"])
def ride_energy_predictions(context: dg.AssetExecutionContext, rides: ibis.Table) -> dg.MaterializeResult[Any]:
    """What the champion says of rides it has not learnt from: the newest, and those whose energy nobody recorded."""
    champion = open_registry("fitness").champion(ENERGY_MODEL)
    predictions = predict_new_rides(
        champion.payload, load_rides(rides), version=champion.version, as_of=run_date(context)
    )
    metadata: dict[str, Any] = {"model_version": champion.version, "trained_before": champion.payload["trained_before"]}
    return dg.MaterializeResult(value=predictions, metadata=metadata)


@asset(group_name="energy", automation=_AUTOMATION)
def ride_energy_drift(context: dg.AssetExecutionContext, rides: ibis.Table) -> Any:
    """How far each input of the model has moved from the same season of the year before."""
    return measure_drift(load_rides(rides), run_date(context))
