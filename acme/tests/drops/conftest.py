"""A small world, seeded once, and a reader of its files that shares no code with the generator."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acme.drops.growth import seed
from acme.drops.lake import Lake
from acme.drops.ledger import DropsLedger

Row = dict[str, Any]
TODAY = date(2026, 11, 2)
"""The clocks of Europe went back on 25 October, those of America on 1 November: both inside the dense days."""
SIZE: Row = {"customers": 24, "days": 60, "dense_days": 9, "dense_minutes": 30, "earlier_minutes": 1440, "seed": 7}

_NAMES = {"account_id": "customer_id", "subscription_sku": "sku", "net_amount": "amount", "line_number": "line"}


@dataclass
class Drops:
    """A world's folder and its lake."""

    folder: Path
    path: Path

    @property
    def lake(self) -> Lake:
        return Lake(str(self.path))

    @property
    def ledger(self) -> DropsLedger:
        return DropsLedger(self.folder)

    def day_folder(self, source: str, day: date) -> Path:
        return self.path / source / f"{day:%Y}" / f"{day:%m}" / f"{day:%d}"

    def marker(self, source: str, day: date) -> Row | None:
        path = self.day_folder(source, day) / "_SUCCESS"
        return json.loads(path.read_text()) if path.exists() else None

    def days(self, source: str) -> list[date]:
        """The days of a source that have a marker."""
        found = sorted((self.path / source).rglob("_SUCCESS"))
        return [date(*(int(part) for part in path.parent.parts[-3:])) for path in found]

    def files(self, source: str, day: date) -> dict[str, bytes]:
        """The files a day's marker lists, checked against it."""
        marker = self.marker(source, day)
        assert marker is not None
        found = {}
        for file in marker["files"]:
            path = self.day_folder(source, day) / file["name"]
            assert path.is_file() and not path.is_symlink()
            data = path.read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
            found[file["name"].rpartition("-")[0]] = data
        return found

    def rows(self, source: str, day: date, table: str = "") -> list[Row]:
        """A day's rows, with the same names and units whatever the source's."""
        files = self.files(source, day)
        data = files[table] if table else next(iter(files.values()))
        if source == "telemetry_x":
            return [_from_x(json.loads(line, parse_float=Decimal)) for line in data.decode().splitlines()]
        if source == "telemetry_y":
            return [_from_y(row) for row in pq.read_table(io.BytesIO(data)).to_pylist()]
        rows = csv.DictReader(io.StringIO(data.decode()))
        return [{_NAMES.get(name, name): value for name, value in row.items()} for row in rows]

    def state(self) -> dict[str, str]:
        """A digest of every file of the lake and the ledger."""
        root = self.path.parent
        paths = [path for place in (self.path, self.folder / "ledger") for path in place.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _from_x(row: Row) -> Row:
    at = datetime.fromtimestamp(row["ts"] / 1000, UTC) if row["ts"] < 10**14 else None
    return {
        "at": at,
        "customer": row["customer"],
        "deployment": row["deployment"],
        "place": (row["cloud"], row["region"]),
        "vcpu_milli": int(row["vcpu"] * 1000),
        "memory_mb": int(row["memory_gb"] * 1000),
    }


def _from_y(row: Row) -> Row:
    return {
        "at": datetime.fromisoformat(row["event_time"]).astimezone(UTC),
        "customer": row["customer_id"],
        "deployment": row["deployment_id"],
        "place": (row["provider"], row["region"]),
        "vcpu_milli": row["cpu_millicores"],
        "memory_mb": row["memory_bytes"] // 10**6,
    }


def make(folder: Path, **changes: Any) -> Drops:
    """A fresh world."""
    drops = Drops(folder / "world", folder / "lake")
    seed(drops.folder, drops.lake, given=SIZE | {"origin": TODAY.isoformat()} | changes)
    return drops


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Drops:
    """The small world; nobody changes it."""
    return make(tmp_path_factory.mktemp("drops"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Drops:
    """Twelve days of a dozen customers; every test works on a copy."""
    changes = {"customers": 12, "days": 12, "dense_days": 2, "dense_minutes": 60}
    return make(tmp_path_factory.mktemp("small"), **changes)


@pytest.fixture
def copy(small: Drops, tmp_path: Path) -> Callable[[str], Drops]:
    """Copies of the small world that a test may change."""

    def to(name: str) -> Drops:
        shutil.copytree(small.path.parent, tmp_path / name)
        return Drops(tmp_path / name / "world", tmp_path / name / "lake")

    return to


@pytest.fixture
def drops(copy: Callable[[str], Drops]) -> Drops:
    return copy("drops")
