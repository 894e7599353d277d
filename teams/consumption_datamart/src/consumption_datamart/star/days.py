"""Which days a run of the star makes: those it was started for, or those that are due.

What belongs here: reading the lake's own records. What does not: how a day is computed.
"""

from collections.abc import Mapping
from datetime import date

import dagster as dg
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from consumption_datamart.ingestion.doubts import choose_registers, register_days
from consumption_datamart.windows import TEAM, due_days
from headgate import is_full_refresh, run_partitions
from headgate.lake.records import PUBLICATIONS
from headgate.lake.session import LakeSession, quote

TERMS = f"{TEAM}.subscription_terms"


def days_to_make(context: dg.AssetExecutionContext, table: str, inputs: Mapping[str, int]) -> list[date]:
    """The run's own days, or without any the ones that are due, all of them in a full refresh; see `windows.due_days`."""
    asked = run_partitions(context)
    if asked is not None:
        return [date.fromisoformat(key) for key in asked]
    return due_days(context.resources.lake.session, table, inputs, everything=is_full_refresh(context))


def as_table(days: list[date]) -> ir.Table:
    """The days as a table of one column, `day`."""
    return ibis.memtable(pa.table({"day": pa.array(days, pa.date32())}))


def registers_of(session: LakeSession, register: str, days: list[date]) -> dict[date, date]:
    """Day → the day whose register is true on it: the one that its rows were held against when they were loaded."""
    return choose_registers(register_days(session, register), days)


def as_pairs(chosen: Mapping[date, date]) -> ir.Table:
    """What `registers_of` chose as a table: `day`, `registered_on`."""
    columns = {"day": list(chosen), "registered_on": list(chosen.values())}
    return ibis.memtable(pa.table({name: pa.array(days, pa.date32()) for name, days in columns.items()}))


def as_keys(days: list[date]) -> list[str]:
    return [day.isoformat() for day in days]


def changed_line_days(session: LakeSession) -> list[date] | None:
    """The days whose invoice lines were published since the terms were made; None when there are no terms yet."""
    zone = quote(TEAM)
    if not session.has_table(TERMS):
        return None
    rows = session.connection.execute(
        f"""
        with made as (
            select max(published_at) as published_at from {zone}.{PUBLICATIONS} where table_name = 'subscription_terms'
        )
        select distinct cast(partition_key as date) as day
        from {zone}.{PUBLICATIONS}, made
        where table_name = 'invoice_order_lines' and {PUBLICATIONS}.published_at >= made.published_at
        order by day
        """
    ).fetchall()
    return [day for (day,) in rows]


def restated_days(session: LakeSession, table: str, terms_snapshot: int) -> list[date]:
    """The days of a table whose entitlement other terms than those of its newest publications have changed.

    The terms as they were then are read from the lake's history; what is in one version alone says from when to when
    entitlements differ. Without that history (it was expired) every day is due.

    Args:
        session: the team's.
        table: `fact_entitlement_daily`, of which each publication recorded the snapshot of the terms that it read.
        terms_snapshot: the zone's snapshot now.
    """
    zone = quote(TEAM)
    if not session.has_table(f"{TEAM}.{table}"):
        return []
    row = session.connection.execute(
        f"select max(cast(json_extract(input_snapshots, '$.\"{TERMS}\"') as bigint)) from {zone}.{PUBLICATIONS} "
        "where table_name = ?",
        [table],
    ).fetchone()
    known = row[0] if row else None
    if known == terms_snapshot:
        return []
    kept = session.connection.execute(
        f"select count(*) from ducklake_snapshots('{TEAM}') where snapshot_id = ?", [known]
    ).fetchone()
    columns = "customer_id, product, quantity_vcpu, starts_on, valid_until"
    now = f"select {columns} from {zone}.subscription_terms where line_type <> 'credit'"
    then = (
        f"select {columns} from {zone}.subscription_terms at (version => {int(known or 0)}) where line_type <> 'credit'"
    )
    changed = f"(({now}) except all ({then})) union all (({then}) except all ({now}))"
    if not kept or not kept[0]:
        changed = "select date '0001-01-01' as starts_on, cast(null as date) as valid_until"
    rows = session.connection.execute(
        f"""
        with changed as ({changed}),
        made as (
            select distinct cast(partition_key as date) as day from {zone}.{PUBLICATIONS}
            where table_name = ? and partition_key is not null
        )
        select distinct day from made
        inner join changed on changed.starts_on <= made.day and (changed.valid_until is null or changed.valid_until > made.day)
        order by day
        """,
        [table],
    ).fetchall()
    return [day for (day,) in rows]
