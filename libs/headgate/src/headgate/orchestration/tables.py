"""What an asset takes and returns: Ibis tables that stay in the engine, or frames by annotation."""

import sys
from typing import Any

import ibis

from headgate.errors import HeadgateError
from headgate.lake.session import LakeSession, quote, split_name


class TableTypeError(HeadgateError):
    """An asset asks for, or returns, something that is not a table."""


def backend_of(session: LakeSession) -> Any:
    """The Ibis backend over the session's own connection; one a session."""
    backend = getattr(session, "_ibis", None)
    if backend is None:
        backend = ibis.duckdb.from_connection(session.connection)
        session._ibis = backend  # type: ignore[attr-defined]
    return backend


def read_table(session: LakeSession, table: str, annotation: Any, *, schema: str = "main") -> Any:
    """`team.table` as the type a parameter is annotated with: Ibis (the default), pandas, Polars or Arrow."""
    zone, name = split_name(table)
    session.attach(zone)
    kind = _kind_of(annotation)
    if kind == "ibis":
        return backend_of(session).table(name, database=(zone, schema))
    relation = session.connection.sql(f"select * from {quote(zone)}.{quote(schema)}.{quote(name)}")
    if kind == "pandas":
        return relation.df()
    if kind == "polars":
        return relation.pl()
    return relation.to_arrow_table()


def rows_sql_of(session: LakeSession, value: Any, *, asset: str) -> str:
    """A SELECT for what an asset returned.

    Raises:
        TableTypeError: it is not an Ibis table, nor a pandas, Polars or Arrow frame.
    """
    if isinstance(value, ibis.Table):
        backend = backend_of(session)
        # Frames inside the expression (ibis.memtable) must be known to the connection before its SQL runs.
        backend._run_pre_execute_hooks(value)
        return str(backend.compile(value))
    module = type(value).__module__.split(".")[0]
    if module in ("pandas", "polars", "pyarrow") and type(value).__name__ in ("DataFrame", "Table", "LazyFrame"):
        frame = value.collect() if type(value).__name__ == "LazyFrame" else value
        session.connection.register("_returned", frame)
        return "select * from _returned"
    raise TableTypeError(
        f"{asset} returned {type(value).__name__}, which is no table",
        where=f"asset {asset}",
        next_step="return an Ibis table, a pandas, Polars or Arrow frame, or None when there is nothing to store",
    )


def _kind_of(annotation: Any) -> str:
    if annotation in (None, Any, ibis.Table) or annotation is ibis.Table:
        return "ibis"
    root = str(getattr(annotation, "__module__", "")).split(".")[0]
    if root in ("pandas", "polars", "pyarrow") and root in sys.modules:
        return root
    raise TableTypeError(
        f"a parameter is annotated {annotation!r}, which no table can become",
        where="the asset's signature",
        next_step="annotate it ibis.Table, pandas.DataFrame, polars.DataFrame or pyarrow.Table",
    )
