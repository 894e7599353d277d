"""What the lake must hold, from ACME's ledger: delivery by delivery, row by row."""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
from worlds import Acme, Lake

KINDS = {
    "customer_id__invalid": "invalid_customer",
    "customer_id__unknown": "unknown_customer",
    "deployment_id__unknown": "unknown_deployment",
    "vcpu__negative": "negative_usage",
    "ts__outside_day": "clock_skew",
    "ts__nanoseconds": "nanoseconds",
    "row__repeated": "duplicate_row",
    "sku__unknown": "unknown_sku",
    "sku__not_vcpu": "not_vcpu_sku",
    "quantity__negative": "negative_quantity",
    "term_months__missing": "no_term",
}
"""Code → the ledger's kind of doubt."""

Sums = dict[tuple[str, date], tuple[Any, ...]]
Doubts = dict[tuple[str, date, str], int]


def expected_telemetry(acme: Acme) -> Sums:
    """Source and day → delivery, rows, thousandths of a vCPU, MB: of all rows."""
    return {
        key: (one["delivery"], one["rows"], one["vcpu_milli"], one["memory_mb"])
        for key, one in acme.current().items()
        if key[0].startswith("telemetry") and one["rows"]
    }


def loaded_telemetry(lake: Lake) -> Sums:
    rows = lake.query(
        """
        select
            'telemetry_' || lower(product), day, min(meta__delivery), max(meta__delivery), count(*),
            sum(cast(round(vcpu * 1000) as bigint)), sum(cast(round(memory_gb * 1000) as bigint))
        from cloud_deployment_heartbeats
        group by all
        """
    )
    assert all(first == last for _, _, first, last, *_ in rows)  # a day is of one delivery
    return {(source, day): (delivery, count, vcpu, memory) for source, day, delivery, _, count, vcpu, memory in rows}


def expected_lines(acme: Acme) -> Sums:
    return {
        key: (one["delivery"], one["rows"], one["quantity"], Decimal(one["amount"]))
        for key, one in acme.current().items()
        if key[0] == "invoices" and one["rows"]
    }


def loaded_lines(lake: Lake) -> Sums:
    rows = lake.query(
        "select day, max(meta__delivery), count(*), sum(quantity), sum(amount) from invoice_order_lines group by all"
    )
    return {("invoices", day): (delivery, count, quantity, amount) for day, delivery, count, quantity, amount in rows}


def expected_doubts(acme: Acme) -> Doubts:
    return {(*key, kind): count for key, one in acme.current().items() for kind, count in one["doubtful"].items()}


def loaded_doubts(lake: Lake) -> Doubts:
    rows = lake.query(
        """
        with rows as (
            select 'telemetry_' || lower(product) as source, day, meta__warnings from cloud_deployment_heartbeats
            union all
            select 'invoices', day, meta__warnings from invoice_order_lines
        )
        select source, day, code, count(*)
        from (select source, day, unnest(meta__warnings) as code from rows)
        group by all
        """
    )
    return {(source, day, KINDS[code]): count for source, day, code, count in rows}


def clean_usage(acme: Acme) -> dict[tuple[date, str, str], tuple[int, int]]:
    """Day, deployment, customer → clean heartbeats and the sum of their thousandths of a vCPU."""
    found = {}
    for (source, day), one in acme.current().items():
        if source.startswith("telemetry"):
            path = acme.world / "ledger" / "usage" / source / f"{day}-{one['delivery']:03d}.parquet"
            for row in pq.read_table(path).to_pylist():
                found[day, row["deployment"], row["customer"]] = (row["heartbeats"], row["vcpu_milli_sum"])
    return found


def loaded_clean_usage(lake: Lake) -> dict[tuple[date, str, str], tuple[int, int]]:
    rows = lake.query(
        """
        select day, deployment_id, customer_id, count(*), sum(cast(round(vcpu * 1000) as bigint))
        from cloud_deployment_heartbeats
        where len(meta__warnings) = 0
        group by all
        """
    )
    return {(day, deployment, customer): (count, total) for day, deployment, customer, count, total in rows}


def assert_exact(acme: Acme, lake: Lake) -> None:
    """Missing 0, doubled 0, and every doubt where it belongs."""
    assert loaded_telemetry(lake) == expected_telemetry(acme)
    assert loaded_lines(lake) == expected_lines(acme)
    assert loaded_doubts(lake) == expected_doubts(acme)
    assert loaded_clean_usage(lake) == clean_usage(acme)
