"""The rows of a verified delivery, strictly typed, in a temporary table: all of them, or the delivery is rejected."""

import re
from itertools import takewhile
from pathlib import Path

import duckdb

from consumption_datamart.ingestion.drops import TELEMETRY_X, TELEMETRY_Y, Delivery, Drops, Rejected
from consumption_datamart.ingestion.layouts import (
    CSV,
    Layout,
    X,
    Y,
    read_csv_sql,
    read_json_sql,
    read_parquet_sql,
    sniff_json_sql,
)
from headgate.lake.session import quote_literal

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
            problem = connection.execute("select _problem from _file where _problem is not null limit 1").fetchone()
            if problem:
                raise Rejected(f"it cannot be read: {problem[0]}", file=path, next_step=_MEND)
            if rows != promised:
                words = f"it holds {rows:,} rows, the marker says {promised:,}"
                raise Rejected(words, file=path, next_step=_MEND)
            if unique:
                _check_unique(connection, unique, path)
            connection.execute(f"insert into {target} by name select * exclude (_problem), {stamp} from _file")
        except duckdb.Error as error:
            raise Rejected(f"it cannot be read: {_say(error, local)}", file=path, next_step=_MEND) from None
        finally:
            connection.execute("drop table if exists temp._file")
    return rows


def _relation(
    connection: duckdb.DuckDBPyConnection, local: Path, source: str, stem: str, path: str
) -> tuple[str, Layout]:
    if source == TELEMETRY_Y:
        relation = read_parquet_sql(str(local))
        found = _describe(connection, relation)
        if found != Y.columns:
            raise Rejected(
                f"its columns are not the layout's: {_compare(found, Y.columns)}", file=path, next_step=_MEND
            )
        return relation, Y
    if source == TELEMETRY_X:
        keys = _describe(connection, sniff_json_sql(str(local))).keys() if local.stat().st_size else set()
        if unknown := sorted(keys - X.columns.keys() - {"json"}):
            raise Rejected(f"it has keys that the layout has not: {', '.join(unknown)}", file=path, next_step=_MEND)
        return read_json_sql(str(local), X), X
    with local.open("rb") as file:
        header = file.readline(10_000).rstrip(b"\r\n")
    known = {",".join(layout.columns).encode(): layout for layout in CSV[stem]}
    if header in known:
        return read_csv_sql(str(local), known[header]), known[header]
    alike, wanted = max((_count_alike(one, header), one) for one in known)
    words = f"from byte {alike + 1} on it is {_show(header[alike:])} and not {_show(wanted[alike:])}"
    raise Rejected(f"its header is of no known layout: {words}", file=path, next_step=_MEND)


def _check_unique(connection: duckdb.DuckDBPyConnection, column: str, path: str) -> None:
    """A register that names one thing twice says two things of it."""
    found = connection.execute(
        f"select {column} from _file group by all having count(*) > 1 or {column} is null order by all limit 1"
    ).fetchone()
    if found:
        words = f"{column} {found[0]} is there more than once" if found[0] is not None else f"{column} is missing"
        raise Rejected(words, file=path, next_step=_MEND)


def _count_alike(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _show(data: bytes) -> str:
    return ascii(data[:30].decode("utf-8", "backslashreplace"))


def _describe(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"describe select * from {relation}").fetchall()}


def _compare(found: dict[str, str], wanted: dict[str, str]) -> str:
    words = [f"{name} is missing" for name in wanted if name not in found]
    words += [f"{name} is unknown" for name in found if name not in wanted]
    words += [
        f"{name} is {kind} and not {wanted[name]}" for name, kind in found.items() if wanted.get(name, kind) != kind
    ]
    return ", ".join(words)


def _say(error: duckdb.Error, local: Path) -> str:
    """What the engine says, without the place on this machine, the line itself, and advice on the engine's options."""
    words = re.split(r"\nPossible |\nLINE 1|\.?\s+Try ", str(error).replace(str(local), local.name))[0]
    lines = [line.strip() for line in words.splitlines() if line.strip() and not line.startswith("Original Line")]
    return "; ".join(lines)[:300]
