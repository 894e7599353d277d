"""`consumption_daily`: used ÷ entitled, and which kind of customer that makes.

A ratio exists only where something is entitled; usage without an entitlement is a category of its own.
"""

import ibis
import ibis.expr.types as ir

UNDER_BELOW = 0.6
"""Below this share of the entitlement a customer under-uses: most of those who buy less later were there."""
OVER_ABOVE = 1.0
"""Above it a customer uses more than was bought."""


def consumption_by_day(usage: ir.Table, entitlement: ir.Table, doubtful: ir.Table) -> ir.Table:
    """A row a day, customer and product with usage or an entitlement.

    Args:
        usage: `fact_usage_daily` of some days.
        entitlement: `fact_entitlement_daily` of the same days.
        doubtful: `usage.doubtful_by_customer` of the same days. It makes no row of its own.

    Returns:
        The columns of `consumption_daily`.
    """
    keys = ["day", "customer_id", "product"]
    used = usage.group_by(keys).agg(
        used_vcpu=usage.used_vcpu.sum(), deployments=usage.count(), heartbeats=usage.heartbeats.sum()
    )
    rights = entitlement.select(*keys, "entitled_vcpu", "next_end_on", "last_end_on")
    found = used.select(keys).union(rights.select(keys), distinct=True)
    for part in (used, rights, doubtful):
        found = found.left_join(part, keys).drop(*(f"{key}_right" for key in keys))
    counted = found.mutate(
        used_vcpu=found.used_vcpu.fill_null(0.0),
        entitled_vcpu=found.entitled_vcpu.fill_null(ibis.literal(0, type="decimal(18, 3)")),
        deployments=found.deployments.fill_null(0),
        heartbeats=found.heartbeats.cast("int64").fill_null(0),
        doubtful_heartbeats=found.doubtful_heartbeats.fill_null(0),
    )
    is_entitled = counted.entitled_vcpu > 0
    ratio = counted.used_vcpu / ibis.ifelse(is_entitled, counted.entitled_vcpu, ibis.null()).cast("float64")
    rated = counted.mutate(consumption=ratio)
    return rated.select(
        *keys,
        "used_vcpu",
        "entitled_vcpu",
        "consumption",
        category=_category(rated),
        deployments=rated.deployments,
        heartbeats=rated.heartbeats,
        doubtful_heartbeats=rated.doubtful_heartbeats,
        next_end_on=rated.next_end_on,
        last_end_on=rated.last_end_on,
    )


def _category(rated: ir.Table) -> ir.StringValue:
    return ibis.cases(
        (rated.consumption.isnull(), "no_entitlement"),
        (rated.used_vcpu == 0, "no_usage"),
        (rated.consumption < UNDER_BELOW, "under"),
        (rated.consumption > OVER_ABOVE, "over"),
        else_="on",
    )
