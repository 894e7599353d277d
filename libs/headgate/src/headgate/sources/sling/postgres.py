"""The tables of a PostgreSQL source: what columns they have, and why it does not answer."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import SecretStr

from headgate.lake.session import quote
from headgate.sources.addresses import place_of, redact
from headgate.sources.errors import UNCHANGED, SourceError
from headgate.sources.landing import LOADED_AT
from headgate.sources.sling.columns import SourceColumn, lake_type
from headgate.sources.sling.replication import Stream

_COLUMNS = """
    select
        a.attname,
        format_type(
            case when t.typtype = 'd' then t.typbasetype else a.atttypid end,
            case when t.typtype = 'd' then t.typtypmod else a.atttypmod end
        ),
        col_description(c.oid, a.attnum)
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    join pg_namespace as n on n.oid = c.relnamespace
    join pg_type as t on t.oid = a.atttypid
    where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""


def read_source_columns(url: SecretStr, stream: Stream) -> list[SourceColumn]:
    """The columns of a stream that are read.

    Raises:
        SourceError: the source is down or refuses the login, the table is gone, or a column that the stream names.
    """
    import psycopg  # late, here and below: a code server loads this module and connects to nothing

    try:
        with psycopg.connect(url.get_secret_value(), connect_timeout=10) as connection:
            rows = connection.execute(_COLUMNS, [stream.schema, stream.source_table]).fetchall()
    except psycopg.Error as error:
        raise explain_connection(str(error), url, stream) from None
    if not rows:
        raise SourceError(
            f"the source has no table {stream.schema}.{stream.source_table}, or this login may not see it",
            where=f"{stream.place()}, {place_of(url)}",
            next_step=f"check the stream's name and the login's grants at the source; {UNCHANGED}",
        )
    if any(name == LOADED_AT for name, *_ in rows) and LOADED_AT not in stream.leave_out:
        raise SourceError(
            f"{stream.name} has a column {LOADED_AT}, which is the name of the landing's own",
            where=stream.place(),
            next_step=f"leave it out by select: [-{LOADED_AT}]; {UNCHANGED}",
        )
    notes = stream.columns or {}
    columns = [SourceColumn(name, kind, lake_type(kind), comment or "") for name, kind, comment in rows]
    _check_named(stream, [column.name for column in columns], url)
    chosen = [
        column
        for column in columns
        if column.name not in stream.leave_out and (not stream.select or column.name in stream.select)
    ]
    return [
        replace(
            column,
            sql_type=notes[column.name].sql_type or column.sql_type,
            description=notes[column.name].description or column.description,
        )
        if column.name in notes
        else column
        for column in chosen
    ]


def reading_sql(stream: Stream, columns: Sequence[SourceColumn], condition: str) -> str:
    """The query that reads a stream, every value as text."""
    values = ", ".join(f"{column.reading_sql} as {quote(column.name)}" for column in columns)
    conditions = [f"({part})" for part in (stream.where, condition) if part]
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"select {values} from {quote(stream.schema)}.{quote(stream.source_table)}{where}"


def explain_connection(message: str, url: SecretStr, stream: Stream) -> SourceError:
    """Why the source did not let us in."""
    where = f"{stream.place()}, {place_of(url)}"
    if "password authentication failed" in message or "no password supplied" in message:
        return SourceError(
            "the source refuses the password", where=where, next_step=f"renew the credentials in its URL; {UNCHANGED}"
        )
    line = " ".join(redact(message, url).split())
    return SourceError(
        f"the source is down, was lost half-way or does not let us in ({line[:300]})",
        where=where,
        next_step=f"check that it runs and is reachable, then run again; {UNCHANGED}",
    )


def _check_named(stream: Stream, there: Sequence[str], url: SecretStr) -> None:
    named = {
        "primary_key": stream.primary_key,
        "update_key": (stream.update_key,) if stream.update_key else (),
        "select": (*stream.select, *stream.leave_out),
        "columns": tuple(stream.columns or ()),
    }
    for key, names in named.items():
        for name in names:
            if name not in there:
                raise SourceError(
                    f"{stream.name} has no column {name}, which {key} names",
                    where=f"{stream.place(key)}; {place_of(url)} has {', '.join(there)}",
                    next_step=f"correct the name, or ask the source's owner for the column; {UNCHANGED}",
                )
