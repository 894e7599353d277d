"""Landing tables of a PostgreSQL source: replaced as a whole, or by change time with a look-back.

Incremental landing re-reads a window: everything that changed since (newest change time landed - look-back). The window's
rows are replaced, so rows that were late, corrected, duplicated or withdrawn inside it come out exactly as the source has
them now. Older versions of a row that has since changed stay in the landed table: readers take the newest version a key
(`latest_versions`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from headgate.errors import HeadgateError
from headgate.lake.session import LakeSession, explain_storage, private_zone, quote, quote_literal
from headgate.sources.addresses import place_of, redact
from headgate.sources.errors import SourceError
from headgate.sources.landing import columns_in

LANDED_AT = "_landed_at"


@dataclass(frozen=True)
class Landing:
    """What one landing did."""

    table: str
    """Qualified name of the landed table in the private zone."""
    rows_read: int
    rows_total: int
    window_start: datetime | None
    """Change time from which the source was re-read; None when all of it was."""


def land_table(
    session: LakeSession,
    url: SecretStr,
    source_table: str,
    *,
    into: str,
    columns: tuple[str, ...],
    changed_at: str | None = None,
    lookback: timedelta = timedelta(0),
    full_refresh: bool = False,
) -> Landing:
    """Copies a source table into the private zone in one transaction.

    Args:
        session: the landing team's session.
        url: PostgreSQL URL of the source with credentials.
        source_table: its name in schema `public`.
        into: name of the landed table in the private zone.
        columns: the columns relied on; others are not read.
        changed_at: the column with the change time; given, the landing is incremental.
        lookback: how long a change may take to become visible at the source.
        full_refresh: read everything although `changed_at` is given.

    Raises:
        SourceError: source down, password refused, table or column missing, connection lost half-way. What was landed
            before is unchanged.
    """
    place = f"table {source_table} of {place_of(url)}"
    session.attach(private_zone(session.team))
    target = f"{quote(private_zone(session.team))}.{quote(into)}"
    connection = session.connection
    try:
        connection.execute(f"attach {quote_literal(_conninfo(url))} as _source (type postgres, read_only)")
    except duckdb.Error as error:
        raise _explain(error, url, place) from None
    try:
        types = _source_types(session, source_table, columns, place)
        names = ", ".join(quote(column) for column in columns)
        shape = ", ".join(f"{quote(column)} {types[column]}" for column in columns)
        if list(columns_in(session, into)) != [*columns, LANDED_AT]:
            connection.execute(f"create or replace table {target} ({shape}, {LANDED_AT} timestamptz)")
        start = None
        if changed_at and not full_refresh:
            row = connection.execute(f"select max({quote(changed_at)}) from {target}").fetchone()
            start = row[0] - lookback if row and row[0] else None
        window = f"where {quote(changed_at)} >= ?" if changed_at and start else ""
        parameters = [start] if start else []
        with session.transaction():
            connection.execute(f"delete from {target} {window}" if window else f"truncate {target}", parameters)
            read = connection.execute(
                f"insert into {target} select {names}, now() from _source.public.{quote(source_table)} {window}",
                parameters,
            ).fetchone()
        total = connection.execute(f"select count(*) from {target}").fetchone()
    except duckdb.Error as error:
        raise _explain(error, url, place) from None
    finally:
        connection.execute("detach _source")
    assert read is not None and total is not None
    return Landing(table=target, rows_read=int(read[0]), rows_total=int(total[0]), window_start=start)


def latest_versions(landed_table: str, *, key: str, changed_at: str) -> str:
    """A query for the newest version a key. Rows of the same key and change time are all kept: they are the source's
    own duplicates, and the gate is to see them."""
    return (
        f"select * exclude ({LANDED_AT}) from {landed_table} "
        f"qualify rank() over (partition by {quote(key)} order by {quote(changed_at)} desc) = 1 or {quote(key)} is null"
    )


def _source_types(session: LakeSession, table: str, columns: tuple[str, ...], place: str) -> dict[str, str]:
    rows = session.connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = '_source' and schema_name = 'public' and table_name = ?",
        [table],
    ).fetchall()
    types = dict(rows)
    if not types:
        raise SourceError(
            f"the source has no table {table}, or this login may not see it",
            where=place,
            next_step="check the table's name and the login's grants at the source",
        )
    missing = [column for column in columns if column not in types]
    if missing:
        raise SourceError(
            f"the source has no column {', '.join(missing)} any more",
            where=f"{place}, which has {', '.join(types)}",
            next_step="ask the source's owner, then adapt the asset and its contract; what was published stays as it is",
        )
    return types


def _explain(error: duckdb.Error, url: SecretStr, place: str) -> HeadgateError:
    message = str(error)
    unchanged = "what was published stays as it is"
    if "password authentication failed" in message or "no password supplied" in message:
        return SourceError(
            "the source refuses the password", where=place, next_step=f"renew the credentials in its URL; {unchanged}"
        )
    if problem := explain_storage(message):
        return problem
    line = redact(message.strip().splitlines()[0], url)
    if "onnect" in message or "terminat" in message or "server closed" in message:
        return SourceError(
            f"the source is down or was lost half-way ({line[:160]})",
            where=place,
            next_step=f"check that it runs and is reachable, then run again; {unchanged}",
        )
    return SourceError(line, where=place, next_step=f"check the source; {unchanged}")


def _conninfo(url: SecretStr) -> str:
    return make_conninfo(url.get_secret_value(), connect_timeout=10)
