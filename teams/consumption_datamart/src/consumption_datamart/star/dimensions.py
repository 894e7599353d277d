"""Dimensions with their history: the attributes that were true on each day.

A register is whole each day, so history needs no keys of its own: a fact joins on its day. What does not belong here: which
registers there are (`assets`).
"""

import ibis
import ibis.expr.types as ir

ATTRIBUTES = {
    "customer_id": ("name", "segment", "country", "customer_since"),
    "sku": ("product", "is_vcpu", "list_price"),
    "deployment_id": ("customer_id", "product", "cloud", "region", "created_on", "retired_on"),
}
"""By key: what a register says of it."""


def attributes_by_day(register: ir.Table, chosen: ir.Table, key: str) -> ir.Table:
    """The attributes of each key on each day.

    Args:
        register: `day`, the key and its attributes; of the chosen days at least. Of a key that is there twice on a day the row
            stays that sorts first.
        chosen: `day`, distinct, and `registered_on`: the day whose register is true on it.
        key: one of `ATTRIBUTES`.

    Returns:
        `day`, the key, its attributes, `registered_on`.
    """
    attributes = ATTRIBUTES[key]
    keyed = register.filter(register[key].notnull())
    order = ibis.window(group_by=["day", key], order_by=[keyed[name] for name in attributes])
    numbered = keyed.mutate(_number=ibis.row_number().over(order))
    first = numbered.filter(numbered["_number"] == 0).select(key, *attributes, registered_on="day")
    return chosen.join(first, "registered_on").select("day", key, *attributes, "registered_on")
