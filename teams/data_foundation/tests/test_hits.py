"""Which months of hits are due, and when."""

from datetime import UTC, datetime, timedelta, timezone

import dagster as dg
import pytest

from data_foundation.definitions import defs
from data_foundation.hits import due_months, newest_hits, newest_raw_hits
from data_foundation.ingestion import STOREFRONT

PACIFIC_WINTER = timezone(timedelta(hours=-8))


@pytest.mark.parametrize(
    ("at", "months"),
    [
        (datetime(2026, 5, 15, 6, 30, tzinfo=UTC), ["2026-05-01"]),
        (datetime(2026, 5, 3, 6, 30, tzinfo=UTC), ["2026-04-01", "2026-05-01"]),
        (datetime(2026, 5, 4, 6, 30, tzinfo=UTC), ["2026-05-01"]),
        (datetime(2026, 1, 1, 0, 0, tzinfo=UTC), ["2025-12-01", "2026-01-01"]),
        # The last evening of the year in California is next year's first morning in UTC.
        (datetime(2025, 12, 31, 20, 0, tzinfo=PACIFIC_WINTER), ["2025-12-01", "2026-01-01"]),
    ],
)
def test_a_month_is_due_until_its_last_hits_have_come(at: datetime, months: list[str]) -> None:
    assert due_months(at, UTC) == months


def test_the_months_of_raw_hits_are_the_storefronts_own() -> None:
    assert due_months(datetime(2026, 5, 1, 5, 0, tzinfo=UTC), STOREFRONT) == ["2026-04-01"]
    assert due_months(datetime(2026, 5, 2, 5, 0, tzinfo=UTC), STOREFRONT) == ["2026-04-01", "2026-05-01"]


@pytest.mark.parametrize(
    ("schedule", "table"),
    [(newest_raw_hits, "raw_web_hits"), (newest_raw_hits, "raw_app_hits"), (newest_hits, "int_hits")],
)
def test_the_schedules_ask_for_partitions_that_there_are(schedule: dg.ScheduleDefinition, table: str) -> None:
    at = datetime.now(UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        repository = defs.get_repository_def()
        context = dg.build_schedule_context(instance, scheduled_execution_time=at, repository_def=repository)
        requests = schedule.evaluate_tick(context).run_requests
    hits = defs.resolve_assets_def(["data_foundation", table])
    assert hits.partitions_def is not None
    assert requests
    assert {request.partition_key for request in requests} <= set(hits.partitions_def.get_partition_keys())
