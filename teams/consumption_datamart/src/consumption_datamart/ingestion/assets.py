"""Group `lake`: the typed lake tables, published by day.

A run without a partition loads what is due: new days, days delivered again, days whose registers were; a full refresh all that
was delivered. A run of a day or a range of days loads exactly these again.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from consumption_datamart.ingestion.checks import make_checks
from consumption_datamart.ingestion.drops import open_drops
from consumption_datamart.ingestion.loading import find_due, load
from consumption_datamart.ingestion.tables import TABLES, LakeTable
from consumption_datamart.windows import DAYS
from headgate import asset, is_full_refresh, run_date
from headgate.contract import find_contract
from headgate.lake.session import LakeSession
from headgate.orchestration.partitions import Partitions, run_partitions
from headgate.team import find_team

GROUP = "lake"
POOL = "consumption_datamart_lake"
"""One run at a time: two that load the same day would do it twice."""


def make_asset(table: LakeTable) -> dg.AssetsDefinition:
    """A lake table as an asset. What it judges its rows by is loaded before it."""

    @asset(
        name=table.name,
        description=table.description,
        group_name=GROUP,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        kinds={"duckdb", "ducklake"},
        deps=list(table.registers),
    )
    def load_days(context: dg.AssetExecutionContext) -> Iterator[Partitions]:
        return load_table(context, table)

    made: dg.AssetsDefinition = load_days
    return made


def load_table(context: dg.AssetExecutionContext, table: LakeTable) -> Iterator[Partitions]:
    """The days of a table that a run is about."""
    session: LakeSession = context.resources.lake.session
    contract = find_contract(find_team(Path(__file__)).contracts_folder, table.name)
    assert contract is not None
    keys = run_partitions(context)
    drops = open_drops()
    days = {date.fromisoformat(key) for key in keys} if keys is not None else None
    due = find_due(session, drops, table, days, everything=is_full_refresh(context))
    context.log.info(f"{table.name}: {len(due):,} days are due")
    # A run may be as of a day that is over, or of one that only ACME's clock shows.
    today = max(run_date(context), datetime.now(UTC).date())
    return load(session, drops, contract, table, due, run_id=context.run.run_id, today=today)


assets = [make_asset(table) for table in TABLES]
checks = [check for table in TABLES for check in make_checks(table)]
