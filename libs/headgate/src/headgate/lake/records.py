"""The tables a zone keeps about itself: publications, audit results and service levels in public, what was refused and
found later in private.

They are written by the gate and by `validation`, and read by `history`, the CLI and the portal. Their columns only ever
grow.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.lake.session import LakeSession, private_zone, quote
from headgate.lake.upkeep import compact, ensure_indexes

if TYPE_CHECKING:
    import duckdb

PUBLICATIONS = "_publications"
AUDIT_RESULTS = "_audit_results"
REFUSED_ROWS = "_refused_rows"
PROFILES = "_profiles"
VALIDATIONS = "_validations"
SERVICE_LEVELS = "_service_levels"

_PUBLIC = {
    PUBLICATIONS: """
        publication_id varchar not null,
        published_at timestamptz not null,
        table_name varchar not null,
        run_id varchar not null,
        team varchar not null,
        code_version varchar not null,
        contract_version varchar not null,
        schema_hash varchar not null,
        mode varchar not null,
        partition_key varchar,
        input_snapshots varchar not null,
        row_count bigint not null,
        written_rows bigint not null,
        warning_rows bigint not null
    """,
    AUDIT_RESULTS: """
        publication_id varchar not null,
        published_at timestamptz not null,
        table_name varchar not null,
        run_id varchar not null,
        partition_key varchar,
        rule varchar not null,
        severity varchar not null,
        passed boolean not null,
        failed_rows bigint not null,
        checked_rows bigint not null,
        examples varchar not null,
        is_alert boolean,
        judgement varchar
    """,
    PROFILES: """
        publication_id varchar not null,
        published_at timestamptz not null,
        table_name varchar not null,
        run_id varchar not null,
        partition_key varchar,
        column_name varchar not null,
        metric varchar not null,
        value double not null,
        row_count bigint not null
    """,
    SERVICE_LEVELS: """
        measured_at timestamptz not null,
        table_name varchar not null,
        level varchar not null,
        promise varchar not null,
        target double not null,
        window_days integer not null,
        unit varchar not null,
        bad double not null,
        measured double not null,
        attained double,
        budget_left double,
        burn_rate double,
        state varchar not null
    """,
}
_GROWN = {AUDIT_RESULTS: {"is_alert": "boolean", "judgement": "varchar"}}
"""Columns that a zone made before them lacks; null in what was recorded then."""
_PRIVATE = {
    REFUSED_ROWS: """
        refused_at timestamptz not null,
        table_name varchar not null,
        run_id varchar not null,
        partition_key varchar,
        rule varchar not null,
        refused_row varchar not null
    """,
    VALIDATIONS: """
        validation_id varchar not null,
        validated_at timestamptz not null,
        table_name varchar not null,
        run_id varchar not null,
        kind varchar not null,
        partition_key varchar,
        contract_version varchar not null,
        passed boolean not null,
        checked_rows bigint not null,
        findings varchar not null
    """,
}


def ensure_records(session: LakeSession) -> None:
    """Creates what is missing of a team's own record tables, and keeps them cheap to read; asks once a session."""
    if session.has_records:
        return
    for zone, tables in ((session.team, _PUBLIC), (private_zone(session.team), _PRIVATE)):
        session.attach(zone)
        rows = session.connection.execute(
            "select table_name from duckdb_tables() where database_name = ? and starts_with(table_name, '_')", [zone]
        ).fetchall()
        present = {name for (name,) in rows}
        for name, columns in tables.items():
            if name not in present:
                session.connection.execute(f"create table if not exists {quote(zone)}.{quote(name)} ({columns})")
            elif name in _GROWN:
                _grow(session, zone, name)
        ensure_indexes(session, zone)
        compact(session, zone, list(tables))
    session.has_records = True


def insert_rows(connection: "duckdb.DuckDBPyConnection", table: str, rows: Sequence[Sequence[object]]) -> None:
    """Appends rows in one statement, a list for each column, so that they are one file of the lake.

    `executemany` is a statement a row, each of which looks up the lake anew; a long `values` is parsed for longer than it
    takes to write. A value that all rows share is given once: lists of Python's are converted value by value, which at
    15,000 rows is most of the time.

    Args:
        table: qualified and quoted.
        rows: of one width.
    """
    if not rows:
        return
    places, parameters = [], []
    for number, values in enumerate(zip(*rows, strict=True)):
        is_shared = number > 0 and values.count(values[0]) == len(rows)
        places.append("?" if is_shared else "unnest(?)")
        parameters.append(values[0] if is_shared else list(values))
    connection.execute(f"insert into {table} select {', '.join(places)}", parameters)


def _grow(session: LakeSession, zone: str, name: str) -> None:
    rows = session.connection.execute(
        "select column_name from duckdb_columns() where database_name = ? and table_name = ?", [zone, name]
    ).fetchall()
    for column, kind in _GROWN[name].items():
        if (column,) not in rows:
            session.connection.execute(
                f"alter table {quote(zone)}.{quote(name)} add column if not exists {quote(column)} {kind}"
            )
