"""The ledger: what the world contains, written by the generator and never read from a database.

A checker opens it with `Ledger(folder)` and compares with what a pipeline delivered. This module reads; writing is in
`acme.bookkeeping`. Layout of the folder:

    world.json                     the world, its clock and its totals
    products.parquet               the catalogue
    batches/0000/orders.parquet    the orders a batch added: 0000 is the seeding, each later one a day
    batches/0000/customers.parquet the customers it added
    batches/0001/corrections.parquet  orders before and after a correction
    batches/0000/days.csv          what it added to each order date: orders, quantity, revenue
    faults.json                    what was injected, with ids, and what was cleared
    state/                         what the generator needs to go on; no statement about the data
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acme.errors import AcmeError

CORRECTED_COLUMNS = ("quantity", "price", "updated_at")


@dataclass(frozen=True)
class Totals:
    """Sums over the orders of one order date, or of all. Revenue is the sum of quantity times price."""

    orders: int = 0
    quantity: int = 0
    revenue: Decimal = Decimal("0.00")

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.orders + other.orders, self.quantity + other.quantity, self.revenue + other.revenue)

    def as_json(self) -> dict[str, int | str]:
        return {"orders": self.orders, "quantity": self.quantity, "revenue": str(self.revenue)}


class Ledger:
    """The ledger in a folder. The clean world: injected faults are told apart, by `faults`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = read_world(folder)

    @property
    def today(self) -> date:
        """The world clock: the data covers the days before it."""
        return date.fromisoformat(self.world["today"])

    def totals(self) -> Totals:
        """All orders together."""
        return sum(self.days().values(), Totals())

    def days(self) -> dict[date, Totals]:
        """Orders, quantity and revenue by order date, corrections and late rows included."""
        result: dict[date, Totals] = {}
        for batch in self._batches():
            with (batch / "days.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    day = date.fromisoformat(row["order_date"])
                    added = Totals(int(row["orders"]), int(row["quantity"]), Decimal(row["revenue"]))
                    result[day] = result.get(day, Totals()) + added
        return dict(sorted(result.items()))

    def orders(self) -> pa.Table:
        """Every order with its final values, by order_id. `kind` is regular, late or lagged."""
        table = self._read("orders")
        before_after = self.corrections()
        if not before_after.num_rows:
            return table
        # Order ids count from 1 without a gap, so an order's row is its id minus one; the last correction counts.
        last = {order_id: row for row, order_id in enumerate(before_after["order_id"].to_pylist())}
        position = np.array(list(last)) - 1
        take = pa.array(list(last.values()))
        mask = np.zeros(table.num_rows, np.bool_)
        mask[position] = True
        ascending = np.argsort(position)
        for name in CORRECTED_COLUMNS:
            new = before_after[f"{name}_after"].take(take).combine_chunks().take(pa.array(ascending))
            column = pc.replace_with_mask(table[name].combine_chunks(), pa.array(mask), new)
            table = table.set_column(table.schema.get_field_index(name), name, column)
        return table

    def order_ids(self, *, order_date: date | None = None, kind: str | None = None) -> list[int]:
        """The ids of all orders, or of those of one order date or one kind (regular, late, lagged)."""
        table = self._read("orders", columns=["order_id", "order_date", "kind"])
        if order_date is not None:
            table = table.filter(pc.equal(table["order_date"], pa.scalar(order_date, pa.date32())))
        if kind is not None:
            table = table.filter(pc.equal(table["kind"].cast(pa.string()), kind))
        ids: list[int] = table["order_id"].to_pylist()
        return ids

    def corrections(self) -> pa.Table:
        """What corrections changed, in the order they happened: order_id, batch, is_lagged, and each value _before and _after."""
        return self._read("corrections")

    def customers(self) -> pa.Table:
        return self._read("customers")

    def products(self) -> pa.Table:
        return pq.read_table(self.folder / "products.parquet")

    def faults(self, *, active_only: bool = False) -> list[dict[str, Any]]:
        """Injected faults: number, kind, table, count, ids, rows, and whether they are still there."""
        faults: list[dict[str, Any]] = read_faults(self.folder)
        return [fault for fault in faults if not (active_only and fault["is_cleared"])]

    def _batches(self) -> list[Path]:
        return [batch_folder(self.folder, number) for number in range(self.world["batches"])]

    def _read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        tables = [
            pq.read_table(batch / f"{name}.parquet", columns=columns)
            for batch in self._batches()
            if (batch / f"{name}.parquet").exists()
        ]
        return pa.concat_tables(tables, promote_options="default")


def batch_folder(folder: Path, number: int) -> Path:
    return folder / "batches" / f"{number:04}"


def read_world(folder: Path) -> dict[str, Any]:
    """world.json of a complete world."""
    world = find_world(folder)
    if world is None or world["status"] != "ready":
        raise AcmeError(
            "There is no complete world yet", where=str(folder), next_step="run `acme seed` with the same --ledger"
        )
    return world


def find_world(folder: Path) -> dict[str, Any] | None:
    """world.json if there is one, whatever its status."""
    try:
        world: dict[str, Any] = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AcmeError(
            f"The ledger cannot be read: {error}",
            where=str(folder / "world.json"),
            next_step="check the file's permissions, or run `acme seed --force`",
        ) from error
    return world


def read_faults(folder: Path) -> list[dict[str, Any]]:
    path = folder / "faults.json"
    if not path.exists():
        return []
    faults: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return faults


def count_faults(faults: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Kind → how many of it were injected."""
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault["kind"]] = counts.get(fault["kind"], 0) + fault["count"]
    return counts
