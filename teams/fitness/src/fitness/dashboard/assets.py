"""Group `dashboard`: the two pages. They hold no table; the link is in the metadata."""

from typing import Any

import dagster as dg
import ibis

from fitness.dashboard.activity_page import write_activity_page
from fitness.dashboard.model_page import write_model_page
from fitness.dashboard.summaries import load_activities
from headgate import asset, run_date

_AUTOMATION = "manual"  # the daily job makes everything, in order; eager would make it once more


@asset(group_name="dashboard", automation=_AUTOMATION, kinds={"plotly"})
def activity_dashboard(
    context: dg.AssetExecutionContext, fct_activities: ibis.Table, dim_activities: ibis.Table
) -> dg.MaterializeResult[Any]:
    """Totals, the last eight weeks, achievements and sports of every athlete, on a page."""
    as_of = run_date(context)
    frame = load_activities(fct_activities, dim_activities, as_of)
    doubtful = int(fct_activities.filter(fct_activities.is_doubtful).count().to_pyarrow().as_py())
    page = write_activity_page(frame, as_of, doubtful=doubtful)
    counts = {"activities": len(frame), "athletes": int(frame.athlete_id.nunique()), "doubtful_activities": doubtful}
    return dg.MaterializeResult(metadata={**counts, **page.metadata()})


@asset(group_name="dashboard", automation=_AUTOMATION, kinds={"plotly"})
def ride_energy_page(
    context: dg.AssetExecutionContext,
    ride_energy_backtest: ibis.Table,
    ride_energy_model: ibis.Table,
    ride_energy_drift: ibis.Table,
) -> dg.MaterializeResult[Any]:
    """The energy model on a page: predicted against recorded, residuals, errors by athlete and distance, drift."""
    version = ride_energy_model.to_pandas().iloc[0]
    page = write_model_page(
        ride_energy_backtest.to_pandas(),
        ride_energy_drift.to_pandas(),
        run_date(context),
        family=str(version.family),
        version=int(version.model_version),
        decision=str(version.decision),
    )
    return dg.MaterializeResult(metadata=page.metadata())
