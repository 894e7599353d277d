"""Making a world and letting it grow: generator, ledger and databases brought together.

The order of writing makes every step repeatable. Ledger files of a batch first, then the databases, each in one
transaction that also moves its clock, and `world.json` last: it alone says how far the world has come. A command that
was killed is simply run again; a database whose clock is already there is left alone.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from acme.bookkeeping import Batch, exclusive, write_catalogue
from acme.changes import Corrections
from acme.company import Advance, Company
from acme.encode import OrderEncoder
from acme.ledger import find_world, read_world
from acme.orders import Orders
from acme.source import (
    DATABASES,
    Source,
    correct_orders,
    index_orders,
    moment,
    money,
    write_customers,
    write_orders,
    write_products,
)
from acme.world import LOOKBACK_HOURS, SECONDS_PER_DAY, WorldSpec
from acme.worlds import begin_world, check_databases, close_batch, is_there, refuse_faults, state_folder

COMMAND = "acme"
_CUSTOMERS_AT_ONCE = 100_000

Progress = Callable[[int, int], None]


def seed(
    source: Source,
    folder: Path,
    *,
    orders: int,
    seed: int,
    today: date | None = None,
    reader_password: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a world into the databases and its ledger into `folder`; do nothing when it is already there.

    Without `today` an existing world of that seed and size is the same world, whatever its clock says.

    Raises:
        AcmeError: another world is there and `force` is not given.
    """
    with exclusive(folder):
        known = find_world(folder)
        origin = today or (date.fromisoformat(known["origin"]) if known else datetime.now(UTC).date())
        spec = WorldSpec(seed=seed, orders=orders, origin=origin)
        if not force and is_there(source, folder, spec.name, known, command=COMMAND):
            source.create_databases(reader_password)
            return {**read_world(folder), "is_new": False}
        if force and today is None:
            spec = WorldSpec(seed=seed, orders=orders, origin=datetime.now(UTC).date())
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
        company = load_company(folder)
        encoder = OrderEncoder(company.catalogue.names)
        return [_advance_day(source, folder, company, encoder) for _ in range(days)]


def spec_of(world: dict[str, Any]) -> WorldSpec:
    """The parameters in a world.json."""
    origin = date.fromisoformat(world["origin"])
    return WorldSpec(seed=world["seed"], orders=world["orders_at_seeding"], origin=origin)


def load_company(folder: Path) -> Company:
    """The company as it is after the last batch."""
    world = read_world(folder)
    company = Company(spec_of(world))
    company.load(state_folder(folder, world["batches"] - 1))
    return company


def _identity(spec: WorldSpec) -> dict[str, Any]:
    return {
        "world": spec.name,
        "seed": spec.seed,
        "orders_at_seeding": spec.orders,
        "origin": spec.origin.isoformat(),
        "first_day": spec.first_day.isoformat(),
    }


def _write_world(source: Source, folder: Path, spec: WorldSpec, progress: Progress | None) -> dict[str, Any]:
    company = Company(spec)
    stocked_at = spec.first_epoch_day * SECONDS_PER_DAY
    write_catalogue(folder, company.catalogue, stocked_at)
    with source.rewrite("inventory", spec.name) as connection:
        write_products(connection, company.catalogue, stocked_at)
    nothing = Orders.concatenate([])
    with Batch(folder, 0, company.catalogue) as batch:
        batch.add_corrections(Corrections(nothing, nothing, np.empty(0, np.bool_)))
        with source.rewrite("shop", spec.name) as connection:
            chunks = _reported(batch.copy_of(company.history()), spec.orders, progress)
            write_orders(connection, OrderEncoder(company.catalogue.names), chunks, freeze=True)
            index_orders(connection)
        with source.rewrite("crm", spec.name) as connection:
            for first in range(0, company.population.count, _CUSTOMERS_AT_ONCE):
                last = min(first + _CUSTOMERS_AT_ONCE, company.population.count)
                customers = company.population.rows(first, last)
                write_customers(connection, customers)
                batch.add_customers(customers)
    return _close_batch(folder, company, batch, 0)


def _advance_day(source: Source, folder: Path, company: Company, encoder: OrderEncoder) -> dict[str, Any]:
    world = read_world(folder)
    number = world["batches"]
    news = company.advance()
    with Batch(folder, number, company.catalogue) as batch:
        batch.add_orders(news.regular, "regular")
        batch.add_orders(news.late, "late")
        batch.add_orders(news.lagged, "lagged")
        batch.add_corrections(news.corrections)
        batch.add_customers(news.customers)
    for database in DATABASES:
        held = source.batch(database)
        if held == (world["world"], number):
            continue  # written before a command was killed
        if held != (world["world"], number - 1):
            check_databases(source, world, [database], command=COMMAND)
        with source.connect(database) as connection:
            if database == "crm":
                write_customers(connection, news.customers)
            if database == "shop":
                write_orders(connection, encoder, [news.regular, news.late, news.lagged], freeze=False)
                correct_orders(connection, news.corrections)
            connection.execute("update acme.clock set batch = %s", [number])
    _close_batch(folder, company, batch, number, world)
    return _brought(company, news)


def _close_batch(
    folder: Path, company: Company, batch: Batch, number: int, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Save the state and move the world's clock; from here on the batch is part of the world."""
    company.save(state_folder(folder, number))
    known = before or {"orders": 0, "quantity": 0, "revenue": "0"}
    world = {
        "status": "ready",
        **_identity(company.spec),
        "today": company.spec.date_of(company.day).isoformat(),
        "batches": number + 1,
        "customers": company.population.count,
        "products": len(company.catalogue),
        "orders": known["orders"] + batch.orders,
        "quantity": known["quantity"] + batch.quantity,
        "revenue": str(Decimal(known["revenue"]) + money(batch.revenue_cents)),
        "newest_updated_at": moment(company.newest).isoformat(),
        "lookback_hours": LOOKBACK_HOURS,
    }
    close_batch(folder, world)
    return world


def _brought(company: Company, news: Advance) -> dict[str, Any]:
    return {
        "day": company.spec.date_of(news.day).isoformat(),
        "customers": len(news.customers.customer_id),
        "orders": len(news.regular),
        "late": len(news.late),
        "lagged": len(news.lagged),
        "corrections": len(news.corrections),
        "today": company.spec.date_of(company.day).isoformat(),
    }


def _reported(chunks: Iterator[Orders], total: int, progress: Progress | None) -> Iterator[Orders]:
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if progress:
            progress(done, total)
