"""Group `strava`: the club's activities and athletes in the private zone, as Strava sends them.

A run without a partition reads on from what is landed, with a look-back; a run of months reads these months whole.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg

from fitness.ingestion.accounts import Account, open_accounts
from fitness.ingestion.api import Interval, activities_of, profile_of
from fitness.ingestion.credentials import read_credentials
from headgate import dlt_assets, has_partitions, is_full_refresh
from headgate.lake.session import LakeSession
from headgate.sources.dlt.model import Pull, Window
from headgate.sources.http import Traffic

LOOKBACK = timedelta(days=29)
"""How long before the latest start an activity may have begun that turns up, is edited or deleted, and is noticed by the next
run: four weeks, and a day for the hours."""
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2018-01-01", end_offset=1)
POOL = "strava"
"""One run at a time: the rate limit is the application's, not a run's."""

_OWNERS = {"activities": "athlete__id", "activity_details": "athlete_id"}
"""Table of activities → its column with the athlete."""


@dlt_assets(
    dlt_source=activities_of(None, Interval()),
    group_name="strava",
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=POOL,
)
def activities(context: dg.AssetExecutionContext) -> Pull:
    """Every activity of every athlete, merged by id. What is gone from the interval read is kept aside."""
    traffic = Traffic()
    accounts = open_accounts(read_credentials(), traffic)
    if has_partitions(context):
        months = context.partition_time_window
        intervals = {account: Interval(months.start, months.end) for account in accounts}
        return _pull(intervals, traffic)
    landed = {} if is_full_refresh(context) else read_latest_starts(context.resources.lake.session)
    intervals = {}
    for account in accounts:
        latest = landed.get(account.athlete_id)
        intervals[account] = Interval(start=latest - LOOKBACK if latest else None)
    return _pull(intervals, traffic, months=_months_since(interval.start for interval in intervals.values()))


@dlt_assets(dlt_source=profile_of(None), group_name="strava", pool=POOL)
def profile(context: dg.AssetExecutionContext) -> Pull:
    """The athletes with their totals, zones, gear and starred segments, replaced at each run."""
    traffic = Traffic()
    accounts = open_accounts(read_credentials(), traffic)
    return Pull([profile_of(account) for account in accounts], traffic=traffic)


ingest = dg.define_asset_job("ingest", selection=dg.AssetSelection.groups("strava"))


def read_latest_starts(session: LakeSession) -> dict[int, datetime]:
    """Athlete → latest start that is landed. A start in the future is a device's wrong clock, and holds nothing up."""
    table = "fitness_private.activities"
    if not session.has_table(table):
        return {}
    rows = session.connection.execute(
        f"select athlete__id, max(start_date) from {session.qualify(table)} where start_date <= now() group by 1"
    ).fetchall()
    return dict(rows)


def _pull(intervals: dict[Account, Interval], traffic: Traffic, *, months: Iterable[str] = ()) -> Pull:
    return Pull(
        [activities_of(account, interval) for account, interval in intervals.items()],
        windows=[
            Window(table, "start_date", interval.start, interval.end, {owner: account.athlete_id})
            for table, owner in _OWNERS.items()
            for account, interval in intervals.items()
        ],
        traffic=traffic,
        partitions=tuple(months),
    )


def _months_since(starts: Iterable[datetime | None]) -> list[str]:
    """The months that a run without a partition covers."""
    times = list(starts)
    first = None if None in times or not times else min(time for time in times if time is not None)
    now = datetime.now(UTC)
    return [key for key in MONTHS.get_partition_keys(now) if first is None or key >= f"{first:%Y-%m}-01"]
