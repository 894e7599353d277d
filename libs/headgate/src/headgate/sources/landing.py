"""What every landing shares: one at a time, one transaction, and a place for the rows that it takes out."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from headgate.lake.records import REFUSED_ROWS
from headgate.lake.session import LakeSession, private_zone, quote

LOADED_AT = "_loaded_at"
"""The column of every landed table that says when the row was landed."""
GONE = "gone at the source"
_ATTEMPTS = 5
_Result = TypeVar("_Result")


@contextmanager
def alone(session: LakeSession, name: str) -> Iterator[None]:
    """One landing of a name at a time on this machine; others wait."""
    folder = session.settings.state_folder / "run" / "landing"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session.settings.lake_name}.{session.team}.{name}.lock"
    with open(path, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def commit_at_once(session: LakeSession, work: Callable[[], _Result]) -> _Result:
    """Does the work in one transaction; again when somebody changed the zone at the same moment.

    Nothing was written then, and what is landed is still in its files.
    """
    import duckdb

    for attempt in range(_ATTEMPTS):
        try:
            with session.transaction():
                return work()
        except duckdb.TransactionException:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("not reached")


def keep_aside(
    session: LakeSession, table: str, run_id: str, partition_key: str | None, reason: str, rows_sql: str
) -> int:
    """Writes rows that a landing does not let in, or takes out, to `_refused_rows`; returns how many."""
    row = session.connection.execute(
        f"insert into {quote(private_zone(session.team))}.{quote(REFUSED_ROWS)} "
        f"select now(), ?, ?, ?, ?, cast(to_json(_row) as varchar) from ({rows_sql}) as _row",
        [table, run_id, partition_key, reason],
    ).fetchone()
    return int(row[0]) if row else 0


def columns_in(session: LakeSession, table: str) -> dict[str, str]:
    """A landed table's columns and types; none while it was never landed."""
    session.attach(private_zone(session.team))
    rows = session.connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? and table_name = ? "
        "order by column_index",
        [private_zone(session.team), table],
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}
