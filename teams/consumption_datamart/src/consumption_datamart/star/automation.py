"""When the star is made by itself: with every delivery, by the sensor of `ingestion`, and once a day whatever is left over."""

import dagster as dg

make_star = dg.define_asset_job(
    "make_star",
    selection=dg.AssetSelection.groups("star"),
    description="The days of the star that are due, or those that the run is given",
)

JOBS = [make_star]
SCHEDULES = [
    dg.ScheduleDefinition(
        name="star_every_day",
        job=make_star,
        cron_schedule="30 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="What deliveries left undone, every day at 05:30 UTC: days loaded by hand, and runs that failed",
    )
]
