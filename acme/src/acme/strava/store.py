"""Where the club's server keeps its state: one SQLite file that outlives it.

What belongs here: tables, and reading and writing rows. What does not: what the rows mean to the API (`documents`), who
may see them (`tokens`), the ledger's own files (`ledger`). Server and commands open the file at the same time.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from acme.errors import AcmeError
from acme.strava.activities import Batch
from acme.strava.world import COLUMNS

Row = dict[str, Any]

_FILE = "strava.sqlite"
_NOTHING = np.array(None, object)
_SCHEMA = f"""
create table activities ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())});
create index by_start on activities (athlete_id, start_at, id);
create table athletes (id integer primary key, profile text not null);
create table gear (id text primary key, athlete_id integer not null, profile text not null);
create table settings (name text primary key, value text not null);
create table grants (
    athlete_id integer primary key, scope text not null, refresh_token text not null unique,
    previous_refresh_token text unique, access_token text not null, is_revoked integer not null default 0
);
create table access_tokens (token text primary key, athlete_id integer not null, expires_at real not null);
create table usage (period text primary key, began integer not null, requests integer not null);
create table faults (
    number integer primary key, kind text not null, count integer not null, remaining integer not null,
    skip integer not null, path text not null, options text not null, is_cleared integer not null default 0
);
"""
_INSERT = f"insert into activities ({', '.join(COLUMNS)}) values ({', '.join(f':{name}' for name in COLUMNS)})"


class Store:
    """The state in a folder. Every method reads or writes at once; `change` groups writes.

    Raises:
        AcmeError: there is no world in the folder.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        path = folder / _FILE
        if not create and not path.exists():
            raise AcmeError(
                "There is no cycling club yet",
                where=str(folder),
                next_step="run `acme strava seed` with the same --folder",
            )
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        if create:
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Everything in the block is written, or nothing; other writers wait. Blocks may be nested."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def execute(self, statement: str, parameters: Sequence[Any] | Row = ()) -> int:
        """Run a statement; returns how many rows it wrote."""
        return self._connection.execute(statement, parameters).rowcount

    def rows(self, statement: str, parameters: Sequence[Any] | Row = ()) -> list[Row]:
        return [dict(row) for row in self._connection.execute(statement, parameters)]

    def row(self, statement: str, parameters: Sequence[Any] | Row = ()) -> Row | None:
        found = self._connection.execute(statement, parameters).fetchone()
        return dict(found) if found else None

    # ------------------------------------------------------------ settings

    def setting(self, name: str) -> Any:
        """A setting's value, as JSON kept it; None when it was never set."""
        found = self.row("select value from settings where name = ?", [name])
        return json.loads(found["value"]) if found else None

    def set(self, name: str, value: Any) -> None:
        self.execute("insert or replace into settings values (?, ?)", [name, json.dumps(value)])

    # ---------------------------------------------------------- activities

    def add_activities(self, rows: Iterable[Row]) -> None:
        self._connection.executemany(_INSERT, rows)

    def replace_activity(self, row: Row) -> None:
        self.delete_activity(row["id"])
        self.add_activities([row])

    def delete_activity(self, activity_id: int) -> None:
        self.execute("delete from activities where id = ?", [activity_id])

    def activity(self, activity_id: int) -> Row | None:
        return self.row("select * from activities where id = ?", [activity_id])

    def athlete(self, athlete_id: int) -> Row:
        found = self.row("select profile from athletes where id = ?", [athlete_id])
        profile: Row = json.loads(found["profile"]) if found else {}
        return profile

    def athlete_ids(self) -> list[int]:
        return [row["id"] for row in self.rows("select id from athletes order by id")]


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """One server a world; and no server while a world is replaced.

    Raises:
        AcmeError: a server runs.
    """
    with (folder / ".server.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AcmeError(
                "This club is being served", where=str(folder), next_step="end that server first (`headgate down`)"
            ) from error
        yield


def batch_rows(batch: Batch) -> Iterator[Row]:
    """The rows of a batch as the store keeps them: plain values, None for what is missing."""
    columns = [_plain(batch[name], kind) for name, kind in COLUMNS.items()]
    return (dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=True))


def _plain(column: np.ndarray, kind: str) -> list[Any]:
    if column.dtype == object:
        return column.tolist()
    if not kind.startswith("integer"):
        return np.where(np.isnan(column), _NOTHING, column).tolist() if column.dtype.kind == "f" else column.tolist()
    if column.dtype.kind == "f":
        missing = np.isnan(column)
        return np.where(missing, _NOTHING, np.where(missing, 0, column).astype(np.int64)).tolist()
    return column.astype(np.int64).tolist()
