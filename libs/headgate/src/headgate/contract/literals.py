"""Names and values as SQL that DuckDB reads."""

from datetime import UTC, date, datetime, time


def quote_name(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def read_value(value: object, sql_type: str) -> object:
    """A value that a contract writes, as the Python value that a column of `sql_type` would hold.

    Numbers stay as written. A timestamp without an offset is UTC.

    Raises:
        ValueError: the value is none of that type; the message says so.
    """
    if isinstance(value, bool) or sql_type == "BOOLEAN":
        if isinstance(value, bool) and sql_type == "BOOLEAN":
            return value
        raise ValueError(f"{value!r} is not a value of {sql_type}")
    is_textual = sql_type in ("VARCHAR", "UUID", "DATE", "TIME") or sql_type.startswith("TIMESTAMP")
    if isinstance(value, int | float):
        if is_textual:
            raise ValueError(f"{value!r} is a number, and the column is {sql_type}: put it in quotes")
        return value
    if not isinstance(value, str) or not is_textual:
        raise ValueError(f"{value!r} is not a value of {sql_type}")
    try:
        match sql_type:
            case "DATE":
                return date.fromisoformat(value)
            case "TIME":
                return time.fromisoformat(value)
            case "TIMESTAMP":
                return datetime.fromisoformat(value).replace(tzinfo=None)
            case "TIMESTAMP WITH TIME ZONE":
                moment = datetime.fromisoformat(value)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{value!r} is not a {sql_type} in the form of ISO 8601") from None
    return value


def write_literal(value: object) -> str:
    """A value from `read_value` as an SQL literal. A number stays as written: a DECIMAL is compared with a DECIMAL."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case datetime() if value.tzinfo is not None:
            return f"timestamptz '{value.isoformat(' ')}'"
        case datetime():
            return f"timestamp '{value.isoformat(' ')}'"
        case date():
            return f"date '{value.isoformat()}'"
        case time():
            return f"time '{value.isoformat()}'"
    return quote_text(str(value))
