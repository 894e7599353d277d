"""The code location of team analytics: its assets and its daily schedule."""

import dagster as dg

from analytics import raw_data, summaries
from headgate import team_definitions

everything = dg.define_asset_job("everything", selection=dg.AssetSelection.groups("raw_data", "analytics"))

daily = dg.ScheduleDefinition(
    name="daily",
    job=everything,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="All of analytics, every day at 05:00 UTC; team ml follows by automation",
)

defs = team_definitions(modules=[raw_data, summaries], jobs=[everything], schedules=[daily])
