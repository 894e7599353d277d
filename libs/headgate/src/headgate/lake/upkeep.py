"""What keeps a publication's price from growing with the history of its zone: indexes on the zone's catalog, and
records in few files.

What belongs here: statements that change no row of any table. What does not: when they are made (`records`).
"""

import contextlib
from collections.abc import Sequence

from headgate.lake.session import LakeSession, quote, quote_literal

_INDEXES = {
    "ducklake_file_column_stats": "table_id, column_id",
    "ducklake_data_file": "table_id",
    "ducklake_delete_file": "table_id",
}
"""Catalog table → the columns that DuckLake looks its rows up by; it makes no index itself."""

LOOSE_PIECES = 200
"""So many small files and inlined rows a record table may have; each of them costs every reader."""
_SMALL_BYTES = 4_000_000
"""What has grown beyond this is not merged again: else each merge would rewrite all of history."""


def ensure_indexes(session: LakeSession, zone: str) -> None:
    """Makes the indexes that a zone's catalog lacks: without them each question about a table reads what the catalog
    holds of all tables.

    Args:
        session: of the team that owns the zone.
        zone: attached.
    """
    asked = f"select indexname from pg_indexes where schemaname = {quote_literal(zone)}"
    present = {name for (name,) in _ask_catalog(session, zone, asked)}
    for table, columns in _INDEXES.items():
        name = f"{table}_by_table"
        if name not in present:
            statement = f"create index if not exists {name} on {quote(zone)}.{table} ({columns})"
            session.connection.execute(
                f"call postgres_execute({quote_literal(_catalog(zone))}, {quote_literal(statement)})"
            )


def compact(session: LakeSession, zone: str, tables: Sequence[str]) -> None:
    """Brings tables that only ever grow into few files, once they are in many pieces; no version of them is lost.

    A publication adds a few rows to each table of records, in the catalog or as a small file. Merged files stay on disk:
    a branch may read them.

    Args:
        session: of the team that owns the zone.
        zone: attached.
        tables: nothing is ever deleted from them.
    """
    import duckdb  # late: a code server knows of records and writes none

    names = ", ".join(quote_literal(table) for table in tables)
    schema = quote(zone)
    pieces = _ask_catalog(
        session,
        zone,
        f"""
        select
            tables.table_name,
            stats.record_count - coalesce(sum(files.record_count), 0)
                + count(*) filter (where files.file_size_bytes < {_SMALL_BYTES}) as pieces
        from {schema}.ducklake_table as tables
        inner join {schema}.ducklake_table_stats as stats using (table_id)
        left join {schema}.ducklake_data_file as files
            on files.table_id = tables.table_id and files.end_snapshot is null
        where tables.end_snapshot is null and tables.table_name in ({names})
        group by tables.table_name, stats.record_count
        """,
    )
    for table, count in pieces:
        if int(count) < LOOSE_PIECES:
            continue
        where = f"{quote_literal(zone)}, table_name => {quote_literal(table)}"
        # Another process of the team may be at it: then this one's is refused, and nothing is lost.
        with contextlib.suppress(duckdb.Error):
            session.connection.execute(f"call ducklake_flush_inlined_data({where})")
            session.connection.execute(
                f"call ducklake_merge_adjacent_files({quote_literal(zone)}, {quote_literal(table)}, "
                f"max_file_size => {_SMALL_BYTES})"
            )


def _ask_catalog(session: LakeSession, zone: str, query: str) -> list[tuple[str, ...]]:
    """The answer of the catalog's own server."""
    return session.connection.execute(
        f"from postgres_query({quote_literal(_catalog(zone))}, {quote_literal(query)})"
    ).fetchall()


def _catalog(zone: str) -> str:
    """The name under which DuckLake attaches a zone's catalog."""
    return f"__ducklake_metadata_{zone}"
