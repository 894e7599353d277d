"""The code location of team fitness."""

import dagster as dg

from fitness.dashboard import assets as dashboard
from fitness.energy import assets as energy
from fitness.energy import checks
from fitness.ingestion import assets as ingestion
from headgate import dbt_assets, team_definitions

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all(),
    description="From the athletes' accounts to the pages, in one run",
)

every_day = dg.ScheduleDefinition(
    name="every_day",
    job=everything,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="What is new at Strava and all that follows from it, every day at 04:00 UTC",
)

defs = team_definitions(
    modules=[ingestion, energy, checks, dashboard],
    jobs=[ingestion.ingest, everything],
    schedules=[every_day],
    dbt=dbt_assets(),
)
