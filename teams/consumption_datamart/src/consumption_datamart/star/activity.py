"""`report_active_customers_by_product_daily`: who used a product in the 30 days that end with a day."""

import ibis
import ibis.expr.types as ir

from consumption_datamart.star.rows import days_after

ACTIVE_DAYS = 30
"""A customer is active on a day who used something on it or on one of the 29 before: 30 days in all."""


def activity_by_day(
    products: ir.Table, usage: ir.Table, entitlement: ir.Table, doubtful: ir.Table, days: ir.Table
) -> ir.Table:
    """A row a day and product.

    Args:
        products: `dim_product_daily` of the days: it says which products there are, also those that nobody used.
        usage: `fact_usage_daily` of the days and the 29 before each.
        entitlement: `fact_entitlement_daily` of the days.
        doubtful: `usage.doubtful_by_customer` of the days.
        days: `day`, distinct.

    Returns:
        The columns of `report_active_customers_by_product_daily`.
    """
    keys = ["day", "product"]
    spine = products.filter(products.product.notnull()).select(*keys).distinct().semi_join(days, "day")
    on_day = usage.semi_join(days, "day")
    used = on_day.group_by(keys).agg(
        customers_using=on_day.customer_id.nunique(where=on_day.used_vcpu > 0),
        used_vcpu=on_day.used_vcpu.sum(),
        heartbeats=on_day.heartbeats.sum(),
    )
    rights = entitlement.group_by(keys).agg(
        entitled_customers=entitlement.count(), entitled_vcpu=entitlement.entitled_vcpu.sum()
    )
    doubts = doubtful.group_by(keys).agg(doubtful_heartbeats=doubtful.doubtful_heartbeats.sum())
    found = spine
    for part in (count_active(usage, days), used, rights, doubts):
        found = found.left_join(part, keys).drop("day_right", "product_right")
    return found.select(
        *keys,
        active_customers=found.active_customers.fill_null(0),
        customers_using=found.customers_using.fill_null(0),
        entitled_customers=found.entitled_customers.fill_null(0),
        used_vcpu=found.used_vcpu.fill_null(0.0),
        entitled_vcpu=found.entitled_vcpu.cast("decimal(18, 3)").fill_null(ibis.literal(0, type="decimal(18, 3)")),
        heartbeats=found.heartbeats.cast("int64").fill_null(0),
        doubtful_heartbeats=found.doubtful_heartbeats.cast("int64").fill_null(0),
    )


def count_active(usage: ir.Table, days: ir.Table) -> ir.Table:
    """`day`, `product`, `active_customers`: distinct customers with any usage on the day or the 29 days before.

    Each day of use makes its customer active up to the day before the next use, 29 days later at most: then no customer is
    there twice on a day. A product's customers on a day are those who came by then, less those who went.
    """
    anything = usage.filter(usage.used_vcpu > 0).select("day", "customer_id", "product").distinct()
    following = anything.day.lead().over(ibis.window(group_by=["customer_id", "product"], order_by="day"))
    used = anything.select("product", since=anything.day, next_use=following)
    lapse = days_after(used.since, ACTIVE_DAYS)
    spans = used.select("product", "since", until=ibis.ifelse(used.next_use < lapse, used.next_use, lapse))
    asked = days.select("day").cross_join(anything.select("product").distinct())
    parts = (_change(spans, spans.since, 1), _change(spans, spans.until, -1), _change(asked, asked.day, 0))
    changes = ibis.union(*parts).group_by("product", "day").agg(change=lambda t: t.change.sum())
    so_far = ibis.cumulative_window(group_by="product", order_by="day")
    counted = changes.select("product", "day", active_customers=changes.change.sum().over(so_far))
    return counted.filter(counted.active_customers > 0).semi_join(days, "day")


def _change(rows: ir.Table, day: ir.DateValue, customers: int) -> ir.Table:
    """By how many customers each row changes its product's on a day; columns may be null in any, so that they are alike."""
    columns = {"product": rows.product.cast("string"), "day": day.cast("date")}
    return rows.select(**columns, change=ibis.literal(customers, type="int64"))
