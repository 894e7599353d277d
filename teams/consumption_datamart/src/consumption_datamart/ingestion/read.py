"""The rows of a verified delivery, strictly typed, in a temporary table: all of them, or the delivery is rejected."""

from pathlib import Path

import duckdb

from consumption_datamart.ingestion.drops import TELEMETRY_X, TELEMETRY_Y, Delivery, Drops, Rejected
from consumption_datamart.ingestion.layouts import CSV, Layout, X, Y, read_csv_sql, read_json_sql
from headgate.lake.session import quote, quote_literal

_MEND = "mend the file at its source and deliver the day once more"


def stage(
    connection: duckdb.DuckDBPyConnection,
    drops: Drops,
    delivery: Delivery,
    path: str,
    stem: str,
    target: str,
    *,
    unique: str = "",
) -> int:
    """Appends the rows of one of a delivery's files to a table.

    Args:
        connection: the run's.
        drops: where the files are.
        delivery: which.
        path: the file's, below the drops' root; it was verified.
        stem: what it holds: `invoice_order_lines`, `heartbeats`, `customers`, `skus` or `deployments`.
        target: the table, with the columns of the lake table but `meta__warnings`, and `_given`: codes that the raw values show.
        unique: a column that may neither be null nor repeat, of a register.

    Returns:
        The number of rows.

    Raises:
        Rejected: the file is none of a known layout, holds a value that is not of its type, or another number of rows
            than the marker says. The table is as it was.
    """
    [promised] = [file.rows for file in delivery.files if path.endswith(f"/{file.name}")]
    with drops.fetch(path) as local:
        try:
            relation, layout = _relation(connection, local, delivery.source, stem, path)
            stamp = f"date '{delivery.day}' as day, {delivery.number} as meta__delivery, {quote_literal(path)} as meta__file"
            connection.execute("create or replace temp table _file as " + layout.select(relation))
            row = connection.execute("select count(*) from _file").fetchone()
            rows = int(row[0]) if row else 0
            if rows != promised:
                words = f"it holds {rows:,} rows, the marker says {promised:,}"
                raise Rejected(words, file=path, next_step=_MEND)
            if unique:
                _check_unique(connection, unique, path)
            connection.execute(f"insert into {target} by name select *, {stamp} from _file")
        except duckdb.Error as error:
            raise Rejected(f"it cannot be read: {_first_line(error, local)}", file=path, next_step=_MEND) from None
        finally:
            connection.execute("drop table if exists temp._file")
    return rows


def _relation(
    connection: duckdb.DuckDBPyConnection, local: Path, source: str, stem: str, path: str
) -> tuple[str, Layout]:
    if source == TELEMETRY_Y:
        relation = f"read_parquet({quote_literal(str(local))})"
        described = connection.execute(f"describe select * from {relation}").fetchall()
        if {name: kind for name, kind, *_ in described} != Y.columns:
            raise Rejected(f"its columns are {_names(n for n, *_ in described)}", file=path, next_step=_MEND)
        return relation, Y
    if source == TELEMETRY_X:
        return read_json_sql(str(local), X), X
    with local.open("rb") as file:
        header = file.readline(10_000)
    for layout in CSV[stem]:
        if header.rstrip(b"\r\n") == ",".join(layout.columns).encode():
            return read_csv_sql(str(local), layout), layout
    raise Rejected("its header is of no known layout", file=path, next_step=_MEND)


def _check_unique(connection: duckdb.DuckDBPyConnection, column: str, path: str) -> None:
    """A register that names one thing twice says two things of it."""
    found = connection.execute(
        f"select {column} from _file group by all having count(*) > 1 or {column} is null order by all limit 1"
    ).fetchone()
    if found:
        words = f"{column} {found[0]} is there more than once" if found[0] is not None else f"{column} is missing"
        raise Rejected(words, file=path, next_step=_MEND)


def _names(names: object) -> str:
    return ", ".join(quote(str(name)) for name in names)  # type: ignore[attr-defined]


def _first_line(error: duckdb.Error, local: Path) -> str:
    """What the engine says, without the place on this machine."""
    text = str(error).replace(str(local), local.name)
    return text.strip().splitlines()[0][:300]
