"""Writing the ledger, from what was generated. What the files mean is said in `acme.ledger`."""

import csv
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from acme.catalogue import CATEGORIES, Catalogue
from acme.changes import Corrections
from acme.errors import AcmeError
from acme.ledger import CORRECTED_COLUMNS, batch_folder
from acme.orders import Orders
from acme.population import Customers
from acme.source import day_date, money
from acme.world import Ints

KINDS = ("regular", "late", "lagged")
_MONEY = pa.decimal128(12, 2)
_MOMENT = pa.timestamp("us", tz="UTC")


class Batch:
    """The part of the ledger one batch adds: used as a context, its files are complete when the block ends."""

    def __init__(self, folder: Path, number: int, catalogue: Catalogue) -> None:
        self._folder = batch_folder(folder, number)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._names = pa.array(catalogue.names)
        self._number = number
        self._days: dict[int, list[int]] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self.orders = self.quantity = self.revenue_cents = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()
        with (self._folder / "days.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("order_date", "orders", "quantity", "revenue"))
            for day, (orders, quantity, cents) in sorted(self._days.items()):
                rows.writerow((day_date(day).isoformat(), orders, quantity, money(cents)))

    def add_orders(self, orders: Orders, kind: str = "regular") -> None:
        codes = pa.array(np.full(len(orders), KINDS.index(kind), np.int8))
        kinds = pa.DictionaryArray.from_arrays(codes, pa.array(KINDS))
        self._append("orders", {**self._columns(orders), "kind": kinds})
        self._count(orders, sign=1)

    def copy_of(self, chunks: Iterable[Orders]) -> Iterator[Orders]:
        """Pass chunks on, noting each."""
        for chunk in chunks:
            self.add_orders(chunk)
            yield chunk

    def add_corrections(self, corrections: Corrections) -> None:
        before, after = self._columns(corrections.before), self._columns(corrections.after)
        columns = {"order_id": before["order_id"], "order_date": before["order_date"]}
        columns["batch"] = pa.array(np.full(len(corrections), self._number, np.int32))
        columns["is_lagged"] = pa.array(corrections.is_lagged)
        for name in CORRECTED_COLUMNS:
            columns |= {f"{name}_before": before[name], f"{name}_after": after[name]}
        self._append("corrections", columns)
        self._count(corrections.before, sign=-1)
        self._count(corrections.after, sign=1)

    def add_customers(self, customers: Customers) -> None:
        columns = {
            "customer_id": pa.array(customers.customer_id),
            "name": pa.array(customers.name, pa.string()),
            "email": pa.array(customers.email, pa.string()),
            "signup_date": pa.array(customers.signup_epoch_day.astype(np.int32)).cast(pa.date32()),
            "tier": pa.array(np.where(customers.is_premium, "premium", "basic"), pa.string()),
            "updated_at": _moments(customers.updated_at),
        }
        self._append("customers", columns)

    def _append(self, name: str, columns: dict[str, pa.Array]) -> None:
        table = pa.table(columns)
        if name not in self._writers:
            self._writers[name] = _writer(self._folder / f"{name}.parquet", table.schema)
        self._writers[name].write_table(table)

    def _columns(self, orders: Orders) -> dict[str, pa.Array]:
        return {
            "order_id": pa.array(orders.order_id),
            "customer_id": pa.array(orders.customer_id),
            "product": pa.DictionaryArray.from_arrays(pa.array(orders.product.astype(np.int16)), self._names),
            "quantity": pa.array(orders.quantity.astype(np.int32)),
            "price": decimals(orders.price_cents),
            "order_date": pa.array(orders.epoch_day.astype(np.int32)).cast(pa.date32()),
            "updated_at": _moments(orders.updated_at),
        }

    def _count(self, orders: Orders, *, sign: int) -> None:
        if not len(orders):
            return
        first = int(orders.epoch_day.min())
        offset = orders.epoch_day - first
        days, position = np.unique(offset, return_inverse=True)
        sums = np.zeros((len(days), 3), np.int64)
        values = np.column_stack([np.ones_like(offset), orders.quantity, orders.revenue_cents])
        np.add.at(sums, position, values)
        for day, row in zip((days + first).tolist(), sums.tolist(), strict=True):
            known = self._days.setdefault(day, [0, 0, 0])
            self._days[day] = [a + sign * b for a, b in zip(known, row, strict=True)]
        orders_added, quantity, cents = sums.sum(axis=0).tolist()
        self.orders += sign * orders_added
        self.quantity += sign * quantity
        self.revenue_cents += sign * cents


def write_catalogue(folder: Path, catalogue: Catalogue, updated_at: int) -> None:
    columns = {
        "product": pa.array(catalogue.names),
        "category": pa.array([CATEGORIES[i] for i in catalogue.category]),
        "cost": decimals(catalogue.cost_cents),
        "retail_price": decimals(catalogue.retail_cents),
        "supplier": pa.array(catalogue.supplier),
        "updated_at": _moments(np.full(len(catalogue), updated_at)),
    }
    pq.write_table(pa.table(columns), folder / "products.parquet")


def write_json(path: Path, value: Any) -> None:
    """Replace a file in one step: a reader sees the old text or the new."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def as_plain(value: Any) -> Any:
    """A value as JSON has it: money and times as text."""
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value


def decimals(cents: Ints) -> pa.Array:
    """Exact decimal(12,2) from integer cents: their 128-bit representation, without a detour through text."""
    words = np.empty((len(cents), 2), np.int64)
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    return pa.Array.from_buffers(_MONEY, len(cents), [None, pa.py_buffer(words)])


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one command at a time change the world."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w", encoding="utf-8")
    except OSError as error:
        raise AcmeError(
            f"The ledger cannot be written: {error.strerror}",
            where=str(folder),
            next_step="choose another folder with --ledger, or give yourself write permission",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AcmeError(
                "Another command is changing this world", where=str(folder), next_step="wait until it has ended"
            ) from error
        yield


def _moments(seconds: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(seconds * 1_000_000).cast(_MOMENT)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Ids and times are spread too wide for a dictionary; their differences are small.
    spread = {"order_id", "customer_id", "updated_at"}
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        store_decimal_as_integer=True,
        use_dictionary=[name for name in schema.names if name not in spread],
        column_encoding={name: "DELTA_BINARY_PACKED" for name in schema.names if name in spread},
    )
