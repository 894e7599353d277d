"""Seeding and advancing against a real PostgreSQL: the tables hold what the ledger says, row by row."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from acme.errors import AcmeError
from acme.source import Source
from acme.storefront import growth
from acme.storefront.growth import advance, seed
from acme.storefront.ledger import StorefrontLedger
from acme.storefront.tables import COLUMNS, CURSORS, DATABASE_OF
from acme.storefront.world import LOOKBACK_HOURS

from .conftest import PASSWORD, TODAY, Query, Rows, Snapshot


def assert_ledger_agrees(folder: Path, snapshot: Snapshot) -> None:
    """Every single row of every table, and the totals."""
    book = StorefrontLedger(folder)
    found = snapshot()
    for table, columns in COLUMNS.items():
        expected = [tuple(row.values()) for row in book.rows(table).select(columns).to_pylist()]
        assert sorted(expected, key=repr) == found[table], table
        assert book.totals()[table] == len(expected)
        cursor = columns.index(CURSORS[table])
        assert book.world["newest"][table] == max(row[cursor] for row in expected).isoformat()
    lines = found["transactions"]
    assert book.totals()["quantity"] == sum(row[4] for row in lines)
    assert book.totals()["revenue_cents"] == sum(row[5] for row in lines)
    assert book.totals()["tax_cents"] == sum(row[6] for row in lines)
    assert book.totals()["clicks"] == sum(row[5] is not None for row in found["web_hits"]) + sum(
        row[4] is not None for row in found["app_hits"]
    )


def test_the_tables_hold_what_the_ledger_says(ledger: Path, source: Source, snapshot: Snapshot) -> None:
    assert_ledger_agrees(ledger, snapshot)
    before = snapshot()
    for news in advance(source, ledger, days=3):
        assert news["added"]["transactions"] >= 5 and news["changed"]["accounts"] >= 4
        assert news["changed"]["products"] >= 1
    assert_ledger_agrees(ledger, snapshot)
    assert StorefrontLedger(ledger).today == TODAY + timedelta(days=3)
    after = snapshot()
    for table in ("transactions", "web_hits", "app_hits"):  # nothing that was written changes
        assert set(before[table]) < set(after[table])


def test_what_changed_is_in_the_ledger(ledger: Path, source: Source, query: Query) -> None:
    before = dict(query("accounts", "select account_id, accounts::text from accounts"))
    advance(source, ledger, days=2)
    after = dict(query("accounts", "select account_id, accounts::text from accounts"))
    changes = StorefrontLedger(ledger).changes("accounts")
    assert {key for key in before if before[key] != after[key]} == set(changes["account_id"].to_pylist())
    assert set(changes["batch"].to_pylist()) == {1, 2}


def test_days_at_once_are_days_one_by_one(source: Source, ledger: Path, tmp_path: Path, snapshot: Snapshot) -> None:
    advance(source, ledger, days=3)
    at_once, attributions = snapshot(), StorefrontLedger(ledger).attributions()
    other = tmp_path / "other"
    seed(source, other, lines=1_000, days=60, seed=9, today=TODAY, force=True)
    for _ in range(3):
        advance(source, other, days=1)
    assert snapshot() == at_once
    assert StorefrontLedger(other).attributions().equals(attributions)


def test_seeding_again_does_nothing_and_another_world_is_refused(
    ledger: Path, source: Source, snapshot: Snapshot, tmp_path: Path
) -> None:
    before = snapshot()
    assert not seed(source, ledger)["is_new"]
    assert not seed(source, ledger, lines=1_000, days=60, seed=9, today=TODAY)["is_new"]
    with pytest.raises(AcmeError, match="Another world is here"):
        seed(source, ledger, lines=2_000)
    with pytest.raises(AcmeError, match="which this ledger does not know"):
        seed(source, tmp_path / "elsewhere")
    assert snapshot() == before


def test_a_day_that_was_killed_half_way_is_run_again(
    ledger: Path, source: Source, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = growth.write_rows

    def write_some(connection: Any, table: str, rows: Any) -> None:
        written.append(table)
        if table == "individual_party_keys":
            raise KeyboardInterrupt
        write(connection, table, rows)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(growth, "write_rows", write_some)
        advance(source, ledger, days=1)
    assert written == ["accounts", "transactions", "products", "individual_party_keys"]
    assert StorefrontLedger(ledger).today == TODAY
    advance(source, ledger, days=1)
    assert_ledger_agrees(ledger, snapshot)


def test_the_reader_reads_and_nothing_else(ledger: Path, url: str) -> None:
    for table, database in DATABASE_OF.items():
        address = make_conninfo(url, dbname=database, user="reader", password=PASSWORD)
        with psycopg.connect(address, autocommit=True) as connection:
            row = connection.execute(f"select count(*) from {table}").fetchone()
            assert row is not None and row[0] > 0
            connection.execute("set default_transaction_read_only = off")
            for statement in (f"delete from {table}", f"drop table {table}", "select * from acme.clock"):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement)


def test_no_row_appears_further_back_than_the_bound_and_some_appear_in_the_past(
    ledger: Path, source: Source, snapshot: Snapshot
) -> None:
    in_the_past = dict.fromkeys(CURSORS, 0)
    before = snapshot()
    for _ in range(6):
        advance(source, ledger, days=1)
        after = snapshot()
        for table, cursor in CURSORS.items():
            column = COLUMNS[table].index(cursor)
            newest = max(row[column] for row in before[table])
            known = set(before[table])
            for row in after[table]:
                if row not in known:
                    assert row[column] > newest - timedelta(hours=LOOKBACK_HOURS), table
                    in_the_past[table] += row[column] < newest
        before = after
    assert all(count > 0 for count in in_the_past.values()), in_the_past


class Loader:
    """The simplest loader that is right: it replaces its look-back window, and whatever key comes again."""

    def __init__(self, query: Query, table: str, key: tuple[str, ...], lookback: timedelta) -> None:
        self._query, self._table, self._lookback = query, table, lookback
        self._cursor = COLUMNS[table].index(CURSORS[table])
        self._key = [COLUMNS[table].index(name) for name in key]
        self.rows: Rows = []

    def load(self) -> None:
        newest = max((row[self._cursor] for row in self.rows), default=datetime(1970, 1, 1) + self._lookback)
        since = newest - self._lookback
        batch = self._query(self._table, f"select * from {self._table} where {CURSORS[self._table]} >= %s", [since])
        keys = {self._key_of(row) for row in batch}
        kept = [row for row in self.rows if row[self._cursor] < since and self._key_of(row) not in keys]
        self.rows = kept + batch

    def _key_of(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row[i] for i in self._key)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("transactions", ("order_id", "product_id")),
        ("accounts", ("account_id",)),
        ("individual_party_keys", ("source_system", "source_key")),
    ],
)
def test_a_loader_with_the_lookback_stays_exact_and_one_without_loses_rows(
    table: str, key: tuple[str, ...], ledger: Path, source: Source, query: Query
) -> None:
    careful = Loader(query, table, key, timedelta(hours=LOOKBACK_HOURS))
    trusting = Loader(query, table, key, timedelta())
    for days in (1, 2, 1, 3):
        careful.load()
        trusting.load()
        advance(source, ledger, days=days)
    careful.load()
    trusting.load()
    held = sorted(query(table, f"select * from {table}"), key=repr)
    assert sorted(careful.rows, key=repr) == held
    assert set(trusting.rows) != set(held)
