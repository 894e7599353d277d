"""Faults on request: rows a good source would never send, in exact numbers, known to the ledger, and removable.

Faulty orders are *added*, stamped just after the newest row, with ids from a range of their own; the clean world is
not touched. Duplicates repeat orders of the newest twelve hours as they are. Faulty customers are changed in place,
because customers are read whole. All of it lies inside the look-back (`acme.world.LOOKBACK_HOURS`), and days cannot
advance while it is there. So a loader that replaces its look-back window by what the source holds for it sees every
fault, and is exactly clean again after `clear`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import sql

from acme.bookkeeping import as_plain, exclusive, write_json
from acme.company import Company
from acme.errors import AcmeError
from acme.ledger import read_faults, read_world
from acme.population import Customers
from acme.seeding import COMMAND, load_company
from acme.source import Connection, Source, day_date, expect_rows, moment, money, rename_column
from acme.world import Stream
from acme.worlds import check_databases

FAULTY_ID_START = 900_000_000_000
"""Ids of faulty orders lie above; no real order ever reaches them."""

DUPLICATES_WITHIN_HOURS = 12
_FRESH_SECONDS = 60
_MOST = 10_000
_LONG_AGO, _FAR_AHEAD = date(1970, 1, 1), date(2999, 12, 31)
_BROKEN_EMAILS = ("not-an-address", "nobody@", "@example.com", "two@@example.com", "spaces in@example.com", "")
_COLUMNS = {
    "crm.customers": ("customer_id", "name", "email", "signup_date", "tier", "updated_at"),
    "shop.orders": ("order_id", "customer_id", "product", "quantity", "price", "order_date", "updated_at"),
    "inventory.products": ("product", "category", "cost", "retail_price", "supplier", "updated_at"),
}
_GONE_SUFFIX = "__dropped"

Row = dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    table: str
    spoil: Callable[[Row, int], Row]
    """Changes to a good row; the number counts the rows of one injection."""


_ORDERS = {
    "null_key": _Kind("shop.orders", lambda row, i: {"order_id": None}),
    "duplicate": _Kind("shop.orders", lambda row, i: {}),
    "negative_price": _Kind("shop.orders", lambda row, i: {"price": -row["price"]}),
    "unknown_product": _Kind("shop.orders", lambda row, i: {"product": f"Unknown Product {i + 1}"}),
    "out_of_range_date": _Kind("shop.orders", lambda row, i: {"order_date": _FAR_AHEAD if i % 2 else _LONG_AGO}),
}
_CUSTOMERS = {
    "broken_email": _Kind("crm.customers", lambda row, i: {"email": _BROKEN_EMAILS[i % len(_BROKEN_EMAILS)]}),
    "future_signup": _Kind("crm.customers", lambda row, i: {"signup_date": _FAR_AHEAD}),
}
KINDS = (*_ORDERS, *_CUSTOMERS, "drop_column")


def inject(
    source: Source, folder: Path, kind: str, *, count: int = 1, column: str = "shop.orders.price"
) -> dict[str, Any]:
    """Inject `count` faults of a kind and return their record. `column` is for `drop_column` only, which renames it.

    Raises:
        AcmeError: the kind is unknown, so many rows cannot be had, or a dropped column is in the way.
    """
    if kind not in KINDS:
        raise AcmeError(
            f"There is no fault {kind!r}", where="fault inject", next_step=f"take one of {', '.join(KINDS)}"
        )
    if not 1 <= count <= _MOST or (kind == "drop_column" and count != 1):
        raise AcmeError(
            f"{count} faults of kind {kind} cannot be injected at once",
            where="--count",
            next_step="one column at a time" if kind == "drop_column" else f"give 1 to {_MOST}",
        )
    with exclusive(folder):
        world, faults = read_world(folder), read_faults(folder)
        dropped = _known_column(column) if kind == "drop_column" else None
        table = column.rpartition(".")[0] if kind == "drop_column" else (_ORDERS | _CUSTOMERS)[kind].table
        _refuse_missing_column(faults, table)
        check_databases(source, world, [table.partition(".")[0]], command=COMMAND)
        fault: dict[str, Any] = {
            "number": len(faults) + 1,
            "kind": kind,
            "table": table,
            "count": count,
            "today": world["today"],
            "is_cleared": False,
        }
        company = load_company(folder)
        rng = company.spec.stream(Stream.FAULTS, company.day + len(faults))
        if kind in _ORDERS:
            taken = sum(known["count"] for known in faults)
            fault |= _faulty_orders(company, kind, count, rng, FAULTY_ID_START + taken)
        elif kind in _CUSTOMERS:
            fault |= _faulty_customers(company, kind, count, rng, faults)
        else:
            fault |= {"ids": [], "column": dropped}
        # Noted first: if the command is killed now, `clear` still knows what may be there.
        write_json(folder / "faults.json", [*faults, as_plain(fault)])
        with source.connect(table.partition(".")[0]) as connection:
            _write(connection, fault)
        return as_plain(fault)


def clear(source: Source, folder: Path, *, kind: str | None = None) -> list[dict[str, Any]]:
    """Take back all active faults, or those of one kind; the tables are then exactly as before."""
    with exclusive(folder):
        world, faults = read_world(folder), read_faults(folder)
        active = [fault for fault in faults if not fault["is_cleared"] and kind in (None, fault["kind"])]
        # Columns first: rows cannot be mended through a column that is not there.
        for fault in sorted(active, key=lambda fault: fault["kind"] != "drop_column"):
            database = fault["table"].partition(".")[0]
            check_databases(source, world, [database], command=COMMAND)
            with source.connect(database) as connection:
                _undo(connection, fault)
            fault["is_cleared"] = True
            write_json(folder / "faults.json", faults)
        return active


def _faulty_orders(company: Company, kind: str, count: int, rng: np.random.Generator, first_id: int) -> dict[str, Any]:
    recent = company.recent
    newest = np.flatnonzero(recent.updated_at > company.newest - DUPLICATES_WITHIN_HOURS * 3_600)
    models = recent.take(newest[rng.permutation(len(newest))[np.arange(count) % len(newest)]])
    rows: list[Row] = []
    for i in range(count):
        row: Row = {
            "order_id": int(models.order_id[i]),
            "customer_id": int(models.customer_id[i]),
            "product": company.catalogue.names[int(models.product[i])],
            "quantity": int(models.quantity[i]),
            "price": money(int(models.price_cents[i])),
            "order_date": day_date(int(models.epoch_day[i])),
            "updated_at": moment(int(models.updated_at[i])),
        }
        if kind != "duplicate":
            row["order_id"] = first_id + i
            row["updated_at"] = moment(company.newest + int(rng.integers(1, _FRESH_SECONDS + 1)))
        rows.append(row | _ORDERS[kind].spoil(row, i))
    return {"ids": [row["order_id"] for row in rows], "rows": rows}


def _faulty_customers(
    company: Company, kind: str, count: int, rng: np.random.Generator, faults: list[dict[str, Any]]
) -> dict[str, Any]:
    hit = {
        customer_id
        for fault in faults
        if not fault["is_cleared"] and fault["table"] == "crm.customers"
        for customer_id in fault["ids"]
    }
    healthy = np.setdiff1d(np.arange(company.population.count), np.array(sorted(hit), np.int64) - 1)
    if count > len(healthy):
        raise AcmeError(
            f"{count} customers were asked for, {len(healthy)} are without a fault",
            where="--count",
            next_step=f"ask for at most {len(healthy)}, or run `acme fault clear` first",
        )
    chosen = np.sort(rng.choice(healthy, count, replace=False)).tolist()
    before = [_customer(company.population.rows(position, position + 1)) for position in chosen]
    stamp = moment(company.newest + _FRESH_SECONDS)
    rows = [row | _CUSTOMERS[kind].spoil(row, i) | {"updated_at": stamp} for i, row in enumerate(before)]
    return {"ids": [row["customer_id"] for row in rows], "rows": rows, "rows_before": before}


def _write(connection: Connection, fault: dict[str, Any]) -> None:
    if fault["kind"] == "drop_column":
        rename_column(connection, _name(fault), fault["column"], fault["column"] + _GONE_SUFFIX)
    elif fault["table"] == "shop.orders":
        names = list(fault["rows"][0])
        statement = sql.SQL("insert into orders ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(sql.Placeholder() * len(names))
        )
        with connection.cursor() as cursor:
            cursor.executemany(statement, [list(row.values()) for row in fault["rows"]])
    else:
        expect_rows(_set_customers(connection, fault["rows"]), fault["count"], "crm.customers")


def _undo(connection: Connection, fault: dict[str, Any]) -> None:
    if fault["kind"] == "drop_column":
        rename_column(connection, _name(fault), fault["column"] + _GONE_SUFFIX, fault["column"])
    elif fault["table"] == "crm.customers":
        expect_rows(_set_customers(connection, fault["rows_before"]), fault["count"], "crm.customers")
    elif fault["kind"] == "null_key":
        connection.execute("delete from orders where order_id is null")
    elif fault["kind"] == "duplicate":
        stamps = [row["updated_at"] for row in fault["rows"]]
        # All but the first version of each row; physical order decides between rows that are equal in every column.
        connection.execute(
            """
            with versions as (
                select ctid, row_number() over (partition by order_id order by ctid) as number
                from orders
                where updated_at = any(%s::timestamptz[]) and order_id = any(%s)
            )
            delete from orders where ctid in (select ctid from versions where number > 1)
            """,
            [stamps, fault["ids"]],
        )
    else:
        stamps = [row["updated_at"] for row in fault["rows"]]
        connection.execute(
            "delete from orders where updated_at = any(%s::timestamptz[]) and order_id = any(%s)",
            [stamps, fault["ids"]],
        )


def _set_customers(connection: Connection, rows: list[Row]) -> int:
    cursor = connection.execute(
        """
        update customers as c
        set email = n.email, signup_date = n.signup_date, updated_at = n.updated_at
        from unnest(%s::bigint[], %s::text[], %s::date[], %s::timestamptz[]) as n(customer_id, email, signup_date, updated_at)
        where c.customer_id = n.customer_id
        """,
        [[row[name] for row in rows] for name in ("customer_id", "email", "signup_date", "updated_at")],
    )
    return cursor.rowcount


def _name(fault: dict[str, Any]) -> str:
    """The table, without its database."""
    return str(fault["table"]).partition(".")[2]


def _refuse_missing_column(faults: list[dict[str, Any]], table: str) -> None:
    for fault in faults:
        if fault["kind"] == "drop_column" and fault["table"] == table and not fault["is_cleared"]:
            raise AcmeError(
                f"The column {fault['column']} is dropped at the moment",
                where=table,
                next_step="run `acme fault clear`",
            )


def _known_column(column: str) -> str:
    table, _, name = column.rpartition(".")
    if name not in _COLUMNS.get(table, ()):
        raise AcmeError(
            f"There is no column {column}",
            where="--column",
            next_step="write it as shop.orders.price; tables are " + ", ".join(_COLUMNS),
        )
    return name


def _customer(customers: Customers) -> Row:
    return {
        "customer_id": int(customers.customer_id[0]),
        "name": customers.name[0],
        "email": customers.email[0],
        "signup_date": day_date(int(customers.signup_epoch_day[0])),
        "tier": "premium" if customers.is_premium[0] else "basic",
        "updated_at": moment(int(customers.updated_at[0])),
    }
