"""A column's type: from the contract's logical and physical type to DuckDB's, and which other types fit into it."""

import re

NULL_TYPES = {'"NULL"', "NULL", "SQLNULL"}
_DEFAULTS = {
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "time": "TIME",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}
_ALIASES = {
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "INT": "INTEGER",
    "LONG": "BIGINT",
    "REAL": "FLOAT",
    "BOOL": "BOOLEAN",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "DOUBLE PRECISION": "DOUBLE",
}
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
INTEGERS = {*_BITS, *(f"U{name}" for name in _BITS)}
_CATEGORIES = {
    "string": {"VARCHAR", "UUID"},
    "date": {"DATE"},
    "timestamp": {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"},
    "time": {"TIME"},
    "integer": {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"},
    "number": {"FLOAT", "DOUBLE"},
    "boolean": {"BOOLEAN"},
    "object": {"JSON"},
    "array": set(),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_STRING_SOURCES = {"VARCHAR", "UUID"}
_NAIVE_TIMESTAMPS = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}


class TypeProblem(ValueError):
    """A type that the contract may not name; says what to write instead."""

    def __init__(self, what: str, next_step: str) -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(what)


def resolve_type(logical_type: str, physical_type: str | None, *, has_timezone: bool = True) -> str:
    """DuckDB's name for the type of a column.

    Args:
        logical_type: the standard's logical type.
        physical_type: an SQL type where the logical one leaves it open; required for `number`, `object` and `array`.
        has_timezone: False when the contract says `timezone: false`; only then is a naive TIMESTAMP allowed.

    Raises:
        TypeProblem: unknown, ambiguous or contradicting the logical type.
    """
    if physical_type is None:
        if logical_type == "number":
            raise TypeProblem(
                "a number without a physicalType",
                "add physicalType: DECIMAL(12,2) for money, or DOUBLE for measurements",
            )
        if logical_type in ("object", "array"):
            raise TypeProblem(
                f"an {logical_type} without a physicalType", "add physicalType, such as VARCHAR[] or JSON"
            )
        return _DEFAULTS[logical_type] if has_timezone or logical_type != "timestamp" else "TIMESTAMP"
    name = _normalise(physical_type)
    if name.startswith("VARCHAR("):
        raise TypeProblem(
            f"{physical_type} limits nothing in DuckDB", "write VARCHAR and logicalTypeOptions: maxLength"
        )
    if name == "DECIMAL":
        raise TypeProblem("DECIMAL without precision and scale", "write both, as in DECIMAL(12,2)")
    if not _belongs(name, logical_type):
        known = ", ".join(sorted(_CATEGORIES[logical_type])) or "VARCHAR[] and the like"
        known += ", DECIMAL(p,s)" if logical_type == "number" else ""
        raise TypeProblem(
            f"{physical_type} is not a type for a {logical_type}", f"write one of {known}, or leave it out"
        )
    if logical_type == "timestamp" and (name == "TIMESTAMP") == has_timezone:
        raise TypeProblem(
            f"{physical_type} contradicts timezone: {str(has_timezone).lower()}",
            "leave physicalType out for UTC, or say logicalTypeOptions: timezone: false for local time",
        )
    return name


def logical_type_of(physical_type: str) -> str | None:
    """The standard's logical type for an SQL type; None when it has none, or could be guessed only."""
    name = _normalise(physical_type)
    if name.startswith("VARCHAR("):
        return "string"
    return next((logical for logical in (*_CATEGORIES, "number") if _belongs(name, logical)), None)


def fits(actual: str, wanted: str) -> bool:
    """Whether another DuckDB type keeps every value, or refuses it for its range: never rounds, cuts or guesses it."""
    if actual == wanted or actual in NULL_TYPES:
        return True
    if wanted in INTEGERS:
        return actual in INTEGERS
    decimal = _DECIMAL.fullmatch(wanted)
    actual_decimal = _DECIMAL.fullmatch(actual)
    if decimal:
        return actual in INTEGERS or (actual_decimal is not None and int(actual_decimal[2]) <= int(decimal[2]))
    if wanted == "DOUBLE":
        return actual in INTEGERS or actual == "FLOAT" or actual_decimal is not None
    if wanted == "VARCHAR":
        return actual in _STRING_SOURCES or actual.startswith("ENUM(")
    if wanted == "TIMESTAMP":
        return actual in _NAIVE_TIMESTAMPS
    return False


def may_overflow(actual: str, wanted: str) -> bool:
    """Whether one type that fits into another still has numbers that the other refuses as out of its range."""
    actual_range, wanted_range = _range_of(actual), _range_of(wanted)
    if actual_range is None or wanted_range is None:
        return False
    return actual_range[0] < wanted_range[0] or actual_range[1] > wanted_range[1]


def explain_mismatch(actual: str, wanted: str) -> str:
    """Why a type does not fit, and what to do about it, in one clause."""
    said = f"is {actual}, the contract says {wanted}"
    if wanted == "TIMESTAMP WITH TIME ZONE" and actual in _NAIVE_TIMESTAMPS:
        return f"{said}: say which zone its values are in, such as timezone('UTC', value)"
    if actual in ("DOUBLE", "FLOAT") and (_DECIMAL.fullmatch(wanted) or wanted in INTEGERS):
        return f"{said}: round and cast it where it is computed"
    return f"{said}: cast it where it is computed"


def _range_of(name: str) -> tuple[int, int] | None:
    """The whole numbers that an exact numeric type holds; None for every other type."""
    if decimal := _DECIMAL.fullmatch(name):
        limit = 10 ** (int(decimal[1]) - int(decimal[2])) - 1
        return -limit, limit
    if name in _BITS:
        return -(2 ** (_BITS[name] - 1)), 2 ** (_BITS[name] - 1) - 1
    return (0, 2 ** _BITS[name[1:]] - 1) if name in INTEGERS else None


def _normalise(physical_type: str) -> str:
    name = " ".join(physical_type.strip().upper().split())
    name = re.sub(r"\s*([(),])\s*", r"\1", name)
    name = re.sub(r"^NUMERIC\b", "DECIMAL", name)
    name = re.sub(r"^(VARCHAR|CHAR|STRING|TEXT)\(", "VARCHAR(", name)
    if name.endswith("[]"):
        return _normalise(name[:-2]) + "[]"
    return _ALIASES.get(name, name)


def _belongs(name: str, logical_type: str) -> bool:
    if logical_type == "array":
        return name.endswith("[]") and any(_belongs(name[:-2], kind) for kind in _CATEGORIES if kind != "object")
    if logical_type == "number" and (decimal := _DECIMAL.fullmatch(name)):
        precision, scale = int(decimal[1]), int(decimal[2])
        return 1 <= precision <= 38 and scale <= precision
    return name in _CATEGORIES[logical_type]
