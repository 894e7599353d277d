"""What has to be remembered of a dlt source between runs: its state and schema, in the zone beside its rows.

Both are written in the transaction that writes the rows. So a run that dies leaves either nothing or all of it, and nothing in a
folder of this machine has to survive.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from headgate.lake.records import insert_rows
from headgate.lake.session import LakeSession, private_zone, quote

STATE = "_dlt_state"
LOADS = "_dlt_loads"

_TABLES = {
    STATE: "source varchar not null, version bigint not null, state varchar not null, schema varchar not null",
    # The first five are dlt's own columns of this table.
    LOADS: """
        load_id varchar not null,
        schema_name varchar not null,
        status bigint not null,
        inserted_at timestamptz not null,
        schema_version_hash varchar,
        run_id varchar not null,
        table_name varchar not null,
        written_rows bigint not null
    """,
}


@dataclass(frozen=True)
class Memory:
    """A source's state and schema as dlt's JSON; version 0 when it was never landed."""

    version: int = 0
    state: str = "{}"
    schema: str = ""


def ensure_memory(session: LakeSession) -> None:
    zone = private_zone(session.team)
    session.attach(zone)
    for name, columns in _TABLES.items():
        if not session.has_table(f"{zone}.{name}"):
            session.connection.execute(f"create table if not exists {quote(zone)}.{quote(name)} ({columns})")


def read_memory(session: LakeSession, source: str) -> Memory:
    ensure_memory(session)
    row = session.connection.execute(
        f"select version, state, schema from {_table(session, STATE)} where source = ? order by version desc limit 1",
        [source],
    ).fetchone()
    return Memory(*row) if row else Memory()


def read_landed_tables(session: LakeSession, source: str, run_id: str) -> set[str]:
    """Tables of the source that this run, or the run it repeats, has written."""
    ensure_memory(session)
    rows = session.connection.execute(
        f"select distinct table_name from {_table(session, LOADS)} where schema_name = ? and run_id = ?",
        [source, run_id],
    ).fetchall()
    return {name for (name,) in rows}


def write_memory(session: LakeSession, source: str, memory: Memory) -> None:
    """Inside the landing's transaction."""
    table = _table(session, STATE)
    session.connection.execute(f"delete from {table} where source = ?", [source])
    session.connection.execute(
        f"insert into {table} values (?, ?, ?, ?)", [source, memory.version, memory.state, memory.schema]
    )


def record_load(session: LakeSession, source: str, load_id: str, run_id: str, written: dict[str, int]) -> None:
    """Inside the landing's transaction; one row a table."""
    now = datetime.now(UTC)
    rows = [[load_id, source, 0, now, None, run_id, table, count] for table, count in written.items()]
    insert_rows(session.connection, _table(session, LOADS), rows)


def _table(session: LakeSession, name: str) -> str:
    return f"{quote(private_zone(session.team))}.{quote(name)}"
