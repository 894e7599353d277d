"""`fact_usage_daily`: what each deployment used on a day; and how many heartbeats were too doubtful to count."""

import ibis
import ibis.expr.types as ir

from consumption_datamart.star.rows import is_clean


def usage_by_day(heartbeats: ir.Table) -> ir.Table:
    """The mean of a deployment's heartbeats of a day.

    vCPU and memory come with three decimals. They are added up as whole thousandths, so the result is the same in whatever order
    the rows are read.

    Args:
        heartbeats: of some days: `day`, `customer_id`, `deployment_id`, `product`, `vcpu`, `memory_gb` (10^9 bytes),
            `meta__warnings`.

    Returns:
        A row a day and deployment with a heartbeat beyond doubt: `day`, `deployment_id`, `customer_id`, `product`, `used_vcpu`,
        `peak_vcpu`, `used_memory_gb`, `heartbeats`, `doubtful_heartbeats` (that name the same customer).
    """
    beats = heartbeats.select(
        "day",
        "deployment_id",
        "customer_id",
        "product",
        "vcpu",
        _clean=is_clean(heartbeats),
        _vcpu=(heartbeats.vcpu * 1_000).round().cast("int64"),
        _memory=(heartbeats.memory_gb * 1_000).round().cast("int64"),
    )
    clean = beats["_clean"]
    counted = beats.group_by("day", "deployment_id", "customer_id", "product").agg(
        heartbeats=beats.count(where=clean),
        doubtful_heartbeats=beats.count(where=~clean),
        peak_vcpu=beats.vcpu.max(where=clean),
        _vcpu=beats["_vcpu"].sum(where=clean),
        _memory=beats["_memory"].sum(where=clean),
    )
    counted = counted.filter(counted.heartbeats > 0)
    return counted.select(
        "day",
        "deployment_id",
        "customer_id",
        "product",
        used_vcpu=counted["_vcpu"].cast("float64") / counted.heartbeats / 1_000,
        peak_vcpu=counted.peak_vcpu,
        used_memory_gb=counted["_memory"].cast("float64") / counted.heartbeats / 1_000,
        heartbeats=counted.heartbeats,
        doubtful_heartbeats=counted.doubtful_heartbeats,
    )


def doubtful_by_customer(heartbeats: ir.Table) -> ir.Table:
    """Doubtful heartbeats by `day`, `customer_id` (as the row has it, null too) and `product`: `doubtful_heartbeats`."""
    doubtful = heartbeats.filter(~is_clean(heartbeats))
    return doubtful.group_by("day", "customer_id", "product").agg(doubtful_heartbeats=ibis._.count())
