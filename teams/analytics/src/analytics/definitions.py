"""The code location of team analytics: its assets and its schedules."""

import dagster as dg

from analytics import penguins, raw_data, summaries
from headgate import read_settings, team_definitions

everything = dg.define_asset_job("everything", selection=dg.AssetSelection.groups("raw_data", "analytics"))

daily = dg.ScheduleDefinition(
    name="daily",
    job=everything,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="All of analytics, every day at 05:00 UTC; team ml follows by automation",
)

penguins_every_minute = dg.ScheduleDefinition(
    name="penguins_every_minute",
    target=[penguins.penguins],
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=(
        dg.DefaultScheduleStatus.RUNNING if read_settings().demonstration else dg.DefaultScheduleStatus.STOPPED
    ),
    description="The penguins again and again, for others to follow; on only with HEADGATE_DEMONSTRATION=1",
)

defs = team_definitions(
    modules=[raw_data, summaries, penguins], jobs=[everything], schedules=[daily, penguins_every_minute]
)
