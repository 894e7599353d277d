"""Group `lake`: the typed lake tables, published by day.

A run without a partition loads what is due: new days, days delivered again, days whose registers were. A run of a day or a
range of days loads exactly these again.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg

from consumption_datamart.ingestion.checks import make_checks
from consumption_datamart.ingestion.drops import open_drops
from consumption_datamart.ingestion.loading import find_due, load
from consumption_datamart.ingestion.tables import CUSTOMERS, DEPLOYMENTS, HEARTBEATS, LINES, SKUS, TABLES, LakeTable
from consumption_datamart.windows import DAYS
from headgate import asset
from headgate.contract import find_contract
from headgate.lake.session import LakeSession
from headgate.orchestration.partitions import Partitions, run_partitions
from headgate.team import find_team

GROUP = "lake"
POOL = "consumption_datamart_lake"
"""One run at a time: two that load the same day would do it twice."""
KINDS = {"duckdb", "ducklake"}


@asset(group_name=GROUP, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), pool=POOL, kinds=KINDS)
def customer_register(context: dg.AssetExecutionContext) -> Iterator[Partitions]:
    """Customers as the register has them at the end of each day, whole."""
    return load_table(context, CUSTOMERS)


@asset(group_name=GROUP, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), pool=POOL, kinds=KINDS)
def sku_register(context: dg.AssetExecutionContext) -> Iterator[Partitions]:
    """SKUs and their prices as the register has them at the end of each day, whole."""
    return load_table(context, SKUS)


@asset(group_name=GROUP, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), pool=POOL, kinds=KINDS)
def deployment_register(context: dg.AssetExecutionContext) -> Iterator[Partitions]:
    """Deployments as the register has them at the end of each day, whole."""
    return load_table(context, DEPLOYMENTS)


@asset(
    group_name=GROUP,
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=POOL,
    kinds=KINDS,
    deps=["customer_register", "sku_register"],
)
def invoice_order_lines(context: dg.AssetExecutionContext) -> Iterator[Partitions]:
    """Lines of the invoices dumped on each day, in both layouts; doubtful ones marked."""
    return load_table(context, LINES)


@asset(
    group_name=GROUP,
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=POOL,
    kinds=KINDS,
    deps=["customer_register", "deployment_register"],
)
def cloud_deployment_heartbeats(context: dg.AssetExecutionContext) -> Iterator[Partitions]:
    """Telemetry of Products X and Y, united in vCPU, 10^9 bytes and UTC; doubtful beats marked."""
    return load_table(context, HEARTBEATS)


def load_table(context: dg.AssetExecutionContext, table: LakeTable) -> Iterator[Partitions]:
    """The days of a table that a run is about."""
    session: LakeSession = context.resources.lake.session
    contract = find_contract(find_team(Path(__file__)).contracts_folder, table.name)
    assert contract is not None
    keys = run_partitions(context)
    drops = open_drops()
    due = find_due(session, drops, table, {date.fromisoformat(key) for key in keys} if keys is not None else None)
    context.log.info(f"{table.name}: {len(due):,} days are due")
    return load(session, drops, contract, table, due, run_id=context.run.run_id)


checks = [check for table in TABLES for check in make_checks(table)]
