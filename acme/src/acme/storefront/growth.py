"""Making a storefront and letting it grow: generator, ledger and databases brought together.

Ledger files of a batch come first, then the databases, each in one transaction that also moves its clock, and
`world.json` last: it alone says how far the world has come. A command that was killed is simply run again; a database
whose clock is already there is left alone.
"""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from acme.bookkeeping import exclusive
from acme.ledger import find_world
from acme.source import Source
from acme.storefront.bookkeeping import Batch, write_attributions, write_campaigns
from acme.storefront.clock import PACIFIC
from acme.storefront.ledger import StorefrontLedger, read_storefront
from acme.storefront.parties import Keys
from acme.storefront.rows import account_rows, hit_rows, key_rows, product_rows, transaction_rows
from acme.storefront.shop import Happenings, Shop
from acme.storefront.tables import DATABASE_OF, KEYS, TABLES, change_rows, index_tables, write_rows
from acme.storefront.world import DEFAULT_DAYS, DEFAULT_LINES, LOOKBACK_HOURS, StorefrontSpec
from acme.worlds import begin_world, check_databases, close_batch, is_there, refuse_faults, state_folder

COMMAND = "acme storefront"
_AT_ONCE = 100_000

Progress = Callable[[int, int], None]


def seed(
    source: Source,
    folder: Path,
    *,
    lines: int | None = None,
    days: int | None = None,
    seed: int | None = None,
    today: date | None = None,
    reader_password: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a world into the databases and its ledger into `folder`; do nothing when it is already there.

    What is not given is as in the world that is there; without one, or with `force`, it is the default.

    Raises:
        AcmeError: another world is there and `force` is not given.
    """
    with exclusive(folder):
        known = find_world(folder)
        kept = known if known and not force else {}
        origin = today or (date.fromisoformat(kept["origin"]) if kept else datetime.now(UTC).astimezone(PACIFIC).date())
        spec = StorefrontSpec(
            seed=kept.get("seed", 42) if seed is None else seed,
            lines=kept.get("lines_at_seeding", DEFAULT_LINES) if lines is None else lines,
            days=kept.get("days", DEFAULT_DAYS) if days is None else days,
            origin=origin,
        )
        if not force and is_there(source, folder, spec.name, known, command=COMMAND):
            source.create_databases(reader_password)
            return {**read_storefront(folder), "is_new": False}
        begin_world(folder, _identity(spec))
        source.create_databases(reader_password)
        return {**_write_world(source, folder, spec, progress), "is_new": True}


def advance(source: Source, folder: Path, *, days: int) -> list[dict[str, Any]]:
    """Let `days` days happen. Returns what each brought.

    Raises:
        AcmeError: faults are active (their rows must stay within the look-back), or the databases hold another world.
    """
    with exclusive(folder):
        refuse_faults(folder, command=COMMAND)
        shop = load_shop(folder)
        return [_advance_day(source, folder, shop) for _ in range(days)]


def load_shop(folder: Path) -> Shop:
    """The storefront as it is after the last batch."""
    world = read_storefront(folder)
    shop = Shop(spec_of(world))
    shop.load(state_folder(folder, world["batches"] - 1))
    return shop


def spec_of(world: dict[str, Any]) -> StorefrontSpec:
    """The parameters in a world.json."""
    origin = date.fromisoformat(world["origin"])
    return StorefrontSpec(seed=world["seed"], lines=world["lines_at_seeding"], days=world["days"], origin=origin)


def _identity(spec: StorefrontSpec) -> dict[str, Any]:
    return {
        "world": spec.name,
        "seed": spec.seed,
        "lines_at_seeding": spec.lines,
        "days": spec.days,
        "origin": spec.origin.isoformat(),
        "first_day": spec.first_day.isoformat(),
    }


def _write_world(source: Source, folder: Path, spec: StorefrontSpec, progress: Progress | None) -> dict[str, Any]:
    shop = Shop(spec)
    with Batch(folder, 0) as batch, ExitStack() as stack:
        open_in = {name: stack.enter_context(source.rewrite(name, spec.name)) for name in TABLES}
        done = 0
        for lines, hits in shop.history():
            write_rows(
                open_in["transaction_db"],
                "transactions",
                batch.add("transactions", transaction_rows(shop.catalogue, lines)),
            )
            for table, rows in zip(("web_hits", "app_hits"), hit_rows(spec, shop.catalogue, hits), strict=True):
                write_rows(open_in["adobe_experience"], table, batch.add(table, rows))
            done += len(hits)
            if progress:
                progress(done, spec.hits)
        for table, rows in _registers(shop):
            write_rows(open_in[DATABASE_OF[table]], table, batch.add(table, rows))
        nothing = np.empty(0, np.int64)
        batch.change("accounts", account_rows(shop.accounts.states(nothing)))
        batch.change("products", product_rows(shop.catalogue, shop.catalogue.states(nothing)))
        batch.change("individual_party_keys", key_rows(spec, Keys.concatenate([])))
        for database, connection in open_in.items():
            index_tables(connection, database)
    write_campaigns(folder, shop.catalogue)
    return _close_batch(folder, shop, batch, 0)


def _registers(shop: Shop) -> "list[tuple[str, pa.Table]]":
    """Accounts, products and keys as they stand, in parts."""
    parts = [("products", product_rows(shop.catalogue, shop.catalogue.states(np.arange(len(shop.catalogue)))))]
    keys = shop.parties.all_keys()
    for first in range(0, len(shop.accounts), _AT_ONCE):
        some = np.arange(first, min(first + _AT_ONCE, len(shop.accounts)))
        parts.append(("accounts", account_rows(shop.accounts.states(some))))
    for first in range(0, len(keys), _AT_ONCE):
        some = np.arange(first, min(first + _AT_ONCE, len(keys)))
        parts.append(("individual_party_keys", key_rows(shop.spec, keys.take(some))))
    return parts


def _advance_day(source: Source, folder: Path, shop: Shop) -> dict[str, Any]:
    world = read_storefront(folder)
    number = world["batches"]
    news = shop.advance()
    added, changed = _rows_of(shop, news)
    with Batch(folder, number) as batch:
        for table, rows in added.items():
            batch.add(table, rows)
        for table, rows in changed.items():
            batch.change(table, rows)
    for database in TABLES:
        held = source.batch(database)
        if held == (world["world"], number):
            continue  # written before a command was killed
        if held != (world["world"], number - 1):
            check_databases(source, world, [database], command=COMMAND)
        with source.connect(database) as connection:
            for table in TABLES[database]:
                if table in changed:
                    change_rows(connection, table, changed[table])
                write_rows(connection, table, added[table])
            connection.execute("update acme.clock set batch = %s", [number])
    _close_batch(folder, shop, batch, number, world)
    return {
        "day": shop.spec.date_of(news.day).isoformat(),
        "added": {table: len(rows) for table, rows in added.items()},
        "changed": {table: len(rows) for table, rows in changed.items()},
        "today": shop.spec.date_of(shop.day).isoformat(),
    }


def _rows_of(shop: Shop, news: Happenings) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
    """What a day adds to each table, and what it changes."""
    web, app = hit_rows(shop.spec, shop.catalogue, news.hits)
    products = product_rows(shop.catalogue, news.changed_products)
    added = {
        "accounts": account_rows(news.new_accounts),
        "transactions": transaction_rows(shop.catalogue, news.lines),
        "products": products.slice(0, 0),
        "individual_party_keys": key_rows(shop.spec, news.new_keys),
        "web_hits": web,
        "app_hits": app,
    }
    changed = {
        "accounts": account_rows(news.changed_accounts),
        "products": products,
        "individual_party_keys": key_rows(shop.spec, news.changed_keys),
    }
    assert changed.keys() == KEYS.keys()
    return added, changed


def _close_batch(
    folder: Path, shop: Shop, batch: Batch, number: int, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Save the state, attribute, and move the world's clock; from here on the batch is part of the world."""
    shop.save(state_folder(folder, number))
    known = before["totals"] if before else {}
    newest = before["newest"] if before else {}
    world = {
        "status": "ready",
        **_identity(shop.spec),
        "today": shop.spec.date_of(shop.day).isoformat(),
        "batches": number + 1,
        "lookback_hours": LOOKBACK_HOURS,
        "newest": {table: max(cursor, newest.get(table, "")) for table, cursor in {**newest, **batch.newest}.items()},
        "totals": {name: known.get(name, 0) + batch.totals.get(name, 0) for name in {**known, **batch.totals}},
    }
    write_attributions(folder, StorefrontLedger(folder, world))
    close_batch(folder, world)
    return world
