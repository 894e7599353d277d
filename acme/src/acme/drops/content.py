"""What a delivery of one source and day holds: its files as bytes, and what the ledger says of it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from acme.drops import invoices, telemetry
from acme.drops.encode import encode_csv, encode_lines, encode_x, encode_y
from acme.drops.ledger import TABLES
from acme.drops.plan import Plan
from acme.drops.schedule import hold_back_beats, hold_back_lines
from acme.drops.telemetry import Beats
from acme.drops.world import INVOICES, MASTER, SKUS, TELEMETRY, TELEMETRY_X, Stream
from acme.source import day_date, money


@dataclass(frozen=True)
class File:
    """A data file: `stem-<delivery>.ending`."""

    stem: str
    ending: str
    data: bytes
    rows: int

    def name(self, delivery: int) -> str:
        return f"{self.stem}-{delivery:03d}.{self.ending}"


@dataclass(frozen=True)
class Content:
    """Files, the facts of the ledger's record, and the ledger's own table of the day."""

    files: list[File]
    facts: dict[str, Any] = field(default_factory=dict)
    table: pa.Table | None = None


def make_content(
    plan: Plan, source: str, day: int, *, whole: bool, doubts: dict[str, int], empty: bool = False
) -> Content:
    """What a source says of a day.

    Args:
        whole: False for a first delivery with a gap.
        doubts: doubtful rows beside those that come by themselves, by kind.
        empty: nothing but the form.
    """
    if source == MASTER:
        return _make_master(plan, day)
    if source == INVOICES:
        return _make_invoices(plan, day, whole, doubts, empty)
    beats = telemetry.make_beats(plan, TELEMETRY[source], day)
    if not whole:
        beats = hold_back_beats(plan.spec, source, day, beats)
    if doubts:
        beats = telemetry.add_doubts(beats, doubts, plan.spec.stream(Stream.FAULTS, day))
    if empty:
        beats = beats.where(np.zeros(len(beats), bool))
    kinds = np.bincount(beats.doubt, minlength=len(telemetry.DOUBTS)).tolist()
    facts = {
        "rows": len(beats),
        "vcpu_milli": int(beats.vcpu_milli.sum()),
        "memory_mb": int(beats.memory_mb.sum()),
        "doubtful": {kind: n for kind, n in zip(telemetry.DOUBTS, kinds, strict=True) if kind and n},
    }
    is_x = source == TELEMETRY_X
    data = encode_x(beats) if is_x else encode_y(beats, day)
    file = File("heartbeats", "jsonl" if is_x else "parquet", data, len(beats))
    return Content([file], facts, _usage(beats, TELEMETRY[source], day))


def _usage(beats: Beats, product: str, day: int) -> pa.Table:
    """The clean rows of a day, by deployment."""
    clean = beats.where(beats.doubt == 0)
    count = len(beats.senders)
    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, clean.sender, clean.vcpu_milli)
    seen = np.bincount(clean.sender, minlength=count)
    sums = [
        np.bincount(clean.sender, weights=values, minlength=count).astype(np.int64)
        for values in (clean.vcpu_milli, clean.memory_mb)
    ]
    columns = {
        "customer": [one.customer for one in beats.senders],
        "deployment": [one.deployment for one in beats.senders],
        "product": [product] * count,
        "day": [day_date(day)] * count,
        "heartbeats": seen,
        "vcpu_milli_sum": sums[0],
        "vcpu_milli_max": largest,
        "memory_mb_sum": sums[1],
    }
    table = pa.table(columns, schema=TABLES["usage"])
    return table.filter(pa.array(seen > 0))


def _make_invoices(plan: Plan, day: int, whole: bool, doubts: dict[str, int], empty: bool) -> Content:
    found = invoices.make_lines(plan, day)
    if not whole:
        regular = hold_back_lines([line for line, _ in found if not invoices.is_added(line)])
        found = invoices.classify(regular) + [one for one in found if invoices.is_added(one[0])]
    if doubts:
        found = invoices.add_doubts(plan, day, found, doubts, plan.spec.stream(Stream.FAULTS, day))
    lines = [] if empty else found
    kinds = [kind for _, kind in lines if kind]
    facts = {
        "rows": len(lines),
        "quantity": sum(line.quantity for line, _ in lines),
        "amount": str(money(sum(line.amount_cents for line, _ in lines))),
        "layout": plan.spec.layout(day),
        "doubtful": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }
    data = encode_lines([line for line, _ in lines], plan.spec.layout(day))
    columns = {
        "key": [line.key for line, _ in lines],
        "customer": [line.customer for line, _ in lines],
        "sku": [line.sku for line, _ in lines],
        "line_type": [line.line_type for line, _ in lines],
        "quantity": [line.quantity for line, _ in lines],
        "amount": [money(line.amount_cents) for line, _ in lines],
        "doubt": [kind for _, kind in lines],
    }
    table = pa.table(columns, schema=TABLES["lines"])
    return Content([File("invoice_order_lines", "csv", data, len(lines))], facts, table)


def _make_master(plan: Plan, day: int) -> Content:
    """The registers as they are at the end of a day: customers, SKUs, deployments; each whole."""
    customers = [
        (one.id, one.name, one.segment(day), one.country, day_date(one.since))
        for one in plan.customers
        if one.since <= day
    ]
    skus = [(one.sku, one.product, str(one.is_vcpu).lower(), money(one.price_cents)) for one in SKUS]
    deployments = [
        (
            one.id,
            plan.chains[product][owner].customer.id,
            product,
            one.cloud,
            one.region,
            day_date(one.start),
            day_date(one.end) if one.end <= day else "",
        )
        for product, fleet in plan.fleets.items()
        for one, owner in zip(fleet.deployments, fleet.chain.tolist(), strict=True)
        if one.start <= day
    ]
    headers = {
        "customers": ("customer_id", "name", "segment", "country", "customer_since"),
        "skus": ("sku", "product", "is_vcpu", "list_price"),
        "deployments": ("deployment_id", "customer_id", "product", "cloud", "region", "created_on", "retired_on"),
    }
    rows: dict[str, list[Any]] = {"customers": customers, "skus": skus, "deployments": deployments}
    files = [File(name, "csv", encode_csv(headers[name], rows[name]), len(rows[name])) for name in headers]
    return Content(files, {"rows": sum(one.rows for one in files), "doubtful": {}})
