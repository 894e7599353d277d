"""Columns: what a replication file says of them, and PostgreSQL's types as the lake's.

Every value travels as text, written by PostgreSQL and read by DuckDB: what Sling makes of types on the way rounds numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headgate.contract.source import KeyPath, Source
from headgate.lake.session import quote

_PLAIN = {
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    "real": "float",
    "double precision": "double",
    "boolean": "boolean",
    "date": "date",
    "json": "json",
    "jsonb": "json",
    "uuid": "uuid",
    "bytea": "blob",
    "interval": "interval",
}
_WITH_PRECISION = {
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
}
_DECLARABLE = {
    "bigint": "bigint",
    "bool": "boolean",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamp",
    "timestampz": "timestamptz",
    "float": "double",
    "integer": "integer",
    "json": "json",
    "smallint": "smallint",
    "string": "varchar",
    "text": "varchar",
    "time": "time",
    "uuid": "uuid",
}
"""Sling's names of types → the lake's."""
_DECIMAL = re.compile(r"(?:numeric|decimal)\((\d+), *(-?\d+)\)")
_FREE_SCALE = 9
"""Decimals of a numeric that does not say how many it has; dlt's number."""


@dataclass(frozen=True)
class ColumnNote:
    """What a replication file says of a column."""

    sql_type: str | None = None
    description: str = ""


@dataclass(frozen=True)
class SourceColumn:
    """A column as the source has it, and what it becomes."""

    name: str
    source_type: str
    sql_type: str
    description: str = ""

    @property
    def reading_sql(self) -> str:
        """The value as text, for PostgreSQL."""
        name = quote(self.name)
        if self.source_type == "bytea":
            return f"encode({name}, 'hex')"
        if self.sql_type == "timestamptz":
            return f"({name} at time zone 'UTC')::text"
        if self.sql_type.endswith("[]"):
            return f"to_json({name}::text[])::text"
        return f"{name}::text"

    @property
    def landing_sql(self) -> str:
        """The text as the value, for DuckDB; an error where it would not be the same."""
        name = quote(self.name)
        if self.sql_type == "varchar":
            return name
        if self.sql_type == "blob":
            return f"unhex({name})"
        if self.sql_type.endswith("[]"):
            return f"cast(from_json({name}, '[\"VARCHAR\"]') as {self.sql_type})"
        cast = f"cast({name} as {self.sql_type})"
        if match := _DECIMAL.fullmatch(self.sql_type):
            # A cast would round what has more decimals.
            return f"case when {_decimals_of(name)} > {match[2]} then error('{TOO_FINE}') else {cast} end"
        return cast

    @property
    def misfit_sql(self) -> str:
        """True for a text that is no value of the type, for DuckDB."""
        name, misfit = quote(self.name), f"try_cast({quote(self.name)} as {self.sql_type}) is null"
        if self.sql_type in ("varchar", "blob") or self.sql_type.endswith("[]"):
            return "false"
        if match := _DECIMAL.fullmatch(self.sql_type):
            misfit = f"({misfit} or {_decimals_of(name)} > {match[2]})"
        return f"{name} is not null and {misfit}"


TOO_FINE = "more decimals than the column has"


def lake_type(source_type: str) -> str:
    """The lake's type for a PostgreSQL type as `format_type` writes it; text for what has no match."""
    if source_type.endswith("[]"):
        element = lake_type(source_type.removesuffix("[]"))
        return "varchar" if element in ("json", "blob", "interval") else f"{element}[]"
    if source_type in _PLAIN:
        return _PLAIN[source_type]
    if match := _DECIMAL.fullmatch(source_type.replace(",", ", ")):
        precision, scale = int(match[1]), int(match[2])
        return f"decimal({min(max(precision - min(scale, 0), scale), 38)}, {min(max(scale, 0), 38)})"
    if source_type == "numeric":
        return f"decimal(38, {_FREE_SCALE})"
    return _WITH_PRECISION.get(re.sub(r"\(\d+\)", "", source_type), "varchar")


def read_columns(file: Source, declared: Any, path: KeyPath) -> dict[str, ColumnNote]:
    """A stream's `columns`: name → type, or name → `{type, description}`; or a list of `{name, type, description}`.

    Raises:
        ReplicationError: another form, or a type that Sling does not know.
    """
    if isinstance(declared, list) and all(isinstance(item, dict) and "name" in item for item in declared):
        declared = {item["name"]: {key: item[key] for key in item if key != "name"} for item in declared}
    if not isinstance(declared or {}, dict):
        raise file.error("columns is not a mapping", "write column: type, or column: {description: …}", path)
    notes = {}
    for name, note in (declared or {}).items():
        note = {"type": note} if isinstance(note, str) else note
        if not isinstance(note, dict) or set(note) - {"type", "description"}:
            raise file.error(f"column {name} says something else than type and description", "mend it", (*path, name))
        notes[name] = ColumnNote(_declared_type(file, note, (*path, name)), str(note.get("description") or "").strip())
    return notes


def _declared_type(file: Source, note: Mapping[str, Any], path: KeyPath) -> str | None:
    if "type" not in note:
        return None
    written = str(note["type"]).lower().strip()
    plain = re.sub(r"^(string|text)\(\d+\)$", r"\1", written)
    if _DECIMAL.fullmatch(written):
        return lake_type(written.replace("decimal", "numeric"))
    if plain not in _DECLARABLE:
        known = ", ".join([*sorted(_DECLARABLE), "decimal(p, s)"])
        raise file.error(f"there is no type {written!r} of a column", f"use one of {known}", path)
    return _DECLARABLE[plain]


def _decimals_of(name: str) -> str:
    return f"length(rtrim(split_part({name}, '.', 2), '0'))"
