"""dlt's column types as the lake's, and the Parquet files of a table as a SELECT."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from headgate.lake.session import quote, quote_literal

_TYPES = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double",
    "bool": "boolean",
    "date": "date",
    "time": "time",
    "json": "varchar",
    "binary": "blob",
    "wei": "decimal(38, 0)",
}


@dataclass(frozen=True)
class Column:
    name: str
    sql_type: str
    description: str
    is_variant: bool
    """Holds the values of another column that are not of that one's type (`price__v_text`)."""


def columns_of(table: Mapping[str, Any]) -> list[Column]:
    """The columns of a dlt table whose type is known, in dlt's order."""
    return [
        Column(str(name), _sql_type(column), str(column.get("description") or ""), bool(column.get("variant")))
        for name, column in table["columns"].items()
        if column.get("data_type")
    ]


def names_with(table: Mapping[str, Any], hint: str) -> list[str]:
    """Columns that have a hint, such as `primary_key`."""
    return [str(name) for name, column in table["columns"].items() if column.get(hint)]


def sent_rows_sql(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Sequence[Column]) -> str:
    """All rows of the files in the table's types, with `_place`: a number that grows from row to row and from file to file."""
    if not files:
        nothing = ", ".join(f"null::{column.sql_type} as {quote(column.name)}" for column in columns)
        return f"select {nothing}, null::bigint as _place where false"
    paths = ", ".join(quote_literal(str(file)) for file in files)
    source = f"read_parquet([{paths}], union_by_name = true, filename = true, file_row_number = true)"
    there = {str(name) for name, *_ in connection.execute(f"describe select * from {source}").fetchall()}
    values = ", ".join(
        f"{quote(column.name) if column.name in there else 'null'}::{column.sql_type} as {quote(column.name)}"
        for column in columns
    )
    # One number of file and row: DuckDB 1.5 stumbles over a filter on file_row_number itself.
    place = f"(list_position([{paths}], filename)::bigint << 40) + file_row_number"
    return f"select {values}, {place} as _place from {source}"


def _sql_type(column: Mapping[str, Any]) -> str:
    kind = str(column["data_type"])
    if kind == "decimal":
        return (
            f"decimal({column.get('precision') or 38}, {column.get('scale') if column.get('scale') is not None else 9})"
        )
    if kind == "timestamp":
        return "timestamp" if column.get("timezone") is False else "timestamptz"
    return _TYPES[kind]
