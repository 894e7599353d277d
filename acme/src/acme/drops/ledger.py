"""The ledger of the drops: what was delivered, and what follows from it, written apart from the files.

A checker opens it with `DropsLedger(folder)` and compares with what a pipeline delivered. Layout of the folder:

    deliveries/<day>.jsonl                  what arrived when that day had passed: a record a source and day it is about
    usage/<source>/<day>-<delivery>.parquet clean heartbeats by deployment, of each delivery
    lines/<day>-<delivery>.parquet          invoice lines, of each delivery, with what is wrong with them
    grants.parquet                          what each line entitles to, from when to when, and which line ends it

Use is in thousandths of a vCPU, memory in MB (10^6 bytes); days are UTC.
"""

import json
from collections import defaultdict
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acme.drops.world import INVOICES, TELEMETRY
from acme.errors import AcmeError

Record = dict[str, Any]
Key = tuple[str, str, date]
"""Customer, product, day."""

ACTIVE_DAYS = 30
"""Active on a day is who used something on that day or the 29 before."""

TABLES = {
    "lines": pa.schema(
        [
            ("key", pa.string()),
            ("customer", pa.string()),
            ("sku", pa.string()),
            ("line_type", pa.string()),
            ("quantity", pa.int64()),
            ("amount", pa.decimal128(18, 2)),
            ("doubt", pa.string()),
        ]
    ),
    "usage": pa.schema(
        [
            ("customer", pa.string()),
            ("deployment", pa.string()),
            ("product", pa.string()),
            ("day", pa.date32()),
            ("heartbeats", pa.int64()),
            ("vcpu_milli_sum", pa.int64()),
            ("vcpu_milli_max", pa.int64()),
            ("memory_mb_sum", pa.int64()),
        ]
    ),
}
"""The ledger's own tables of a delivery."""


class DropsLedger:
    """The ledger in a world's folder, as it is when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = ledger_folder(folder)
        try:
            self.world: Record = json.loads((folder / "world.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise AcmeError(
                "There are no subscriptions yet",
                where=str(folder),
                next_step="run `acme drops seed` with the same --folder",
            ) from error

    @property
    def today(self) -> date:
        """The world clock: the newest complete day is the one before."""
        return date.fromisoformat(self.world["today"])

    @cached_property
    def _deliveries(self) -> list[Record]:
        paths = sorted((self.folder / "deliveries").glob("*.jsonl"))
        # A day that was cut short is not part of the world yet.
        known = [path for path in paths if path.stem < self.world["today"]]
        return [json.loads(line) for path in known for line in path.read_text(encoding="utf-8").splitlines()]

    def deliveries(self, *, source: str | None = None, day: date | None = None) -> list[Record]:
        """Every delivery in order: source, day, delivery (from 1), arrived, fault, is_loadable, files, rows, sums, doubtful.

        `rows` and sums are of all rows, the doubtful ones included. `is_loadable` is False where a fault broke the delivery:
        then they say what it should have held.
        """
        text = day.isoformat() if day else None
        return [one for one in self._deliveries if source in (None, one["source"]) and text in (None, one["day"])]

    def current(self, *, source: str | None = None) -> dict[tuple[str, date], Record]:
        """The newest delivery of each source and day that can be loaded: what a loader that missed none has."""
        found = {}
        for one in self.deliveries(source=source):
            if one["is_loadable"]:
                found[one["source"], date.fromisoformat(one["day"])] = one
        return found

    def lines(self) -> pa.Table:
        """The invoice lines of `current()`: key (`invoice/line`), customer, sku, line_type, quantity, amount, doubt."""
        return self._read("lines", list(self.current(source=INVOICES).values()))

    def usage(self, *, first: date | None = None, last: date | None = None) -> pa.Table:
        """Clean heartbeats of `current()`: customer, deployment, product, day, heartbeats, vcpu_milli_sum,
        vcpu_milli_max, memory_mb_sum."""
        tables = []
        for source in TELEMETRY:
            records = [
                one for (_, day), one in self.current(source=source).items() if (first or day) <= day <= (last or day)
            ]
            tables.append(self._read(f"usage/{source}", records))
        return pa.concat_tables(tables)

    def used(self, *, first: date | None = None, last: date | None = None) -> dict[Key, float]:
        """vCPU used: of each deployment the mean of its clean heartbeats of the day, added up."""
        found: dict[Key, float] = defaultdict(float)
        for row in self.usage(first=first, last=last).to_pylist():
            found[row["customer"], row["product"], row["day"]] += row["vcpu_milli_sum"] / row["heartbeats"] / 1_000
        return dict(found)

    def entitled(self, *, first: date, last: date) -> dict[Key, int]:
        """vCPU entitled to, from the lines that have arrived. Days without any are left out.

        A subscription entitles its quantity on each day from its start up to, without, its end (`term_months` later).
        Overlapping ones add up. An upgrade ends the line it replaces on its own start; a credit ends it on its day.
        """
        arrived = {row["key"] for row in self.lines().to_pylist() if not row["doubt"]}
        found: dict[Key, int] = defaultdict(int)
        for row in pq.read_table(self.folder / "grants.parquet").to_pylist():
            if row["key"] not in arrived:
                continue
            end = row["ended_on"] if row["ended_by"] in arrived else row["end"]
            day, until = max(row["start"], first), min(end, last + timedelta(days=1))
            while day < until:
                found[row["customer"], row["product"], day] += row["quantity"]
                day += timedelta(days=1)
        return dict(found)

    def consumption(self, *, first: date, last: date) -> dict[Key, tuple[float, int, float | None]]:
        """Used, entitled, and used ÷ entitled; None where nothing is entitled."""
        used, entitled = self.used(first=first, last=last), self.entitled(first=first, last=last)
        keys = sorted(used.keys() | entitled.keys())
        return {
            key: (used.get(key, 0.0), right := entitled.get(key, 0), used.get(key, 0.0) / right if right else None)
            for key in keys
        }

    def active_customers(self, day: date) -> dict[str, set[str]]:
        """By product, who used it on the day or the 29 days before."""
        found: dict[str, set[str]] = {product: set() for product in TELEMETRY.values()}
        for row in self.usage(first=day - timedelta(days=ACTIVE_DAYS - 1), last=day).to_pylist():
            if row["vcpu_milli_sum"] > 0:
                found[row["product"]].add(row["customer"])
        return found

    def summary(self, *, by_day: bool = False) -> Record:
        """The ledger as one document: by source its days, rows, sums and doubtful rows; the newest day's consumption."""
        current = self.current()
        sources: dict[str, Record] = {}
        for (source, _), one in sorted(current.items()):
            told = sources.setdefault(source, {"days": 0, "rows": 0, "doubtful": defaultdict(int)})
            told["days"] += 1
            for name in ("rows", "vcpu_milli", "memory_mb", "quantity"):
                if name in one:
                    told[name] = told.get(name, 0) + one[name]
            for kind, count in one["doubtful"].items():
                told["doubtful"][kind] += count
        newest = self.today - timedelta(days=1)
        rows = self.consumption(first=newest, last=newest).values()
        document: Record = {
            "today": self.today.isoformat(),
            "deliveries": len(self._deliveries),
            "delivered_again": sum(one["delivery"] > 1 for one in self._deliveries),
            "late": sum(one["arrived"] > one["day"] and one["delivery"] == 1 for one in self._deliveries),
            "sources": sources,
            "amount": str(sum((one["amount"] or 0 for one in self.lines().select(["amount"]).to_pylist()), start=0)),
            "newest_day": {
                "day": newest.isoformat(),
                "used_vcpu": round(sum(row[0] for row in rows), 6),
                "entitled_vcpu": sum(row[1] for row in rows),
                "active_customers": {product: len(who) for product, who in self.active_customers(newest).items()},
            },
        }
        if by_day:
            document["days"] = [
                {name: one[name] for name in ("source", "day", "delivery", "arrived", "rows", "doubtful")}
                for _, one in sorted(current.items())
            ]
        return document

    def _read(self, folder: str, records: list[Record]) -> pa.Table:
        paths = [self.folder / folder / f"{one['day']}-{one['delivery']:03d}.parquet" for one in records]
        return (
            pa.concat_tables([pq.read_table(path) for path in paths])
            if paths
            else TABLES[folder.split("/")[0]].empty_table()
        )


def ledger_folder(folder: Path) -> Path:
    return folder / "ledger"
