"""Faults on request: what a good source would never send, in exact numbers, known to the ledger, and removable.

Faulty lines are *added*, stamped within a minute after the newest one, with ids from a range of their own. Duplicates
repeat rows of the newest twelve hours as they are. Faulty keys are changed in place, such as were matched in the newest
23 hours, with a fresh `matched_at`. All of it lies inside the look-back (`acme.storefront.world.LOOKBACK_HOURS`), and
days cannot advance while it is there.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from psycopg import sql

from acme.bookkeeping import as_plain, exclusive, write_json
from acme.errors import AcmeError
from acme.ledger import read_faults
from acme.source import Connection, Source, expect_rows, rename_column
from acme.storefront.growth import COMMAND, spec_of
from acme.storefront.ledger import StorefrontLedger
from acme.storefront.tables import COLUMNS, DATABASE_OF
from acme.storefront.world import Stream
from acme.worlds import check_databases

FAULTY_ID_START = 900_000_000_000
"""Ids of faulty orders, products and accounts lie above; no real one ever reaches them."""

_DUPLICATES_WITHIN_HOURS = 12
_KEYS_WITHIN_HOURS = 23
_FRESH_SECONDS = 60
_MOST = 10_000
_NEW_VALUE = "standard"

Row = dict[str, Any]

LINES: dict[str, Callable[[Row, int], Row]] = {
    "null_key": lambda row, number: {"order_id": None},
    "negative_quantity": lambda row, number: {"quantity": -row["quantity"]},
    "unknown_product": lambda row, number: {"product_id": FAULTY_ID_START + number},
    "orphan_account": lambda row, number: {"account_id": FAULTY_ID_START + number},
}
DUPLICATES = {
    "duplicate_hit": ("web_hits", ("hit_id",)),
    "duplicate_line": ("transactions", ("order_id", "product_id")),
}
MIXED_CASE = "mixed_case_source_system"
_MIXED = {"accounts_db": "Accounts_DB", "adobe_experience": "Adobe_Experience"}
COLUMN_KINDS = {
    "drop_column": "transaction_db.transactions.tax_cents",
    "rename_column": "accounts_db.accounts.phone",
    "new_column": "accounts_db.accounts.loyalty_tier",
}
"""Kinds that change a table, with the column that they concern unless told otherwise."""

_OTHER_NAME = {"drop_column": "{}__dropped", "rename_column": "{}_renamed"}
KINDS = (*LINES, *DUPLICATES, MIXED_CASE, *COLUMN_KINDS)


def inject(source: Source, folder: Path, kind: str, *, count: int = 1, column: str | None = None) -> dict[str, Any]:
    """Inject `count` faults of a kind and return their record. `column` is for `COLUMN_KINDS` only.

    Raises:
        AcmeError: the kind is unknown, so many rows cannot be had, or a changed table is in the way.
    """
    if kind not in KINDS:
        raise AcmeError(
            f"There is no fault {kind!r}", where="storefront fault inject", next_step=f"take one of {', '.join(KINDS)}"
        )
    if not 1 <= count <= _MOST or (kind in COLUMN_KINDS and count != 1):
        raise AcmeError(
            f"{count} faults of kind {kind} cannot be injected at once",
            where="--count",
            next_step="one column at a time" if kind in COLUMN_KINDS else f"give 1 to {_MOST}",
        )
    with exclusive(folder):
        ledger, faults = StorefrontLedger(folder), read_faults(folder)
        column = column or COLUMN_KINDS.get(kind)
        table = _known_table(kind, column) if kind in COLUMN_KINDS and column else _table_of(kind)
        _refuse_changed_table(faults, table)
        check_databases(source, ledger.world, [DATABASE_OF[table]], command=COMMAND)
        fault: dict[str, Any] = {
            "number": len(faults) + 1,
            "kind": kind,
            "table": f"{DATABASE_OF[table]}.{table}",
            "count": count,
            "today": ledger.world["today"],
            "is_cleared": False,
        }
        rng = spec_of(ledger.world).stream(Stream.FAULTS, ledger.world["batches"] + len(faults))
        if kind in LINES:
            fault |= _faulty_lines(ledger, kind, count, rng, first=sum(known["count"] for known in faults))
        elif kind in DUPLICATES:
            fault |= _duplicates(ledger, kind, count, rng)
        elif kind == MIXED_CASE:
            fault |= _mixed_keys(ledger, count, rng, faults)
        else:
            fault |= {"ids": [], "column": (column or "").rpartition(".")[2]}
        fault = as_plain(fault)
        # Noted first: if the command is killed now, `clear` still knows what may be there.
        write_json(folder / "faults.json", [*faults, fault])
        with source.connect(DATABASE_OF[table]) as connection:
            _write(connection, table, fault)
        return fault


def clear(source: Source, folder: Path, *, kind: str | None = None) -> list[dict[str, Any]]:
    """Take back all active faults, or those of one kind; the tables are then exactly as before."""
    with exclusive(folder):
        ledger, faults = StorefrontLedger(folder), read_faults(folder)
        active = [fault for fault in faults if not fault["is_cleared"] and kind in (None, fault["kind"])]
        # Columns first: rows cannot be mended through a column that is not there.
        for fault in sorted(active, key=lambda fault: fault["kind"] not in COLUMN_KINDS):
            database, _, table = fault["table"].partition(".")
            check_databases(source, ledger.world, [database], command=COMMAND)
            with source.connect(database) as connection:
                _undo(connection, table, fault)
            fault["is_cleared"] = True
            write_json(folder / "faults.json", faults)
        return active


def _faulty_lines(ledger: StorefrontLedger, kind: str, count: int, rng: np.random.Generator, *, first: int) -> Row:
    models = _recent(ledger, "transactions", count, rng)
    newest = datetime.fromisoformat(ledger.world["newest"]["transactions"])
    rows = []
    for number, model in enumerate(models, first):
        stamp = newest + timedelta(seconds=int(rng.integers(1, _FRESH_SECONDS + 1)))
        row = model | {"order_id": FAULTY_ID_START + number, "date_time": stamp}
        rows.append(row | LINES[kind](row, number))
    return {"ids": [row["order_id"] for row in rows], "rows": rows}


def _duplicates(ledger: StorefrontLedger, kind: str, count: int, rng: np.random.Generator) -> Row:
    table, key = DUPLICATES[kind]
    rows = _recent(ledger, table, count, rng)
    return {"ids": [row[key[0]] for row in rows], "rows": rows}


def _mixed_keys(ledger: StorefrontLedger, count: int, rng: np.random.Generator, faults: list[Row]) -> Row:
    newest = datetime.fromisoformat(ledger.world["newest"]["individual_party_keys"])
    taken = {
        (row["source_system"], row["source_key"])
        for fault in faults
        if fault["kind"] == MIXED_CASE and not fault["is_cleared"]
        for row in fault["rows_before"]
    }
    keys = ledger.rows("individual_party_keys").filter(
        pc.field("matched_at") > newest - timedelta(hours=_KEYS_WITHIN_HOURS)
    )
    healthy = [row for row in keys.to_pylist() if (row["source_system"], row["source_key"]) not in taken]
    if count > len(healthy):
        raise AcmeError(
            f"{count} keys were asked for, {len(healthy)} recent ones are without a fault",
            where="--count",
            next_step=f"ask for at most {len(healthy)}, or run `acme storefront fault clear` first",
        )
    before = [healthy[i] for i in np.sort(rng.choice(len(healthy), count, replace=False))]
    stamp = newest + timedelta(seconds=_FRESH_SECONDS)
    rows = [row | {"source_system": _MIXED[row["source_system"]], "matched_at": stamp} for row in before]
    return {"ids": [row["source_key"] for row in rows], "rows": rows, "rows_before": before}


def _recent(ledger: StorefrontLedger, table: str, count: int, rng: np.random.Generator) -> list[Row]:
    """As many rows as asked for of the newest hours, in the database's columns; some more than once if there are few."""
    newest = datetime.fromisoformat(ledger.world["newest"][table])
    since = newest - timedelta(hours=_DUPLICATES_WITHIN_HOURS)
    # Instants are seven hours or more after the wall times of the same number.
    rows = ledger.rows(table, begin=since.replace(tzinfo=UTC)).filter(pc.field("date_time") > since)
    chosen = rng.permutation(len(rows))[np.arange(count) % len(rows)]
    found: list[Row] = rows.select(COLUMNS[table]).take(chosen).to_pylist()
    return found


def _write(connection: Connection, table: str, fault: Row) -> None:
    name = sql.Identifier(table)
    if fault["kind"] == "new_column":
        statement = sql.SQL("alter table {} add column {} text default {}")
        connection.execute(statement.format(name, sql.Identifier(fault["column"]), sql.Literal(_NEW_VALUE)))
    elif fault["kind"] in COLUMN_KINDS:
        rename_column(connection, table, fault["column"], _OTHER_NAME[fault["kind"]].format(fault["column"]))
    elif fault["kind"] == MIXED_CASE:
        expect_rows(_set_keys(connection, fault["rows"]), fault["count"], fault["table"])
    else:
        insertion = sql.SQL("insert into {} ({}) values ({})").format(
            name,
            sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table])),
            sql.SQL(", ").join(sql.Placeholder() * len(COLUMNS[table])),
        )
        with connection.cursor() as cursor:
            cursor.executemany(insertion, [[row[column] for column in COLUMNS[table]] for row in fault["rows"]])


def _undo(connection: Connection, table: str, fault: Row) -> None:
    name = sql.Identifier(table)
    if fault["kind"] == "new_column":
        statement = sql.SQL("alter table {} drop column if exists {}")
        connection.execute(statement.format(name, sql.Identifier(fault["column"])))
    elif fault["kind"] in COLUMN_KINDS:
        rename_column(connection, table, _OTHER_NAME[fault["kind"]].format(fault["column"]), fault["column"])
    elif fault["kind"] == MIXED_CASE:
        expect_rows(_set_keys(connection, fault["rows_before"]), fault["count"], fault["table"])
    elif fault["kind"] == "null_key":
        connection.execute("delete from transactions where order_id is null")
    elif fault["kind"] in LINES:
        stamps = [row["date_time"] for row in fault["rows"]]
        connection.execute(
            "delete from transactions where date_time = any(%s::timestamp[]) and order_id = any(%s)",
            [stamps, fault["ids"]],
        )
    else:
        _delete_copies(connection, table, fault)


def _delete_copies(connection: Connection, table: str, fault: Row) -> None:
    """Delete all but the first version of each row; physical order decides between rows that are equal everywhere."""
    key = DUPLICATES[fault["kind"]][1]
    statement = sql.SQL(
        """
        with versions as (
            select ctid, row_number() over (partition by {key} order by ctid) as number
            from {table}
            where date_time = any(%s::timestamp[]) and {first} = any(%s)
        )
        delete from {table} where ctid in (select ctid from versions where number > 1)
        """
    ).format(
        key=sql.SQL(", ").join(map(sql.Identifier, key)), table=sql.Identifier(table), first=sql.Identifier(key[0])
    )
    connection.execute(statement, [[row["date_time"] for row in fault["rows"]], fault["ids"]])


def _set_keys(connection: Connection, rows: list[Row]) -> int:
    cursor = connection.execute(
        """
        update individual_party_keys as k
        set source_system = n.source_system, matched_at = n.matched_at
        from unnest(%s::text[], %s::text[], %s::timestamp[]) as n(source_system, source_key, matched_at)
        where k.source_key = n.source_key and lower(k.source_system) = lower(n.source_system)
        """,
        [[row[name] for row in rows] for name in ("source_system", "source_key", "matched_at")],
    )
    return cursor.rowcount


def _table_of(kind: str) -> str:
    if kind in DUPLICATES:
        return DUPLICATES[kind][0]
    return "individual_party_keys" if kind == MIXED_CASE else "transactions"


def _known_table(kind: str, column: str) -> str:
    """The table of a column that can be changed as asked for."""
    place, _, name = column.rpartition(".")
    table = place.rpartition(".")[2]
    if f"{DATABASE_OF.get(table)}.{table}" != place or (name in COLUMNS[table]) == (kind == "new_column") or not name:
        raise AcmeError(
            f"There is {'such a' if table in COLUMNS and name in COLUMNS[table] else 'no'} column {column}",
            where="--column",
            next_step=f"write it as {COLUMN_KINDS[kind]}; tables are "
            + ", ".join(f"{database}.{table}" for table, database in DATABASE_OF.items()),
        )
    return table


def _refuse_changed_table(faults: list[Row], table: str) -> None:
    for fault in faults:
        if fault["kind"] in COLUMN_KINDS and fault["table"].endswith(f".{table}") and not fault["is_cleared"]:
            raise AcmeError(
                f"The column {fault['column']} is changed at the moment: {fault['kind']}",
                where=fault["table"],
                next_step="run `acme storefront fault clear`",
            )
