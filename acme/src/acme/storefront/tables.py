"""The storefront's databases: their tables, and writing Arrow tables to them.

Keys are not enforced: these are replicas. What is written is decided elsewhere; nothing is read back into the ledger.
"""

import io

import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql

from acme.source import Connection, Source, expect_rows

_HITS = "campaign_tracking_code text, sku text, brand text"
TABLES = {
    "accounts_db": {
        "accounts": "account_id bigint, first_name text, last_name text, email text, phone text, gender text,"
        + " date_of_birth date, country text, is_active boolean, created_at timestamp, updated_at timestamp"
    },
    "transaction_db": {
        "transactions": "order_id bigint, product_id bigint, account_id bigint, date_time timestamp, quantity int,"
        + " revenue_cents bigint, tax_cents bigint, currency text, channel text"
    },
    "inventory_db": {
        "products": "product_id bigint, sku text, product_name text, brand text, category text,"
        + " list_price_cents bigint, cost_cents bigint, updated_at timestamp"
    },
    "entity_resolution": {
        "individual_party_keys": "individual_party_key text, source_system text, source_key text, matched_at timestamp"
    },
    "adobe_experience": {
        "web_hits": f"hit_id bigint, visitor_id text, date_time timestamp, page_url text, page_type text, {_HITS}",
        "app_hits": f"hit_id bigint, visitor_id text, date_time timestamp, screen text, {_HITS}",
    },
}
DATABASE_OF = {table: database for database, tables in TABLES.items() for table in tables}
COLUMNS = {
    table: tuple(column.split()[0] for column in columns.split(","))
    for tables in TABLES.values()
    for table, columns in tables.items()
}
CURSORS = {
    "accounts": "updated_at",
    "transactions": "date_time",
    "products": "updated_at",
    "individual_party_keys": "matched_at",
    "web_hits": "date_time",
    "app_hits": "date_time",
}
KEYS = {
    "accounts": ("account_id",),
    "products": ("product_id",),
    "individual_party_keys": ("source_system", "source_key"),
}
"""How rows of the tables that change are found again."""


def storefront_source(url: str) -> Source:
    """The server that holds the storefront's databases."""
    return Source(url, TABLES)


def write_rows(connection: Connection, table: str, rows: pa.Table, *, target: sql.Identifier | None = None) -> None:
    """Append rows; columns that are none of the table's are left out."""
    text = io.BytesIO()
    pa_csv.write_csv(rows.select(COLUMNS[table]), text, pa_csv.WriteOptions(include_header=False))
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(target or sql.Identifier(table), names)
    with connection.cursor().copy(statement) as copy:
        copy.write(text.getbuffer())


def change_rows(connection: Connection, table: str, rows: pa.Table) -> None:
    """Replace rows by their newer versions; fails unless exactly these were there."""
    new, name = sql.Identifier("pg_temp", "changed"), sql.Identifier(table)
    connection.execute(sql.SQL("create temp table changed (like {}) on commit drop").format(name))
    write_rows(connection, table, rows, target=new)
    values = sql.SQL(", ").join(sql.SQL("{0} = n.{0}").format(sql.Identifier(column)) for column in COLUMNS[table])
    same = sql.SQL(" and ").join(sql.SQL("t.{0} = n.{0}").format(sql.Identifier(column)) for column in KEYS[table])
    statement = sql.SQL("update {} as t set {} from {} as n where {}").format(name, values, new, same)
    expect_rows(connection.execute(statement).rowcount, len(rows), f"{DATABASE_OF[table]}.{table}")
    connection.execute("drop table pg_temp.changed")


def index_tables(connection: Connection, database: str) -> None:
    """What readers filter by, and what changing rows are found by."""
    for table in TABLES[database]:
        for columns in ((CURSORS[table],), KEYS.get(table)):
            if columns:
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                connection.execute(sql.SQL("create index on {} ({})").format(sql.Identifier(table), names))
