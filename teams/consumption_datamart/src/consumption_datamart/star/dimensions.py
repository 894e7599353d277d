"""Dimensions with their history: the attributes that were true on each day, and the same as intervals.

A register is whole each day, so history needs no keys of its own: a fact joins on its day. What does not belong here: which
registers there are (`assets`).
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from consumption_datamart.star.rows import days_after

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


def validity_intervals(daily: ir.Table, key: str) -> ir.Table:
    """A dimension by day as a slowly changing one: an interval for each time that the attributes were the same.

    Args:
        daily: what `attributes_by_day` made, of whatever days.
        key: one of `ATTRIBUTES`.

    Returns:
        The key, its attributes, `valid_from` (first day), `valid_until` (first day on which it is no longer so: because of other
        attributes, or because the key is gone), null while it is true on the newest day of all.
    """
    attributes: Sequence[str] = ATTRIBUTES[key]
    same = ibis.window(group_by=[key, *attributes], order_by="day")
    numbered = daily.mutate(_number=ibis.row_number().over(same), _newest=daily.day.max().over(ibis.window()))
    # Days in a row less their number are one and the same day: an island.
    island = numbered.day.delta(ibis.date("1970-01-01"), unit="day") - numbered["_number"]
    islands = numbered.mutate(_island=island)
    grouped = islands.group_by(key, *attributes, "_island").agg(
        valid_from=islands.day.min(), _last=islands.day.max(), _newest=islands["_newest"].max()
    )
    until = ibis.ifelse(
        grouped["_last"] < grouped["_newest"],
        days_after(grouped["_last"], 1),
        ibis.null("date"),
    )
    return grouped.mutate(valid_until=until).select(key, *attributes, "valid_from", "valid_until")
