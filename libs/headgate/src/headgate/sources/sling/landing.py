"""Writing what Sling read into the private zone: shape, rows, comments and what is gone, in one transaction.

The rows stay in the pull's file and stream through; only their keys are held, so that a large table needs no more memory.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.lake.records import ensure_records
from headgate.lake.session import LakeSession, private_zone, quote, quote_literal
from headgate.sources.errors import UNCHANGED, SourceError
from headgate.sources.landing import GONE, LOADED_AT, columns_in, commit_at_once, keep_aside
from headgate.sources.sling.columns import TOO_FINE, SourceColumn
from headgate.sources.sling.replication import Stream
from headgate.sources.sling.window import Window

if TYPE_CHECKING:
    import duckdb

FULL_REFRESH = "headgate/full_refresh: true"
_SENT = "_sling_sent"
_KEYS = "_sling_keys"


@dataclass
class Landed:
    """What one landing did."""

    written_rows: int = 0
    gone_rows: int = 0
    """No longer at the source inside what was read completely; kept aside."""
    row_count: int = 0
    columns: list[tuple[str, str]] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)


class Landing:
    """The landing of one stream.

    Args:
        session: the landing team's session.
        stream: what is landed.
        columns: of the rows.
        run_id: who lands; a run that repeats another one has its id.
        partition_key: the run's partitions, for the record.
        may_reshape: whether a column that is gone, or is of another type, is accepted; the table is then made anew, but for
            snapshots, which stay.
    """

    def __init__(
        self,
        session: LakeSession,
        stream: Stream,
        columns: Sequence[SourceColumn],
        *,
        run_id: str,
        partition_key: str | None = None,
        may_reshape: bool = False,
    ) -> None:
        self.session = session
        self.connection = session.connection
        self.stream = stream
        self.columns = columns
        self.run_id = run_id
        self.partition_key = partition_key
        self.may_reshape = may_reshape
        self.zone = private_zone(session.team)
        self.target = f"{quote(self.zone)}.{quote(stream.table)}"
        self.is_merged = bool(stream.primary_key) and stream.mode in ("incremental", "backfill")

    def is_done(self) -> bool:
        """Whether the run that this one repeats has landed the stream: its writer may have died before it heard of it."""
        with self.session.translate_errors(where=f"landing {self.stream.name} in {self.zone}"):
            self.session.attach(self.zone)
            row = self.connection.execute(
                f"select count(*) from ducklake_snapshots({quote_literal(self.zone)}) where commit_extra_info = ?",
                [self._extra_info],
            ).fetchone()
        return bool(row and row[0])

    def check_shape(self) -> None:
        """Refuses, before anything is read, what the landed table cannot take in.

        Raises:
            SourceError: a column is gone at the source, or is of another type.
        """
        types = {column.name: column for column in self.columns}
        for name, kind in columns_in(self.session, self.stream.table).items():
            if name == LOADED_AT:
                continue
            if name not in types and not self.may_reshape:
                raise self._error(
                    f"the source has no column {name} any more, or select leaves it out",
                    f"ask the source's owner; to go on without the column, run once with the tag {FULL_REFRESH}",
                )
            if name in types and self._is_other(types[name], kind) and not self._starts_anew:
                raise self._error(
                    f"column {name} is now {types[name].source_type}, and {kind.lower()} was landed",
                    "give it its old type by columns:"
                    + (f", or run once with the tag {FULL_REFRESH}" if self.stream.mode != "snapshot" else ""),
                )

    def land(self, rows: Any, window: Window) -> Landed:
        """Lands rows that take the place of those of a window, and of those with the same key.

        Args:
            rows: Arrow data of text columns; None for no rows.
            window: what was read.

        Raises:
            SourceError: a value does not fit its column, or a key is null.
            LakeError: the lake refuses or is out of reach. In every case nothing has changed.
        """
        import duckdb

        with self.session.translate_errors(where=f"landing {self.stream.name} in {self.zone}"):
            ensure_records(self.session)
            if rows is not None:
                self.connection.register(_SENT, rows)
            try:
                return commit_at_once(self.session, lambda: self._write(window, has_rows=rows is not None))
            except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
                raise self._explain(error) from None
            finally:
                self.connection.execute(f"drop table if exists temp.{_KEYS}")
                if rows is not None:
                    self.connection.unregister(_SENT)

    def _write(self, window: Window, *, has_rows: bool) -> Landed:
        result = Landed()
        self._shape(window, result)
        removed = [f"({window.landed_sql})"] if window.landed_sql is not None else []
        has_doubles = False
        if self.is_merged and has_rows:
            has_doubles = self._list_keys()
            removed.append(f"({self._same_key})")
        if window.is_complete and self.stream.primary_key:
            gone = f"({window.landed_sql})" + (f" and not coalesce({self._same_key}, false)" if has_rows else "")
            rows = f"select * from {self.target} where {gone}"
            result.gone_rows = keep_aside(self.session, self.stream.table, self.run_id, self.partition_key, GONE, rows)
        if window.landed_sql == "true":
            self.connection.execute(f"truncate {self.target}")
        elif removed:
            self.connection.execute(f"delete from {self.target} where {' or '.join(removed)}")
        if has_rows:
            result.written_rows = self._insert(has_doubles)
        self._comment()
        message = f"land {self.stream.table}"
        self.connection.execute(
            f"call {quote(self.zone)}.set_commit_message(?, ?, extra_info => ?)",
            [self.session.team, message, self._extra_info],
        )
        row = self.connection.execute(f"select count(*) from {self.target}").fetchone()
        assert row is not None
        result.row_count = int(row[0])
        result.columns = list(columns_in(self.session, self.stream.table).items())
        return result

    def _shape(self, window: Window, result: Landed) -> None:
        """Makes the table, anew where all of it is replaced and is of another shape, or adds the columns that it lacks."""
        landed = columns_in(self.session, self.stream.table)
        columns = {column.name: column for column in self.columns}
        is_other = any(
            name not in columns or self._is_other(columns[name], kind)
            for name, kind in landed.items()
            if name != LOADED_AT
        )
        if is_other and window.landed_sql == "true":
            self.connection.execute(f"drop table {self.target}")
            landed = {}
        if not landed:
            body = ", ".join(f"{quote(column.name)} {column.sql_type}" for column in self.columns)
            self.connection.execute(f"create table {self.target} ({body}, {quote(LOADED_AT)} timestamptz)")
            return
        for column in self.columns:
            if column.name not in landed:
                result.new_columns.append(column.name)
                self.connection.execute(f"alter table {self.target} add column {quote(column.name)} {column.sql_type}")

    def _list_keys(self) -> bool:
        """Lists the keys that were sent; whether one of them was sent twice."""
        keys = {name: self._column(name).landing_sql for name in self.stream.primary_key}
        listed = ", ".join(f"{value} as {quote(name)}" for name, value in keys.items())
        self.connection.execute(
            f"create or replace temp table {_KEYS} as "
            f"select {', '.join(map(quote, keys))}, count(*) as _times from (select {listed} from {_SENT}) group by all"
        )
        is_null = " or ".join(f"{quote(name)} is null" for name in keys)
        row = self.connection.execute(
            f"select max(_times), sum(_times) filter ({is_null}) from temp.{_KEYS}"
        ).fetchone()
        assert row is not None
        if row[1]:
            raise self._error(
                f"the key {', '.join(keys)} is null in {row[1]} rows",
                "choose a primary_key that every row has, or leave such rows out by where:",
                "primary_key",
            )
        return bool(row[0] > 1)

    @property
    def _same_key(self) -> str:
        names = self.stream.primary_key
        keys = ", ".join(map(quote, names))
        keys = f"({keys})" if len(names) > 1 else keys
        return f"{keys} in (select {keys} from temp.{_KEYS})"

    def _insert(self, has_doubles: bool) -> int:
        """Writes the rows; of several with one key, the one with the newest update key."""
        names = ", ".join(quote(column.name) for column in self.columns)
        values = ", ".join(f"{column.landing_sql} as {quote(column.name)}" for column in self.columns)
        rows = f"select {values} from {_SENT}"
        if has_doubles:
            keys = ", ".join(map(quote, self.stream.primary_key))
            order = f"order by {quote(self.stream.update_key)} desc nulls last" if self.stream.update_key else ""
            rows = f"select * from ({rows}) qualify row_number() over (partition by {keys} {order}) = 1"
        row = self.connection.execute(
            f"insert into {self.target} ({names}, {quote(LOADED_AT)}) select {names}, now() from ({rows})"
        ).fetchone()
        return int(row[0]) if row else 0

    def _comment(self) -> None:
        """Gives table and columns the comments that they lack or that have changed."""
        where = "where database_name = ? and table_name = ?"
        told = dict(
            self.connection.execute(
                f"select column_name, comment from duckdb_columns() {where}", [self.zone, self.stream.table]
            ).fetchall()
        )
        for column in self.columns:
            if column.description != (told.get(column.name) or ""):
                place = f"{self.target}.{quote(column.name)}"
                self.connection.execute(f"comment on column {place} is {quote_literal(column.description)}")
        row = self.connection.execute(
            f"select comment from duckdb_tables() {where}", [self.zone, self.stream.table]
        ).fetchone()
        if self.stream.description != ((row and row[0]) or ""):
            self.connection.execute(f"comment on table {self.target} is {quote_literal(self.stream.description)}")

    @property
    def _extra_info(self) -> str:
        return json.dumps({"run_id": self.run_id, "table": self.stream.table, "partition": self.partition_key})

    @property
    def _starts_anew(self) -> bool:
        """Whether the table is made anew when its shape is another one."""
        return self.stream.mode == "full-refresh" or (self.may_reshape and self.stream.mode != "snapshot")

    def _is_other(self, column: SourceColumn, landed_type: str) -> bool:
        row = self.connection.execute(f"select typeof(null::{column.sql_type})").fetchone()
        return row is None or row[0] != landed_type

    def _column(self, name: str) -> SourceColumn:
        return next(column for column in self.columns if column.name == name)

    def _explain(self, error: "duckdb.Error") -> SourceError:
        """Which value of which column does not fit; asked only when one does not."""
        for column in self.columns:
            row = self.connection.execute(
                f"select {quote(column.name)} from {_SENT} where {column.misfit_sql} limit 1"
            ).fetchone()
            if row:
                return self._error(
                    f"{row[0]!r} of column {column.name} ({column.source_type}) does not fit {column.sql_type}",
                    f"give the column a type that holds it, by columns: {{{column.name}: …}}",
                    "columns",
                )
        line = str(error).strip().splitlines()[0].replace(TOO_FINE, f"a value has {TOO_FINE}")
        return self._error(line[:300], "give the column another type by columns:")

    def _error(self, what: str, next_step: str, key: str | None = None) -> SourceError:
        return SourceError(what, where=self.stream.place(key), next_step=f"{next_step}; {UNCHANGED}")
