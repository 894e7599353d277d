"""A storefront on the tests' PostgreSQL: 1,000 lines in 60 days, among them one on which clocks change."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from acme.source import Source
from acme.storefront.growth import seed
from acme.storefront.tables import CURSORS, DATABASE_OF, storefront_source

TODAY = date(2026, 11, 20)
PASSWORD = "open sesame"

Rows = list[tuple[Any, ...]]
Query = Callable[..., Rows]
Snapshot = Callable[[], dict[str, Rows]]


@pytest.fixture
def source(url: str) -> Source:
    return storefront_source(url)


@pytest.fixture
def ledger(source: Source, tmp_path: Path) -> Path:
    """The ledger of a fresh storefront."""
    folder = tmp_path / "storefront"
    seed(source, folder, lines=1_000, days=60, seed=9, today=TODAY, reader_password=PASSWORD, force=True)
    return folder


@pytest.fixture
def query(source: Source) -> Query:
    """Run a statement in the database of a table and return its rows."""

    def run(table: str, statement: str, parameters: Any = None) -> Rows:
        with source.connect(DATABASE_OF[table]) as connection:
            return connection.execute(statement, parameters).fetchall()

    return run


@pytest.fixture
def snapshot(query: Query) -> Snapshot:
    """Every row of every table, in an order of their own."""

    def read() -> dict[str, Rows]:
        return {table: sorted(query(table, f"select * from {table}"), key=repr) for table in CURSORS}

    return read
