"""Which rows of a stream a run reads, and which landed ones they take the place of."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from headgate.lake.session import LakeSession, private_zone, quote, quote_literal
from headgate.sources.errors import SourceError
from headgate.sources.landing import columns_in
from headgate.sources.sling.columns import SourceColumn
from headgate.sources.sling.replication import Stream

_TIMES = ("date", "timestamp", "timestamptz")


@dataclass(frozen=True)
class Window:
    """A condition at the source, and the same on the landed table.

    Args:
        source_sql: which rows are read; all when empty.
        landed_sql: which landed rows those take the place of, beside the ones with the same key; none when None.
        is_complete: whether the landed rows inside that are not sent again are gone at the source.
    """

    source_sql: str = ""
    landed_sql: str | None = None
    is_complete: bool = False


EVERYTHING = Window(landed_sql="true")


def of_partitions(stream: Stream, columns: list[SourceColumn], start: datetime, end: datetime) -> Window:
    """A run's partitions: from their first moment to the one after their last, as the update key tells the time."""
    column = _update_column(stream, columns)
    if column.sql_type not in _TIMES:
        raise SourceError(
            f"{stream.name} is partitioned by time, and {column.name} is {column.source_type}",
            where=stream.place("update_key"),
            next_step="make update_key a date or a time, or take the partitions away",
        )
    ends = [_literal(moment, column.sql_type) for moment in (start, end)]
    return _replace(f"{quote(column.name)} >= {ends[0]} and {quote(column.name)} < {ends[1]}")


def of_range(stream: Stream, columns: list[SourceColumn]) -> Window:
    """A backfill's range: both ends are in it, and a day at the end is so with its whole length."""
    assert stream.range is not None
    column = _update_column(stream, columns)
    first, last = stream.range
    condition = f"{quote(column.name)} >= {quote_literal(first)} and "
    if column.sql_type.startswith("timestamp") and len(last) == 10:
        after = date.fromisoformat(last) + timedelta(days=1)
        return _replace(f"{condition}{quote(column.name)} < {quote_literal(after.isoformat())}")
    return _replace(f"{condition}{quote(column.name)} <= {quote_literal(last)}")


def of_news(session: LakeSession, stream: Stream, columns: list[SourceColumn]) -> Window:
    """What is new at the source since the newest landed row, and what the look-back reads again.

    Rows of exactly the newest value are read again: others of it may have been committed since. Rows without a value are always
    read. A value in the future is a wrong clock, and holds nothing up.
    """
    if stream.update_key is None:
        return Window()
    everything = Window(landed_sql=None if stream.primary_key else "true")
    if stream.update_key not in columns_in(session, stream.table):
        return everything
    column = _update_column(stream, columns)
    name = quote(column.name)
    is_time = column.sql_type in _TIMES
    newest = f"max({name}) filter ({name} <= now()::{column.sql_type} + interval 1 day)" if is_time else f"max({name})"
    row = session.connection.execute(
        f"select cast({newest}{_minus(stream, column)} as varchar) "
        f"from {quote(private_zone(session.team))}.{quote(stream.table)}"
    ).fetchone()
    if row is None or row[0] is None:
        return everything
    condition = f"{name} >= {quote_literal(row[0])} or {name} is null"
    return Window(condition, None if stream.primary_key else condition)


def _minus(stream: Stream, column: SourceColumn) -> str:
    if stream.lookback is None:
        return ""
    is_time = column.sql_type in _TIMES
    if is_time != isinstance(stream.lookback, timedelta):
        raise SourceError(
            f"the lookback of {stream.name} does not fit {column.name}, which is {column.source_type}",
            where=stream.place("meta"),
            next_step="write a length of time for a time, and a number for a number",
        )
    if isinstance(stream.lookback, timedelta):
        return f" - interval {int(stream.lookback.total_seconds())} seconds"
    return f" - {stream.lookback}"


def _update_column(stream: Stream, columns: list[SourceColumn]) -> SourceColumn:
    return next(column for column in columns if column.name == stream.update_key)


def _literal(moment: datetime, sql_type: str) -> str:
    """The partition's own wall time for a column without a time zone; the moment for one that has it."""
    told = moment.astimezone(UTC) if sql_type == "timestamptz" else moment.replace(tzinfo=None)
    return quote_literal(told.isoformat(sep=" "))


def _replace(condition: str) -> Window:
    return Window(condition, condition, is_complete=True)
