"""The source systems in PostgreSQL: databases crm, shop and inventory, their tables, the reader's role, and writing them.

Primary keys are not enforced: the sources are replicas, and replicas hold what they were sent. What is written here is
decided elsewhere (`acme.company`, `acme.faults`); nothing is read back into the ledger.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.copy import QueuedLibpqWriter

from acme.catalogue import CATEGORIES, Catalogue
from acme.changes import Corrections
from acme.encode import HEADER, ORDER_COLUMNS, TRAILER, OrderEncoder
from acme.errors import AcmeError
from acme.orders import Orders
from acme.population import Customers
from acme.world import EPOCH

READER = "reader"
TABLES = {
    "crm": {
        "customers": "customer_id bigint, name text, email text, signup_date date, tier text, updated_at timestamptz"
    },
    "shop": {
        "orders": "order_id bigint, customer_id bigint, product text, quantity int, price numeric(12,2),"
        + " order_date date, updated_at timestamptz"
    },
    "inventory": {
        "products": "product text, category text, cost numeric(12,2), retail_price numeric(12,2),"
        + " supplier text, updated_at timestamptz"
    },
}
_CORRECT = """
update orders as o
set quantity = c.quantity, price = c.price, updated_at = c.updated_at
from unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::numeric[], %s::timestamptz[])
    as c(order_id, known_updated_at, quantity, price, updated_at)
where o.updated_at = c.known_updated_at and o.order_id = c.order_id
"""

DATABASES = tuple(TABLES)

Connection = psycopg.Connection[tuple[Any, ...]]


class Source:
    """A PostgreSQL server that plays ACME's source systems.

    Args:
        url: the server, with an administrator's login.
        tables: database → table → its columns; those of CRM, shop and inventory unless told otherwise.
    """

    def __init__(self, url: str, tables: Mapping[str, Mapping[str, str]] = TABLES) -> None:
        self._tables = tables
        try:
            self._parts = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise AcmeError(
                "The server's URL cannot be read",
                where="--url",
                next_step="write it as postgresql://user@host/postgres",
            ) from error
        self._url = url

    @property
    def databases(self) -> tuple[str, ...]:
        return tuple(self._tables)

    def address(self, database: str) -> str:
        """The server and database in words, without user and password."""
        host = self._parts.get("host") or "local socket"
        return f"PostgreSQL {host}:{self._parts.get('port') or 5432}, database {database}"

    @contextmanager
    def connect(self, database: str | None = None, *, autocommit: bool = False) -> Iterator[Connection]:
        """A connection; the transaction is committed when the block ends well. Failures are told in three lines."""
        name = database or str(self._parts.get("dbname") or "postgres")
        try:
            with psycopg.connect(make_conninfo(self._url, dbname=name), autocommit=autocommit) as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise AcmeError(
                f"PostgreSQL failed: {_first_line(error)}",
                where=self.address(name),
                next_step="check that the server runs, that --url is right, and that its disk has room",
            ) from error
        except psycopg.Error as error:
            raise AcmeError(
                f"PostgreSQL refused: {_first_line(error)}",
                where=self.address(name),
                next_step="read the server's log; `acme seed --force` writes the world anew",
                exit_code=1,
            ) from error

    def create_databases(self, reader_password: str | None) -> None:
        """Create what is missing of databases and role; the reader may read everything and write nothing."""
        with self.connect(autocommit=True) as connection:
            known = {row[0] for row in connection.execute("select datname from pg_database")}
            for name in self._tables:
                if name not in known:
                    connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            if not connection.execute("select 1 from pg_roles where rolname = %s", [READER]).fetchone():
                connection.execute(sql.SQL("create role {} login").format(sql.Identifier(READER)))
            role = sql.Identifier(READER)
            connection.execute(sql.SQL("alter role {} set default_transaction_read_only = on").format(role))
            if reader_password:
                # Hashed here, so that the password stands in no server log.
                hashed = connection.pgconn.encrypt_password(reader_password.encode(), READER.encode(), b"scram-sha-256")
                connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(hashed.decode())))

    def batch(self, database: str) -> tuple[str, int] | None:
        """The world a database holds and the number of its last batch; nothing if it holds none."""
        with self.connect() as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
                return None
        with self.connect(database) as connection:
            clock, table = connection.execute(
                "select to_regclass('acme.clock'), to_regclass(%s)", [f"public.{next(iter(self._tables[database]))}"]
            ).fetchone() or (None, None)
            if clock is None:
                return (f"a table {table} of somebody else", -1) if table else None
            row = connection.execute("select world, batch from acme.clock").fetchone()
            return (row[0], row[1]) if row else None

    @contextmanager
    def rewrite(self, database: str, world: str) -> Iterator[Connection]:
        """Replace a database's tables in one transaction: readers see the old rows or the new ones."""
        tables, reader = self._tables[database], sql.Identifier(READER)
        with self.connect(database) as connection:
            statements: list[sql.SQL | sql.Composed] = [
                sql.SQL("set local synchronous_commit = off"),
                sql.SQL("set local maintenance_work_mem = '256MB'"),
                sql.SQL("create schema if not exists acme"),
                sql.SQL("create table if not exists acme.clock(world text, batch int)"),
            ]
            for table, columns in tables.items():
                name = sql.Identifier(table)
                statements.append(sql.SQL("drop table if exists {}").format(name))
                statements.append(sql.SQL("create table {} ({})").format(name, sql.SQL(columns)))
            statements += [
                sql.SQL("grant usage on schema public to {}").format(reader),
                sql.SQL("alter default privileges in schema public grant select on tables to {}").format(reader),
                sql.SQL("grant select on all tables in schema public to {}").format(reader),
            ]
            for statement in statements:
                connection.execute(statement)
            yield connection
            connection.execute("delete from acme.clock")
            connection.execute("insert into acme.clock values (%s, 0)", [world])
            for table in tables:
                connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table)))


def write_orders(connection: Connection, encoder: OrderEncoder, chunks: Iterable[Orders], *, freeze: bool) -> None:
    """Copy orders in; `freeze` only into a table made in the same transaction."""
    columns = sql.SQL(", ").join(map(sql.Identifier, ORDER_COLUMNS))
    options = sql.SQL("format binary, freeze" if freeze else "format binary")
    statement = sql.SQL("copy orders ({}) from stdin ({})").format(columns, options)
    with connection.cursor() as cursor, cursor.copy(statement, writer=QueuedLibpqWriter(cursor)) as copy:
        copy.write(HEADER)
        for chunk in chunks:
            copy.write(encoder.encode(chunk).tobytes())
        copy.write(TRAILER)


def index_orders(connection: Connection) -> None:
    connection.execute("create index orders_updated_at on orders (updated_at)")


def write_customers(connection: Connection, customers: Customers) -> None:
    """Append customers."""
    with connection.cursor().copy("copy customers from stdin") as copy:
        rows = zip(
            customers.customer_id.tolist(),
            customers.name,
            customers.email,
            customers.signup_epoch_day.tolist(),
            customers.is_premium.tolist(),
            customers.updated_at.tolist(),
            strict=True,
        )
        for customer_id, name, email, signup, is_premium, updated_at in rows:
            tier = "premium" if is_premium else "basic"
            copy.write_row((customer_id, name, email, day_date(signup), tier, moment(updated_at)))


def write_products(connection: Connection, catalogue: Catalogue, updated_at: int) -> None:
    """Append the whole catalogue."""
    with connection.cursor().copy("copy products from stdin") as copy:
        for i, name in enumerate(catalogue.names):
            cost, retail = money(int(catalogue.cost_cents[i])), money(int(catalogue.retail_cents[i]))
            category = CATEGORIES[catalogue.category[i]]
            copy.write_row((name, category, cost, retail, catalogue.supplier[i], moment(updated_at)))


def correct_orders(connection: Connection, corrections: Corrections) -> None:
    """Change existing orders; fails unless exactly the expected rows were there."""
    before, after = corrections.before, corrections.after
    cursor = connection.execute(
        _CORRECT,
        [
            before.order_id.tolist(),
            [moment(second) for second in before.updated_at.tolist()],
            after.quantity.tolist(),
            [money(cents) for cents in after.price_cents.tolist()],
            [moment(second) for second in after.updated_at.tolist()],
        ],
    )
    expect_rows(cursor.rowcount, len(corrections), "shop.orders")


def expect_rows(found: int, expected: int, where: str) -> None:
    """The database must hold what the ledger says; somebody else may have written to it."""
    if found != expected:
        raise AcmeError(
            f"{expected} rows were to change, {found} were there: the database is not as this ledger left it",
            where=where,
            next_step="run `acme seed --force` to write the world anew",
            exit_code=1,
        )


def rename_column(connection: Connection, table: str, old: str, new: str) -> None:
    """Rename a column if it still has its old name."""
    is_there = connection.execute(
        "select 1 from information_schema.columns where table_schema = 'public' and table_name = %s and column_name = %s",
        [table, old],
    ).fetchone()
    if is_there:
        statement = sql.SQL("alter table {} rename column {} to {}")
        connection.execute(statement.format(sql.Identifier(table), sql.Identifier(old), sql.Identifier(new)))


def money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def day_date(epoch_day: int) -> date:
    return EPOCH + timedelta(days=epoch_day)


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
