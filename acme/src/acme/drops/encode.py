"""The files as bytes: CSV of the invoice system in two layouts, JSON Lines of Product X, Parquet of Product Y.

Whole columns at a time: a million heartbeats take about two seconds. What is not here: putting them anywhere (`lake`).
"""

import csv
import io
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acme.drops.subscriptions import Line
from acme.drops.telemetry import Beats, hourly_offsets
from acme.drops.world import REGIONS
from acme.source import day_date, money
from acme.world import SECONDS_PER_DAY

LAYOUTS = {
    1: (
        "invoice_id", "line", "order_date", "customer_id", "sku", "product", "line_type", "quantity", "term_months",
        "start_date", "amount", "replaces",
    ),
    2: (
        "invoice_id", "line_number", "account_id", "order_date", "line_type", "replaces", "subscription_sku", "product",
        "start_date", "term_months", "quantity", "net_amount", "currency", "sales_channel",
    ),
}  # fmt: skip
"""The columns of an invoices' dump."""

_RENAMED = {"line_number": "line", "account_id": "customer_id", "subscription_sku": "sku", "net_amount": "amount"}
_MILLI = pa.array([f".{number:03d}" for number in range(1_000)])
_SIGN = pa.array(["", "-"])


def encode_lines(lines: Iterable[Line], layout: int) -> bytes:
    """A dump as UTF-8 CSV with a header; days as 2026-11-21, amounts with two decimals."""
    rows = []
    for line in lines:
        value = {
            "invoice_id": line.invoice,
            "line": line.number,
            "order_date": day_date(line.order_day).isoformat(),
            "customer_id": line.customer,
            "sku": line.sku,
            "product": line.product,
            "line_type": line.line_type,
            "quantity": line.quantity,
            "term_months": "" if line.term_months is None else line.term_months,
            "start_date": day_date(line.start).isoformat(),
            "amount": money(line.amount_cents),
            "replaces": line.replaces,
            "currency": "USD",
            "sales_channel": "partner" if line.quantity % 3 == 0 else "direct",
        }
        rows.append([value[_RENAMED.get(name, name)] for name in LAYOUTS[layout]])
    return encode_csv(LAYOUTS[layout], rows)


def encode_csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode()


def encode_x(beats: Beats) -> bytes:
    """Product X: ts (epoch milliseconds), customer, deployment, cloud, region, vcpu (vCPU), memory_gb (10^9 bytes)."""
    if not len(beats):
        return b""
    middles = [
        f',"customer":"{one.customer}","deployment":"{one.deployment}","cloud":"{REGIONS[one.place].cloud}",'
        f'"region":"{REGIONS[one.place].region}","vcpu":'
        for one in beats.senders
    ]
    lines = pc.binary_join_element_wise(
        '{"ts":',
        pc.cast(pa.array(beats.ts_ms), pa.string()),
        pc.take(pa.array(middles, pa.string()), pa.array(beats.sender)),
        *_thousandths(beats.vcpu_milli),
        ',"memory_gb":',
        *_thousandths(beats.memory_mb),
        "}\n",
        "",
    )
    # The values of a text column lie one after the other: that is the file.
    return pc.fill_null(lines, "").buffers()[2].to_pybytes()


def encode_y(beats: Beats, day: int) -> bytes:
    """Product Y: event_time (ISO 8601, local with offset), customer_id, deployment_id, provider, region,
    cpu_millicores (thousandths of a vCPU), memory_bytes."""
    places = np.array([one.place for one in beats.senders] or [0], np.int64)[beats.sender]
    offsets = np.array([hourly_offsets(day, place) for place in range(len(REGIONS))])
    seconds, millis = np.divmod(beats.ts_ms, 1_000)
    offset = offsets[places, seconds % SECONDS_PER_DAY // 3_600]
    known, position = np.unique(offset, return_inverse=True)
    texts = [f"{'-' if s < 0 else '+'}{abs(s) // 3_600:02d}:{abs(s) % 3_600 // 60:02d}" for s in known.tolist()]
    zones = pa.array(texts, pa.string())
    moments = np.datetime_as_string((seconds + offset).astype("datetime64[s]"), unit="s")
    times = pc.binary_join_element_wise(
        pa.array(moments, pa.string()), pc.take(_MILLI, pa.array(millis)), pc.take(zones, pa.array(position)), ""
    )

    def column(values: list[str]) -> pa.Array:
        return pc.take(pa.array(values, pa.string()), pa.array(beats.sender))

    table = pa.table(
        {
            "event_time": times,
            "customer_id": column([one.customer for one in beats.senders]),
            "deployment_id": column([one.deployment for one in beats.senders]),
            "provider": column([REGIONS[one.place].cloud for one in beats.senders]),
            "region": column([REGIONS[one.place].region for one in beats.senders]),
            "cpu_millicores": pa.array(beats.vcpu_milli),
            "memory_bytes": pa.array(beats.memory_mb * 1_000_000),
        }
    )
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="zstd")
    return bytes(file.getvalue().to_pybytes())


def _thousandths(values: np.ndarray) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Text with three decimals, exactly, in three parts: sign, whole, decimals."""
    whole, part = np.divmod(np.abs(values), 1_000)
    return (
        pc.take(_SIGN, pa.array((values < 0).astype(np.int8))),
        pc.cast(pa.array(whole), pa.string()),
        pc.take(_MILLI, pa.array(part)),
    )
