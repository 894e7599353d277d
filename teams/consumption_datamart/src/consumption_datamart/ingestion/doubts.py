"""Codes that SQL over a row alone cannot give: what no register knows, and rows that came before. The others are the contracts'.

A row is held against the registers of its day; where that day's was not delivered, against the newest before it, else the oldest.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

from consumption_datamart.ingestion.tables import HEARTBEATS, LINES, LakeTable
from consumption_datamart.windows import TEAM
from headgate.lake.records import PUBLICATIONS
from headgate.lake.session import LakeSession, quote

STAGED = "memory.main._staged"
MARKED = "_marked"
"""The view of the staged rows with their codes."""
GIVEN = ("ts__nanoseconds",)
"""Codes that only the raw value shows: rows that are taken over from the lake keep them."""

_CUSTOMER = (
    "case when regexp_matches(rows.customer_id, '^C-[0-9]{6}$') and customers.customer_id is null "
    "then 'customer_id__unknown' end"
)
_CODES = {
    LINES.name: (
        _CUSTOMER,
        "case when rows.sku is not null and skus.sku is null then 'sku__unknown' end",
        "case when not skus.is_vcpu then 'sku__not_vcpu' end",
    ),
    HEARTBEATS.name: (
        _CUSTOMER,
        "case when rows.deployment_id is not null and deployments.deployment_id is null then 'deployment_id__unknown' end",
    ),
}
_ALIASES = {"customer_register": "customers", "sku_register": "skus", "deployment_register": "deployments"}


def mark(session: LakeSession, table: LakeTable, days: Sequence[date], columns: Sequence[str]) -> None:
    """Makes the view `memory.main._marked` of the staged rows, with `meta__warnings`.

    Args:
        session: the run's.
        table: whose rows are staged.
        days: that they are about.
        columns: of the lake table, `meta__warnings` among them.
    """
    execute = session.connection.execute
    values = [name for name in columns if name != "meta__warnings"]
    joins = []
    for register, column in table.registers.items():
        _know(session, register, column, days)
        alias = _ALIASES[register]
        joins.append(
            f"left join memory.main._known_{register} as {alias} on {alias}.day = rows.day and {alias}.{column} = rows.{column}"
        )
    codes = list(_CODES.get(table.name, ()))
    if not table.unique:
        _find_repeated(session, [name for name in values if not name.startswith("meta__")])
        joins.append("left join memory.main._repeated as repeated on repeated.row = rows.rowid")
        codes.append("case when repeated.row is not null then 'row__repeated' end")
    found = f"list_filter([{', '.join(codes)}], lambda code: code is not null)" if codes else "cast([] as varchar[])"
    execute(
        f"create or replace view memory.main.{MARKED} as "
        f"select {', '.join(f'rows.{quote(name)}' for name in values)}, "
        f"cast(list_concat(rows._given, {found}) as varchar[]) as meta__warnings "
        f"from {STAGED} as rows {' '.join(joins)}"
    )


def _know(session: LakeSession, register: str, column: str, days: Sequence[date]) -> None:
    """The ids that a register knows on each of the days."""
    extra = ", is_vcpu" if register == "sku_register" else ""
    known = f"memory.main._known_{register}"
    chosen = choose_registers(register_days(session, register), days)
    if not chosen:
        empty = ", null::boolean as is_vcpu" if extra else ""
        session.connection.execute(
            f"create or replace table {known} as select null::date as day, null::varchar as {column}{empty} where false"
        )
        return
    pairs = ", ".join(f"(date '{day}', date '{source}')" for day, source in chosen.items())
    wanted = ", ".join(f"date '{source}'" for source in sorted(set(chosen.values())))
    session.connection.execute(
        f"""
        create or replace table {known} as
        select distinct chosen.day, {column}{extra}
        from {session.qualify(f"{TEAM}.{register}")} as register
        inner join (values {pairs}) as chosen (day, register_day) on chosen.register_day = register.day
        where register.day in ({wanted})
        """
    )


def choose_registers(available: Sequence[date], days: Sequence[date]) -> dict[date, date]:
    """Day → the day whose register it is held against: its own, else the newest before it, else the oldest."""
    if not available:
        return {}
    ordered = sorted(available)
    return {day: ordered[max(bisect_right(ordered, day) - 1, 0)] for day in days}


def register_days(session: LakeSession, register: str) -> list[date]:
    """The days of which a register has rows."""
    if not session.has_table(f"{TEAM}.{PUBLICATIONS}") or not session.has_table(f"{TEAM}.{register}"):
        return []
    rows = session.connection.execute(
        f"""
        select cast(partition_key as date)
        from {quote(TEAM)}.{PUBLICATIONS}
        where table_name = ? and partition_key is not null
        qualify row_number() over (partition by partition_key order by published_at desc) = 1 and written_rows > 0
        """,
        [register],
    ).fetchall()
    return [day for (day,) in rows]


def _find_repeated(session: LakeSession, columns: Sequence[str]) -> None:
    """The rows that are in the staged table once before. Hashes find the few that are worth comparing."""
    names = ", ".join(quote(name) for name in columns)
    session.connection.execute(
        f"""
        create or replace table memory.main._repeated as
        with suspects as (
            select rowid as row, {names}
            from {STAGED}
            where hash({names}) in (select hash({names}) from {STAGED} group by all having count(*) > 1)
        )
        select row from suspects
        qualify row_number() over (partition by {names} order by row) > 1
        """
    )
