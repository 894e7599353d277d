"""The layouts of the files as DuckDB reads them: columns with their types, and what becomes of each.

Nothing is guessed: a file of another layout, or a value that is not of its type, is not read at all.
"""

from dataclasses import dataclass

from headgate.lake.session import quote, quote_literal

_OLD_INVOICES = {
    "invoice_id": "VARCHAR",
    "line": "INTEGER",
    "order_date": "DATE",
    "customer_id": "VARCHAR",
    "sku": "VARCHAR",
    "product": "VARCHAR",
    "line_type": "VARCHAR",
    "quantity": "DECIMAL(18,3)",
    "term_months": "INTEGER",
    "start_date": "DATE",
    "amount": "DECIMAL(18,2)",
    "replaces": "VARCHAR",
}
_NEW_INVOICES = {
    "invoice_id": "VARCHAR",
    "line_number": "INTEGER",
    "account_id": "VARCHAR",
    "order_date": "DATE",
    "line_type": "VARCHAR",
    "replaces": "VARCHAR",
    "subscription_sku": "VARCHAR",
    "product": "VARCHAR",
    "start_date": "DATE",
    "term_months": "INTEGER",
    "quantity": "DECIMAL(18,3)",
    "net_amount": "DECIMAL(18,2)",
    "currency": "VARCHAR",
    "sales_channel": "VARCHAR",
}
_CUSTOMERS = {
    "customer_id": "VARCHAR",
    "name": "VARCHAR",
    "segment": "VARCHAR",
    "country": "VARCHAR",
    "customer_since": "DATE",
}
_SKUS = {"sku": "VARCHAR", "product": "VARCHAR", "is_vcpu": "BOOLEAN", "list_price": "DECIMAL(18,2)"}
_DEPLOYMENTS = {
    "deployment_id": "VARCHAR",
    "customer_id": "VARCHAR",
    "product": "VARCHAR",
    "cloud": "VARCHAR",
    "region": "VARCHAR",
    "created_on": "DATE",
    "retired_on": "DATE",
}
_X = {
    "ts": "BIGINT",
    "customer": "VARCHAR",
    "deployment": "VARCHAR",
    "cloud": "VARCHAR",
    "region": "VARCHAR",
    "vcpu": "DOUBLE",
    "memory_gb": "DOUBLE",
}

NANOSECONDS_FROM = 10**17
"""An epoch of this size is in nanoseconds (since 1973): in milliseconds it would be three million years ahead."""

_IS_NANOSECONDS = f"abs(ts) >= {NANOSECONDS_FROM}"


@dataclass(frozen=True)
class Layout:
    """How a file is read.

    Args:
        columns: of a text file, in the file's order, with DuckDB's types.
        values: column of the lake table → SQL over the file's columns; without, every column as it is.
        given: SQL of the list of codes that only the raw value shows.
    """

    columns: dict[str, str]
    values: dict[str, str] | None = None
    given: str = "cast([] as varchar[])"

    def select(self, relation: str) -> str:
        values = self.values or {name: quote(name) for name in self.columns}
        chosen = ", ".join(f"{value} as {quote(name)}" for name, value in values.items())
        return f"select {chosen}, {self.given} as _given from {relation}"


_LINE = (
    "invoice_id",
    "line_number",
    "order_date",
    "customer_id",
    "sku",
    "product",
    "line_type",
    "quantity",
    "term_months",
    "start_date",
    "amount",
    "currency",
    "sales_channel",
    "replaces",
)
_OLD_NAMES = {"line_number": "line", "currency": "'USD'", "sales_channel": "cast(null as varchar)"}
_NEW_NAMES = {"customer_id": "account_id", "sku": "subscription_sku", "amount": "net_amount"}

CSV = {
    "invoice_order_lines": (
        Layout(_OLD_INVOICES, {name: _OLD_NAMES.get(name, name) for name in _LINE}),
        Layout(_NEW_INVOICES, {name: _NEW_NAMES.get(name, name) for name in _LINE}),
    ),
    "customers": (Layout(_CUSTOMERS),),
    "skus": (Layout(_SKUS),),
    "deployments": (Layout(_DEPLOYMENTS),),
}
"""Stem → the layouts that its files may have, told apart by their headers."""

X = Layout(
    _X,
    {
        "ts": f"make_timestamptz(case when {_IS_NANOSECONDS} then ts // 1000 else ts * 1000 end)",
        "product": "'X'",
        "customer_id": "customer",
        "deployment_id": "deployment",
        "cloud": "cloud",
        "region": "region",
        "vcpu": "vcpu",
        "memory_gb": "memory_gb",
    },
    given=f"case when {_IS_NANOSECONDS} then ['ts__nanoseconds'] else cast([] as varchar[]) end",
)
Y = Layout(
    {
        "event_time": "VARCHAR",
        "customer_id": "VARCHAR",
        "deployment_id": "VARCHAR",
        "provider": "VARCHAR",
        "region": "VARCHAR",
        "cpu_millicores": "BIGINT",
        "memory_bytes": "BIGINT",
    },
    {
        "ts": "cast(event_time as timestamptz)",
        "product": "'Y'",
        "customer_id": "customer_id",
        "deployment_id": "deployment_id",
        "cloud": "provider",
        "region": "region",
        "vcpu": "cpu_millicores / 1e3",
        "memory_gb": "memory_bytes / 1e9",
    },
)
"""An ISO time with its offset is a moment; 1,000 millicores are a vCPU."""


def read_csv_sql(path: str, layout: Layout) -> str:
    return (
        f"read_csv({quote_literal(path)}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {_struct(layout.columns)}, strict_mode = true, null_padding = false, ignore_errors = false)"
    )


def read_json_sql(path: str, layout: Layout) -> str:
    return (
        f"read_json({quote_literal(path)}, format = 'newline_delimited', columns = {_struct(layout.columns)}, "
        "ignore_errors = false)"
    )


def _struct(columns: dict[str, str]) -> str:
    return "{" + ", ".join(f"{quote_literal(name)}: {quote_literal(kind)}" for name, kind in columns.items()) + "}"
