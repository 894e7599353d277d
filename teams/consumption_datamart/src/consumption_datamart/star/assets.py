"""Group `star`: the tables over the pure functions beside this module.

A run without a partition makes the days that are due: new ones, and those that a restated day reaches. A run of days makes these,
whole; a full refresh makes all. In each case it is one run, and each table one commit, which replaces these days and no other.
"""

from typing import Any

import dagster as dg
import ibis
import pyarrow as pa

from consumption_datamart.star import activity, calendar, consumption, dimensions, entitlement, risk, usage
from consumption_datamart.star.days import (
    TERMS,
    as_keys,
    as_pairs,
    as_table,
    changed_line_days,
    days_to_make,
    registers_of,
    restated_days,
)
from consumption_datamart.star.rows import of_days
from consumption_datamart.windows import BEFORE_ACTIVE, DAYS, SAME_DAY, TEAM
from headgate import Partitions, asset, is_full_refresh
from headgate.orchestration.tables import read_table

SOURCES = {"cloud_deployment_heartbeats": SAME_DAY, "invoice_order_lines": SAME_DAY}
DAILY: dict[str, Any] = {
    "group_name": "star",
    "partitions_def": DAYS,
    "backfill_policy": dg.BackfillPolicy.single_run(),
}


def _before(days: int) -> dg.TimeWindowPartitionMapping:
    """A day is made of so many days before it and itself."""
    return dg.TimeWindowPartitionMapping(start_offset=-days, allow_nonexistent_upstream_partitions=True)


def _input(table: str, days: int) -> dg.AssetIn:
    return dg.AssetIn(key=dg.AssetKey([TEAM, table]), partition_mapping=_before(days))


@asset(group_name="star", automation="missing_or_changed")
def dim_day() -> pa.Table:
    """The calendar: what each day is. Grain is one row a day."""
    return calendar.make_calendar()


def _dimension(context: dg.AssetExecutionContext, table: str, register: str, rows: ibis.Table, key: str) -> Partitions:
    days = days_to_make(context, table, {register: SAME_DAY, **SOURCES})
    chosen = registers_of(context.resources.lake.session, register, days)
    near = of_days(rows, list(chosen.values()))
    return Partitions(dimensions.attributes_by_day(near, as_pairs(chosen), key), as_keys(days))


@asset(**DAILY, deps=[*SOURCES])
def dim_customer_daily(context: dg.AssetExecutionContext, customer_register: ibis.Table) -> Partitions:
    """Customers with the attributes that were true on a day. Grain is one row a day and customer."""
    return _dimension(context, "dim_customer_daily", "customer_register", customer_register, "customer_id")


@asset(**DAILY, deps=[*SOURCES])
def dim_product_daily(context: dg.AssetExecutionContext, sku_register: ibis.Table) -> Partitions:
    """The price list as it was on a day. Grain is one row a day and SKU."""
    return _dimension(context, "dim_product_daily", "sku_register", sku_register, "sku")


@asset(**DAILY, deps=[*SOURCES])
def dim_deployment_daily(context: dg.AssetExecutionContext, deployment_register: ibis.Table) -> Partitions:
    """Deployments with the attributes that were true on a day. Grain is one row a day and deployment."""
    return _dimension(context, "dim_deployment_daily", "deployment_register", deployment_register, "deployment_id")


@asset(**DAILY, deps=["dim_customer_daily", "dim_deployment_daily"])
def fact_usage_daily(context: dg.AssetExecutionContext, cloud_deployment_heartbeats: ibis.Table) -> Partitions:
    """vCPU and memory that a deployment used on a day. Grain is one row a day and deployment with clean heartbeats."""
    days = days_to_make(context, "fact_usage_daily", {"cloud_deployment_heartbeats": SAME_DAY})
    return Partitions(usage.usage_by_day(of_days(cloud_deployment_heartbeats, days)), as_keys(days))


@asset(group_name="star")
def subscription_terms(context: dg.AssetExecutionContext, invoice_order_lines: ibis.Table) -> ibis.Table:
    """What each invoice line entitles to, and from when to when. Grain is one row a line beyond doubt.

    One small table of all lines. Only the days whose lines were published since it was made are read; their terms replace the
    former ones of these days, and what ends what is found anew.
    """
    session = context.resources.lake.session
    days = None if is_full_refresh(context) else changed_line_days(session)
    if days is None:
        return entitlement.end_terms(entitlement.read_terms(invoice_order_lines))
    fresh = entitlement.read_terms(of_days(invoice_order_lines, days))
    former = read_table(session, TERMS, ibis.Table)
    kept = former.filter(former.invoiced_on.notin(days)) if days else former
    # In memory, because the gate empties the table before it writes; by Arrow, which minds no column that is never null in one.
    parts = [kept.select(*fresh.columns).to_pyarrow(), fresh.to_pyarrow()]
    return entitlement.end_terms(ibis.memtable(pa.concat_tables(parts, promote_options="permissive")))


@asset(**DAILY, deps=[*SOURCES])
def fact_entitlement_daily(context: dg.AssetExecutionContext, subscription_terms: ibis.Table) -> Partitions:
    """vCPU that a customer may use of a product on a day. Grain is one row a day, customer and product.

    A line that arrives late, or is mended, restates the days whose entitlement it changes.
    """
    table = "fact_entitlement_daily"
    days = days_to_make(context, table, SOURCES)
    if not context.has_partition_key and not context.has_partition_key_range:
        lake = context.resources.lake
        days = sorted({*days, *restated_days(lake.session, table, lake.input_snapshots[TERMS])})
    return Partitions(entitlement.entitlement_by_day(subscription_terms, as_table(days)), as_keys(days))


@asset(**DAILY, deps=["dim_customer_daily"])
def consumption_daily(
    context: dg.AssetExecutionContext,
    fact_usage_daily: ibis.Table,
    fact_entitlement_daily: ibis.Table,
    cloud_deployment_heartbeats: ibis.Table,
) -> Partitions:
    """How much of what customers may use they do use: used ÷ entitled. Grain is one row a day, customer and product."""
    inputs = ("fact_usage_daily", "fact_entitlement_daily", "cloud_deployment_heartbeats")
    days = days_to_make(context, "consumption_daily", dict.fromkeys(inputs, SAME_DAY))
    doubtful = usage.doubtful_by_customer(of_days(cloud_deployment_heartbeats, days))
    rows = consumption.consumption_by_day(
        of_days(fact_usage_daily, days), of_days(fact_entitlement_daily, days), doubtful
    )
    return Partitions(rows, as_keys(days))


@asset(**DAILY, ins={"fact_usage_daily": _input("fact_usage_daily", BEFORE_ACTIVE)})
def report_active_customers_by_product_daily(
    context: dg.AssetExecutionContext,
    dim_product_daily: ibis.Table,
    fact_usage_daily: ibis.Table,
    fact_entitlement_daily: ibis.Table,
    cloud_deployment_heartbeats: ibis.Table,
) -> Partitions:
    """Customers who used a product in the 30 days that end with a day. Grain is one row a day and product."""
    others = ("dim_product_daily", "fact_entitlement_daily", "cloud_deployment_heartbeats")
    inputs = {"fact_usage_daily": BEFORE_ACTIVE, **dict.fromkeys(others, SAME_DAY)}
    days = days_to_make(context, "report_active_customers_by_product_daily", inputs)
    rows = activity.activity_by_day(
        of_days(dim_product_daily, days),
        of_days(fact_usage_daily, days, back=BEFORE_ACTIVE),
        of_days(fact_entitlement_daily, days),
        usage.doubtful_by_customer(of_days(cloud_deployment_heartbeats, days)),
        as_table(days),
    )
    return Partitions(rows, as_keys(days))


@asset(**DAILY, ins={"consumption_daily": _input("consumption_daily", risk.WINDOW_DAYS - 1)})
def renewal_risk(context: dg.AssetExecutionContext, consumption_daily: ibis.Table) -> Partitions:
    """Where a customer's consumption goes until the subscription ends. Grain is one row a day, customer and product."""
    back = risk.WINDOW_DAYS - 1
    days = days_to_make(context, "renewal_risk", {"consumption_daily": back})
    return Partitions(risk.risk_by_day(of_days(consumption_daily, days, back=back), as_table(days)), as_keys(days))
