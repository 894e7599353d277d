"""Codes of warnings that an asset gives its rows itself, where a contract's SQL cannot say what is doubtful."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headgate.contract import WARNINGS_COLUMN

if TYPE_CHECKING:
    import ibis


def add_warnings(
    table: "ibis.Table", warnings: Mapping[str, "ibis.expr.types.BooleanValue | ibis.Deferred"]
) -> "ibis.Table":
    """The table with a code in `meta__warnings` for each condition that is true for the row; no row goes.

    Codes that the rows bring with them stay. A condition that is null is not true.

    Args:
        table: any table, with the column `meta__warnings` or without.
        warnings: code → condition over the table's columns, such as `{"sku__not_vcpu": ~_.sku.startswith("VCPU")}`.

    Returns:
        The same rows and columns, `meta__warnings` last when it was not there.
    """
    import ibis

    nothing = ibis.literal([], type="array<string>")
    codes = table[WARNINGS_COLUMN].fill_null(nothing) if WARNINGS_COLUMN in table.columns else nothing
    for code, condition in warnings.items():
        bound = table.bind(condition)[0]
        codes = codes.concat(ibis.ifelse(bound, ibis.literal([code], type="array<string>"), nothing))
    return table.mutate(**{WARNINGS_COLUMN: codes})
