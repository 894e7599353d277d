"""Names and values as SQL that DuckDB reads."""

from datetime import UTC, date, datetime, time


def quote_name(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def write_literal(value: object, sql_type: str) -> str:
    """A value of a contract as an SQL literal that compares with a column of `sql_type`.

    Numbers stay exactly as written, so a DECIMAL is compared with a DECIMAL. A timestamp without an offset is UTC.

    Raises:
        ValueError: the value is none of that type; the message says what was expected.
    """
    if isinstance(value, bool) or sql_type == "BOOLEAN":
        if not (isinstance(value, bool) and sql_type == "BOOLEAN"):
            raise ValueError(f"{value!r} is not a value of {sql_type}")
        return "true" if value else "false"
    if isinstance(value, int | float):
        if sql_type in ("VARCHAR", "UUID", "JSON", "DATE", "TIME") or sql_type.startswith("TIMESTAMP"):
            raise ValueError(f"{value!r} is a number, and the column is {sql_type}: put it in quotes")
        return repr(value)
    text = str(value)
    if sql_type == "DATE":
        return f"date '{date.fromisoformat(text).isoformat()}'"
    if sql_type == "TIME":
        return f"time '{time.fromisoformat(text).isoformat()}'"
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        moment = datetime.fromisoformat(text)
        return f"timestamptz '{moment if moment.tzinfo else moment.replace(tzinfo=UTC)}'"
    if sql_type == "TIMESTAMP":
        return f"timestamp '{datetime.fromisoformat(text)}'"
    if sql_type in ("VARCHAR", "UUID"):
        return quote_text(text)
    raise ValueError(f"{text!r} is text, and the column is {sql_type}")
