"""Delivering: data files first, then the ledger, then the marker that makes them count.

Whoever reads only what a marker lists sees a day whole or not at all, and nothing that the ledger does not know.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from acme.bookkeeping import write_json
from acme.drops.content import Content, File
from acme.drops.lake import MARKER, Lake, day_folder
from acme.drops.ledger import ledger_folder
from acme.drops.world import INVOICES
from acme.source import day_date

Row = dict[str, Any]


@dataclass(frozen=True)
class Parcel:
    """One delivery on its way: the files as they are written, and the marker (None leaves the day without one)."""

    folder: str
    record: Row
    files: dict[str, bytes]
    marker: Row | None


def pack(source: str, day: int, delivery: int, arrived: int, content: Content) -> Parcel:
    """A delivery as a good source makes it.

    Args:
        day: which it is about.
        delivery: 1, and one more each time the day is delivered again.
        arrived: the day after whose end it arrives.
    """
    about = day_date(day)
    files = {file.name(delivery): file.data for file in content.files}
    described = [describe(file, delivery) for file in content.files]
    at = datetime.combine(day_date(arrived), datetime.min.time(), UTC) + timedelta(hours=26, minutes=delivery - 1)
    marker = {
        "source": source,
        "day": about.isoformat(),
        "delivery": delivery,
        "delivered_at": at.isoformat(),
        "files": described,
    }
    record = {
        "source": source,
        "day": about.isoformat(),
        "delivery": delivery,
        "arrived": day_date(arrived).isoformat(),
        "fault": None,
        "is_loadable": True,
        "files": described,
        **content.facts,
    }
    return Parcel(day_folder(source, about), record, files, marker)


def describe(file: File, delivery: int) -> Row:
    """A file's entry in the marker."""
    digest = hashlib.sha256(file.data).hexdigest()
    return {"name": file.name(delivery), "rows": file.rows, "bytes": len(file.data), "sha256": digest}


def deliver(
    lake: Lake, folder: Path, parcels: Iterable[tuple[Parcel, Content]], note: Callable[[list[Row]], None]
) -> list[Row]:
    """Write parcels: data, then the ledger (its tables here, the records by `note`), then the markers."""
    records, markers = [], []
    for parcel, content in parcels:
        for name, data in parcel.files.items():
            lake.write(f"{parcel.folder}/{name}", data)
        if content.table is not None:
            _write_table(folder, parcel.record, content)
        records.append(parcel.record)
        markers.append((f"{parcel.folder}/{MARKER}", parcel.marker))
    note(records)
    for path, marker in markers:
        if marker is None:
            lake.delete(path)
        else:
            lake.write(path, (json.dumps(marker, indent=2) + "\n").encode())
    return records


def write_records(folder: Path, arrived: int, records: list[Row]) -> None:
    """All that arrived on a day, replaced in one step; a day that is done again is written again."""
    path = _records(folder, arrived)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text("".join(_line(record) for record in records), encoding="utf-8")
    draft.replace(path)


def append_records(folder: Path, arrived: int, records: list[Row]) -> None:
    """More that arrived after a day that is over: what faults and their clearing deliver."""
    path = _records(folder, arrived)
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    write_records(folder, arrived, [json.loads(line) for line in known] + records)


def write_world(folder: Path, world: Row) -> None:
    write_json(folder / "world.json", world)


def _write_table(folder: Path, record: Row, content: Content) -> None:
    place = ledger_folder(folder) / ("lines" if record["source"] == INVOICES else f"usage/{record['source']}")
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(content.table, place / f"{record['day']}-{record['delivery']:03d}.parquet", compression="zstd")


def _records(folder: Path, arrived: int) -> Path:
    return ledger_folder(folder) / "deliveries" / f"{day_date(arrived).isoformat()}.jsonl"


def _line(record: Row) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"
