"""The layouts of the files as DuckDB reads them: columns with their types, and what becomes of each.

Nothing is guessed: a file of another layout, or a value that is not of its type, is not read at all. DuckDB's own casts guess:
they round 6.5 to an integer, and take `true` for 1 and `infinity` for a date.
"""

from dataclasses import dataclass, field

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

MILLISECONDS_BELOW = 10**14
"""From this size on, in milliseconds, it is after the year 5138: what is between the two is neither; microseconds are there."""

NUMBERS_BELOW = 10**12
"""Of vCPU, gigabytes, quantities and amounts: larger ones, infinite ones and NaN cannot be added up, as the star does."""
TERMS_UP_TO = 1_200
"""Months: longer ones end on no date that there is."""

_IS_NANOSECONDS = f"abs(ts) >= {NANOSECONDS_FROM}"
_IS_MILLISECONDS = f"abs(ts) < {MILLISECONDS_BELOW}"
_EPOCH = f"coalesce(abs(try_cast({{0}} as bigint)) not between {MILLISECONDS_BELOW} and {NANOSECONDS_FROM - 1}, false)"

_IS_OF_TYPE = {
    "DATE": r"regexp_full_match({0}, '\d{{4}}-\d\d-\d\d') and try_cast({0} as date) is not null",
    "INTEGER": r"regexp_full_match({0}, '-?\d+') and try_cast({0} as integer) is not null",
    "DECIMAL(18,2)": r"regexp_full_match({0}, '-?\d{{1,12}}(\.\d{{1,2}}0*)?')",
    "DECIMAL(18,3)": r"regexp_full_match({0}, '-?\d{{1,12}}(\.\d{{1,3}}0*)?')",
    "BOOLEAN": "{0} in ('true', 'false')",
    # Of millions of rows: no regular expression.
    "BIGINT": "not contains({0}, '.') and try_cast({0} as bigint) is not null",
    "DOUBLE": f"coalesce(abs(try_cast({{0}} as double)) < {NUMBERS_BELOW}, false)",
}
"""Type → SQL that is true for the texts that are of it."""
_WORDS = {kind: f"of type {kind} below {NUMBERS_BELOW:,}" for kind in ("DOUBLE", "DECIMAL(18,2)", "DECIMAL(18,3)")}

_MOMENT = (
    r"regexp_full_match({0}, '\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)') "
    "and try_cast({0} as timestamptz) is not null"
)
"""ISO 8601 with its offset. Without one nobody knows which moment it is."""
_TERM = {
    "term_months": (
        f"at most {TERMS_UP_TO:,} months",
        f"coalesce(abs(try_cast({{0}} as integer)) <= {TERMS_UP_TO}, true)",
    )
}


@dataclass(frozen=True)
class Layout:
    """How a file is read.

    Args:
        columns: in the file's order, with DuckDB's types.
        values: column of the lake table → SQL over the file's columns; without, every column as it is.
        given: SQL of the list of codes that only the raw value shows.
        accepted: column → what it must be beside of its type, in words and as SQL over `{0}`.
        is_text: whether the file holds texts, or values that have a type.
    """

    columns: dict[str, str]
    values: dict[str, str] | None = None
    given: str = "cast([] as varchar[])"
    accepted: dict[str, tuple[str, str]] = field(default_factory=dict)
    is_text: bool = True

    def select(self, relation: str) -> str:
        """The rows of a file; `_problem` says which value of a row is not what it must be."""
        values = self.values or {name: quote(name) for name in self.columns}
        chosen = ", ".join(f"{value} as {quote(name)}" for name, value in values.items())
        typed = ", ".join(
            f"try_cast(raw.{quote(name)} as {kind}) as {quote(name)}" for name, kind in self.columns.items()
        )
        typical = {
            name: (_WORDS.get(kind, f"of type {kind}"), _IS_OF_TYPE[kind])
            for name, kind in self.columns.items()
            if kind in _IS_OF_TYPE
        }
        demands = [*(typical.items() if self.is_text else ()), *self.accepted.items()]
        problems = " ".join(
            f"when raw.{quote(name)} is not null and not ({sql.format(f'raw.{quote(name)}')}) "
            f"then concat({quote_literal(f'{name} is not {words}: ')}, left(cast(raw.{quote(name)} as varchar), 50))"
            for name, (words, sql) in demands
        )
        return (
            f"select {chosen}, {self.given} as _given, _problem "
            f"from (select {typed}, case {problems} end as _problem from {relation} as raw)"
        )


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
        Layout(_OLD_INVOICES, {name: _OLD_NAMES.get(name, name) for name in _LINE}, accepted=_TERM),
        Layout(_NEW_INVOICES, {name: _NEW_NAMES.get(name, name) for name in _LINE}, accepted=_TERM),
    ),
    "customers": (Layout(_CUSTOMERS),),
    "skus": (Layout(_SKUS),),
    "deployments": (Layout(_DEPLOYMENTS),),
}
"""Stem → the layouts that its files may have, told apart by their headers."""

X = Layout(
    _X,
    {
        "ts": f"make_timestamptz(case when {_IS_NANOSECONDS} then ts // 1000 when {_IS_MILLISECONDS} then ts * 1000 end)",
        "product": "'X'",
        "customer_id": "customer",
        "deployment_id": "deployment",
        "cloud": "cloud",
        "region": "region",
        "vcpu": "vcpu",
        "memory_gb": "memory_gb",
    },
    given=f"case when {_IS_NANOSECONDS} then ['ts__nanoseconds'] else cast([] as varchar[]) end",
    accepted={"ts": ("in milliseconds or nanoseconds", _EPOCH)},
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
        "ts": "try_cast(event_time as timestamptz)",
        "product": "'Y'",
        "customer_id": "customer_id",
        "deployment_id": "deployment_id",
        "cloud": "provider",
        "region": "region",
        "vcpu": "cpu_millicores / 1e3",
        "memory_gb": "memory_bytes / 1e9",
    },
    accepted={
        "event_time": ("an ISO time with its offset", _MOMENT),
        "cpu_millicores": (f"below {NUMBERS_BELOW:,} vCPU", f"abs({{0}} / 1e3) < {NUMBERS_BELOW}"),
    },
    is_text=False,
)
"""An ISO time with its offset is a moment; 1,000 millicores are a vCPU."""


def read_csv_sql(path: str, layout: Layout) -> str:
    return (
        f"read_csv({quote_literal(path)}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {_texts(layout)}, strict_mode = true, null_padding = false, ignore_errors = false)"
    )


def read_json_sql(path: str, layout: Layout) -> str:
    return f"read_json({quote_literal(path)}, format = 'newline_delimited', columns = {_texts(layout)}, ignore_errors = false)"


def sniff_json_sql(path: str) -> str:
    """A column for each key of the first 20,480 lines; `json` where they are no objects."""
    return (
        f"read_json({quote_literal(path)}, format = 'newline_delimited', maximum_depth = 1, sample_size = 20480, "
        "hive_partitioning = false)"
    )


def read_parquet_sql(path: str) -> str:
    """Without what the names of the folders above might say."""
    return f"read_parquet({quote_literal(path)}, hive_partitioning = false)"


def _texts(layout: Layout) -> str:
    return "{" + ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in layout.columns) + "}"
