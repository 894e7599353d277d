"""The table a contract describes, as DDL: types, NOT NULL, comments, partitioning."""

from headgate.contract.literals import quote_name, quote_text
from headgate.contract.model import Contract

_TRANSFORMS = {"identity": ("{}",), "month": ("year({})", "month({})"), "year": ("year({})",)}
"""Partition transform → what DuckLake is told of the column; its `month` alone is the same in every year."""


def ddl(contract: Contract, qualified_name: str) -> list[str]:
    """The statements that create the table, in order. DuckLake's dialect.

    Args:
        contract: the contract.
        qualified_name: the table's name as SQL, quoted where needed (`analytics.order_data`).
    """
    columns = ",\n  ".join(
        f"{quote_name(column.name)} {column.sql_type}{' not null' if column.required else ''}"
        for column in contract.columns
    )
    statements = [f"create table {qualified_name} (\n  {columns}\n)"]
    if contract.partition_by:
        first, *others = (quote_name(name) for name in contract.partition_by)
        keys = [template.format(first) for template in _TRANSFORMS[contract.partition_transform]]
        statements.append(f"alter table {qualified_name} set partitioned by ({', '.join([*keys, *others])})")
    return statements + comments(contract, qualified_name)


def comments(contract: Contract, qualified_name: str) -> list[str]:
    """The statements that write the contract's descriptions onto the table and its columns."""
    return [
        f"comment on table {qualified_name} is {quote_text(contract.description)}",
        *(
            f"comment on column {qualified_name}.{quote_name(column.name)} is {quote_text(column.description)}"
            for column in contract.columns
        ),
    ]
