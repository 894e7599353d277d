"""The months of hits, and when each is made again.

What belongs here: which months are due. What does not: what a month holds (`dbt/models/intermediate/int_hits.sql`).
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import dagster as dg

from data_foundation.ingestion import STOREFRONT

LATE_DAYS = 3
"""For how long hits of a month still come after its end: a day of the storefront's lag, up to two until they are loaded."""

raw_months = dg.define_asset_job(
    "raw_months",
    selection=dg.AssetSelection.assets("data_foundation/raw_web_hits", "data_foundation/raw_app_hits"),
    description="Hits as they are at the source, by month; the months that a run is about are replaced",
)

months_of_hits = dg.define_asset_job(
    "months_of_hits",
    selection=dg.AssetSelection.assets("data_foundation/int_hits"),
    description="Hits of web and app, by month; the months that a run is about are replaced",
)


def due_months(at: datetime, zone: tzinfo) -> list[str]:
    """First days of a zone's months in which hits may be new: that of `at`, and the one before in its first days."""
    at = at.astimezone(zone)
    days = (at, at - timedelta(days=LATE_DAYS))
    return sorted({day.strftime("%Y-%m-01") for day in days})


def _requests(zone: tzinfo) -> Callable[[dg.ScheduleEvaluationContext], Iterator[dg.RunRequest]]:
    def request(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        at = context.scheduled_execution_time
        for month in due_months(at, zone):
            yield dg.RunRequest(run_key=f"{at.date()} {month}", partition_key=month)

    return request


newest_raw_hits = dg.ScheduleDefinition(
    name="newest_raw_hits",
    job=raw_months,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    execution_fn=_requests(STOREFRONT),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The month of today, and in its first days the one before, every day at 05:00 UTC",
)

newest_hits = dg.ScheduleDefinition(
    name="newest_hits",
    job=months_of_hits,
    cron_schedule="30 6 * * *",
    execution_timezone="UTC",
    execution_fn=_requests(UTC),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The same months of what is made of them, every day at 06:30 UTC",
)
