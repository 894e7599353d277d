"""Seeding and advancing against a real PostgreSQL: the tables hold what the ledger says, row by row."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from acme import seeding
from acme.bookkeeping import exclusive
from acme.errors import AcmeError
from acme.ledger import Ledger
from acme.seeding import advance, seed
from acme.source import Source

from .conftest import TODAY, Query

Snapshot = Callable[[], dict[str, list[tuple[Any, ...]]]]

ORDER_COLUMNS = "order_id, customer_id, product, quantity, price, order_date, updated_at"


def assert_ledger_agrees(folder: Path, query: Query) -> None:
    """Totals, days and every single row, order by order."""
    book = Ledger(folder)
    by_day = query(
        "shop", "select order_date, count(*), sum(quantity), sum(quantity * price) from orders group by 1 order by 1"
    )
    assert [(day, t.orders, t.quantity, t.revenue) for day, t in book.days().items()] == by_day
    totals = book.totals()
    assert (totals.orders, totals.quantity, totals.revenue) == (
        sum(row[1] for row in by_day),
        sum(row[2] for row in by_day),
        sum(row[3] for row in by_day),
    )
    assert str(totals.revenue) == book.world["revenue"]
    names = ORDER_COLUMNS.split(", ")
    rows = [tuple(row[name] for name in names) for row in book.orders().to_pylist()]
    assert rows == query("shop", f"select {ORDER_COLUMNS} from orders order by order_id")
    assert book.order_ids() == [row[0] for row in rows]
    for table, database, key in (("customers", "crm", "customer_id"), ("products", "inventory", "product")):
        expected = [tuple(row.values()) for row in getattr(book, table)().to_pylist()]
        assert sorted(expected) == sorted(query(database, f"select * from {table} order by {key}"))


def test_the_tables_hold_what_the_ledger_says(ledger: Path, query: Query) -> None:
    assert query("shop", "select count(*), min(order_id), max(order_id) from orders") == [(5_000, 1, 5_000)]
    assert query("crm", "select count(*), count(distinct email) from customers") == [(200, 200)]
    assert query("crm", "select distinct tier from customers order by 1") == [("basic",), ("premium",)]
    assert query("shop", "select max(order_date) from orders") == [(TODAY - timedelta(days=1),)]
    assert_ledger_agrees(ledger, query)


def test_every_order_has_its_customer_and_product(ledger: Path, query: Query) -> None:
    customers = {row[0]: row[1] for row in query("crm", "select customer_id, signup_date from customers")}
    products = {row[0]: row[1] for row in query("inventory", "select product, retail_price from products")}
    for customer_id, product, price, order_date in query(
        "shop", "select customer_id, product, price, order_date from orders"
    ):
        assert customers[customer_id] <= order_date
        assert Decimal(0) < price <= products[product]


def test_the_same_world_comes_again(ledger: Path, source: Source, snapshot: Snapshot, tmp_path: Path) -> None:
    first = snapshot()
    seed(source, tmp_path / "other", orders=5_000, seed=7, today=TODAY, force=True)
    assert snapshot() == first
    for name in ("orders.parquet", "customers.parquet", "days.csv"):
        path = Path("batches") / "0000" / name
        assert (ledger / path).read_bytes() == (tmp_path / "other" / path).read_bytes()
    seed(source, tmp_path / "other", orders=5_000, seed=8, today=TODAY, force=True)
    assert snapshot() != first


def test_seeding_again_changes_nothing(ledger: Path, source: Source, snapshot: Snapshot) -> None:
    advance(source, ledger, days=1)
    before = snapshot()
    assert seed(source, ledger, orders=5_000, seed=7)["is_new"] is False
    assert seed(source, ledger, orders=5_000, seed=7, today=TODAY)["today"] == "2026-08-02"
    assert snapshot() == before


def test_another_world_is_refused_without_force(
    ledger: Path, source: Source, snapshot: Snapshot, tmp_path: Path
) -> None:
    before = snapshot()
    with pytest.raises(AcmeError, match="Another world is here"):
        seed(source, ledger, orders=5_000, seed=8, today=TODAY)
    with pytest.raises(AcmeError, match="which this ledger does not know"):
        seed(source, tmp_path / "new", orders=5_000, seed=7, today=TODAY)
    assert snapshot() == before


def test_a_day_adds_exactly_what_it_says(ledger: Path, source: Source, query: Query, snapshot: Snapshot) -> None:
    before = {row[0]: row for row in snapshot()["orders"]}
    (news,) = advance(source, ledger, days=1)
    after = {row[0]: row for row in snapshot()["orders"]}
    assert news["day"] == "2026-08-01" and news["today"] == "2026-08-02"

    added = [row for order_id, row in after.items() if order_id not in before]
    changed = [order_id for order_id, row in before.items() if after[order_id] != row]
    assert len(added) == news["orders"] + news["late"] + news["lagged"]
    assert len(changed) == news["corrections"] == 5
    assert sum(row[5] == date(2026, 8, 1) for row in added) == news["orders"] > 0
    newest_before = max(row[6] for row in before.values())
    invisible = [row for row in added if row[6] < newest_before]
    assert len(invisible) == news["lagged"] == 5
    assert all(newest_before - row[6] < timedelta(hours=24) for row in invisible)

    book = Ledger(ledger)
    assert sorted(book.corrections()["order_id"].to_pylist()) == sorted(changed)
    assert len(book.order_ids(kind="late")) == news["late"] == 5
    assert book.order_ids(kind="lagged") == sorted(row[0] for row in invisible)
    assert_ledger_agrees(ledger, query)


def test_days_one_by_one_or_at_once(
    ledger: Path, source: Source, query: Query, snapshot: Snapshot, tmp_path: Path
) -> None:
    for _ in range(20):
        advance(source, ledger, days=1)
    assert_ledger_agrees(ledger, query)
    one_by_one = snapshot()
    seed(source, tmp_path / "other", orders=5_000, seed=7, today=TODAY, force=True)
    advance(source, tmp_path / "other", days=20)
    assert snapshot() == one_by_one


@pytest.mark.parametrize("written", [0, 1, 3])
def test_a_killed_advance_is_simply_run_again(
    ledger: Path,
    source: Source,
    query: Query,
    snapshot: Snapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    """Killed when `written` of the three databases had been committed."""
    real, seen = Source.batch, 0

    def die(self: Source, database: str) -> tuple[str, int] | None:
        nonlocal seen
        if seen == written:
            raise KeyboardInterrupt
        seen += 1
        return real(self, database)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if written < 3:
            patch.setattr(Source, "batch", die)
        else:
            patch.setattr(seeding, "_close_batch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        advance(source, ledger, days=1)
    assert Ledger(ledger).today == TODAY
    advance(source, ledger, days=1)
    assert_ledger_agrees(ledger, query)
    interrupted = snapshot()
    seed(source, tmp_path / "other", orders=5_000, seed=7, today=TODAY, force=True)
    advance(source, tmp_path / "other", days=1)
    assert snapshot() == interrupted


def test_a_killed_seeding_is_simply_run_again(source: Source, query: Query, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"

    def die(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(source, folder, orders=1_000, seed=1, today=TODAY, force=True, progress=die)
    with pytest.raises(AcmeError, match="no complete world"):
        Ledger(folder)
    assert seed(source, folder, orders=1_000, seed=1, today=TODAY)["is_new"] is True
    assert_ledger_agrees(folder, query)


def test_the_reader_reads_everything_and_writes_nothing(ledger: Path, url: str) -> None:
    for database, table in (("crm", "customers"), ("shop", "orders"), ("inventory", "products")):
        address = make_conninfo(url, dbname=database, user="reader", password="open sesame")
        with psycopg.connect(address) as connection:
            row = connection.execute(f"select count(*) from {table}").fetchone()
            assert row and row[0] > 0
            # Not only by the role's default, which a session may change.
            connection.rollback()
            connection.execute("set default_transaction_read_only = off")
            connection.commit()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"delete from {table}")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(url, dbname="shop", user="reader", password="guess"))


def test_one_command_at_a_time(ledger: Path, source: Source) -> None:
    with exclusive(ledger), pytest.raises(AcmeError, match="Another command"):
        advance(source, ledger, days=1)


def test_a_server_that_is_down_is_told_without_its_password(tmp_path: Path) -> None:
    down = Source(f"postgresql://admin:secret@/postgres?host={tmp_path}")
    with pytest.raises(AcmeError) as raised:
        seed(down, tmp_path / "ledger", orders=1_000, seed=1)
    lines = str(raised.value).splitlines()
    assert len(lines) == 3 and raised.value.exit_code == 2
    assert "secret" not in str(raised.value)
