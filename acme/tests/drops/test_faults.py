"""Faults come in exact numbers, are what they say, and go without a trace in the data."""

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from acme.drops.faults import KINDS, clear, inject
from acme.drops.growth import advance, info
from acme.drops.trouble import FILES
from acme.errors import AcmeError
from tests.drops.conftest import TODAY, Drops

NEWEST = TODAY - timedelta(days=1)
SOURCES = ("invoices", "telemetry_x", "telemetry_y")


def newest(drops: Drops, source: str) -> Any:
    """The newest day of a source that has rows; many days have no invoice."""
    return next(day for day in reversed(drops.days(source)) if drops.rows(source, day))


def is_as_promised(drops: Drops, source: str, day: date) -> bool:
    """Whether every file that a day's marker lists is there, regular, and what the marker says."""
    try:
        drops.files(source, day)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["truncated", "zero_byte", "wrong_checksum", "misnamed", "symbolic_link", "oversized"])
def test_a_file_is_not_what_its_marker_says(drops: Drops, source: str, kind: str) -> None:
    day = newest(drops, source)
    before = drops.rows(source, day)
    inject(drops.folder, drops.lake, kind, source=source, day=day)
    record = drops.ledger.deliveries(source=source, day=day)[-1]
    assert (record["fault"], record["is_loadable"]) == (kind, False)
    assert not is_as_promised(drops, source, day)
    assert clear(drops.folder, drops.lake)[0]["kind"] == kind
    assert drops.rows(source, day) == before
    assert drops.marker(source, day)["delivery"] == record["delivery"] + 1  # type: ignore[index]


def test_oversized_is_ten_times(drops: Drops) -> None:
    day = newest(drops, "telemetry_y")
    rows = len(drops.rows("telemetry_y", day))
    inject(drops.folder, drops.lake, "oversized", source="telemetry_y")
    marker = drops.marker("telemetry_y", day)
    assert marker is not None
    path = drops.day_folder("telemetry_y", day) / marker["files"][0]["name"]
    assert pq.read_table(path).num_rows == 10 * rows


@pytest.mark.parametrize("kind", ["missing", "half_written"])
def test_a_day_without_a_marker_is_not_delivered(drops: Drops, kind: str) -> None:
    day = newest(drops, "telemetry_x")
    before = drops.rows("telemetry_x", day)
    inject(drops.folder, drops.lake, kind, count=2)
    assert drops.marker("telemetry_x", day) is None and drops.marker("telemetry_x", day - timedelta(days=1)) is None
    parts = list(drops.day_folder("telemetry_x", day).glob(".*.part"))
    assert len(parts) == (1 if kind == "half_written" else 0)
    clear(drops.folder, drops.lake, kind=kind)
    assert drops.rows("telemetry_x", day) == before and not list(drops.path.rglob("*.part"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_corrupt_file_has_a_true_marker_and_cannot_be_read(drops: Drops, source: str) -> None:
    day = newest(drops, source)
    inject(drops.folder, drops.lake, "corrupt", source=source, day=day)
    data = next(iter(drops.files(source, day).values()))
    with pytest.raises((ValueError, OSError)):
        if source == "telemetry_y":
            pq.read_table(io.BytesIO(data))
        else:
            list(csv.reader(io.StringIO(data.decode("utf-8"))))


def test_a_wrong_encoding_is_utf_16(drops: Drops) -> None:
    day = newest(drops, "telemetry_x")
    before = drops.files("telemetry_x", day)["heartbeats"]
    inject(drops.folder, drops.lake, "wrong_encoding")
    after = drops.files("telemetry_x", day)["heartbeats"]
    assert after.decode("utf-16").encode() == before
    with pytest.raises(UnicodeDecodeError):
        after.decode("utf-8")


def test_files_that_are_good_all_the_same(drops: Drops) -> None:
    day = newest(drops, "telemetry_y")
    before = drops.rows("telemetry_y", day)
    inject(drops.folder, drops.lake, "redelivered", source="telemetry_y")
    assert drops.rows("telemetry_y", day) == before
    inject(drops.folder, drops.lake, "duplicate_file", source="telemetry_y")
    names = {path.name for path in drops.day_folder("telemetry_y", day).iterdir()}
    number = drops.ledger.current()["telemetry_y", day]["delivery"]
    assert {f"heartbeats-{number:03d}.parquet", f"copy-of-heartbeats-{number:03d}.parquet"} <= names
    assert drops.rows("telemetry_y", day) == before
    inject(drops.folder, drops.lake, "empty", source="telemetry_y")
    assert drops.rows("telemetry_y", day) == [] and drops.ledger.current()["telemetry_y", day]["rows"] == 0
    assert set(drops.ledger.usage(first=day, last=day)["product"].to_pylist()) <= {"X"}
    clear(drops.folder, drops.lake)
    assert drops.rows("telemetry_y", day) == before


ROW_KINDS = [
    ("telemetry_x", "negative_usage"),
    ("telemetry_x", "nanoseconds"),
    ("telemetry_x", "clock_skew"),
    ("telemetry_x", "duplicate_row"),
    ("telemetry_x", "unknown_customer"),
    ("telemetry_y", "unknown_deployment"),
    ("telemetry_y", "invalid_customer"),
    ("telemetry_y", "clock_skew"),
    ("invoices", "invalid_customer"),
    ("invoices", "unknown_sku"),
    ("invoices", "unknown_customer"),
    ("invoices", "negative_quantity"),
    ("invoices", "no_term"),
    ("invoices", "duplicate_row"),
]


@pytest.mark.parametrize(("source", "kind"), ROW_KINDS)
def test_doubtful_rows_come_in_exact_numbers(drops: Drops, source: str, kind: str) -> None:
    day = newest(drops, source)
    before, known = drops.rows(source, day), drops.ledger.current()[source, day]
    consumption = drops.ledger.consumption(first=NEWEST, last=NEWEST)
    inject(drops.folder, drops.lake, kind, source=source, day=day, count=37)
    rows, record = drops.rows(source, day), drops.ledger.current()[source, day]
    assert len(rows) == len(before) + 37 == record["rows"]
    assert record["doubtful"].get(kind, 0) == known["doubtful"].get(kind, 0) + 37
    assert drops.ledger.consumption(first=NEWEST, last=NEWEST) == consumption
    if kind == "duplicate_row":
        copies = len(rows) - len({json.dumps(row, default=str) for row in rows})
        assert copies == 37 or source == "invoices" and copies >= 1
    else:
        assert len({json.dumps(row, default=str) for row in rows}) == len(rows)
    assert sum(_shows(kind, row, day) for row in rows) - sum(_shows(kind, row, day) for row in before) == 37
    clear(drops.folder, drops.lake)
    assert drops.rows(source, day) == before


def _shows(kind: str, row: dict[str, Any], day: Any) -> bool:
    customer = row.get("customer", row.get("customer_id", ""))
    is_regular = customer.startswith("C-") and len(customer) == 8
    return {
        "negative_usage": lambda: row["vcpu_milli"] < 0,
        "nanoseconds": lambda: row["at"] is None,
        "clock_skew": lambda: abs((row["at"].date() - day).days) == 400,
        "duplicate_row": lambda: True,
        "unknown_customer": lambda: is_regular and customer > "C-9",
        "unknown_deployment": lambda: "-999999-" in row["deployment"],
        "invalid_customer": lambda: not is_regular,
        "unknown_sku": lambda: "LEGACY" in row["sku"],
        "negative_quantity": lambda: int(row["quantity"]) < 0 and row["line_type"] == "new",
        "no_term": lambda: row["term_months"] == "",
    }[kind]()


def test_faults_add_up_and_survive_days(drops: Drops) -> None:
    day = newest(drops, "telemetry_x")
    natural = drops.ledger.current()["telemetry_x", day]["doubtful"].get("negative_usage", 0)
    inject(drops.folder, drops.lake, "negative_usage", count=2)
    inject(drops.folder, drops.lake, "negative_usage", count=3, day=day)
    inject(drops.folder, drops.lake, "invalid_customer", count=4, source="telemetry_x", day=day)
    assert drops.ledger.current()["telemetry_x", day]["doubtful"]["negative_usage"] == natural + 5
    advance(drops.folder, drops.lake, days=9)
    assert drops.ledger.current()["telemetry_x", day]["doubtful"]["negative_usage"] == natural + 5
    assert info(drops.folder)["faults"] == {"negative_usage": 5, "invalid_customer": 4}
    assert len(clear(drops.folder, drops.lake, kind="negative_usage")) == 2
    after = drops.ledger.current()["telemetry_x", day]["doubtful"]
    assert after.get("negative_usage", 0) == natural and after["invalid_customer"] >= 4


def test_a_broken_day_leaves_its_neighbours(drops: Drops) -> None:
    inject(drops.folder, drops.lake, "corrupt", source="invoices", count=3)
    broken = [one for one in drops.ledger.deliveries(source="invoices") if not one["is_loadable"]]
    assert len(broken) == 3
    days = drops.days("invoices")
    assert drops.files("invoices", days[-4])
    assert drops.ledger.current()["invoices", days[-1]]["fault"] is None


def test_every_kind_is_tried_somewhere() -> None:
    tried = {kind for _, kind in ROW_KINDS} | set(FILES)
    assert set(KINDS) == tried


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("nonsense", {}, "no fault 'nonsense'"),
        ("nanoseconds", {"source": "telemetry_y"}, "telemetry_y has no fault"),
        ("unknown_sku", {"source": "telemetry_x"}, "take one of invoices"),
        ("missing", {"source": "elsewhere"}, "no source 'elsewhere'"),
        ("missing", {"count": 0}, "0 cannot be injected"),
        ("missing", {"count": 99}, "Only [0-9]+ of 99 days have arrived"),
        ("missing", {"day": date(2031, 1, 1)}, "No files of 2031-01-01 have arrived"),
        ("missing", {"day": TODAY}, "take days from 2026-10-21"),
        ("negative_usage", {"count": 901}, "give 1 to 900"),
    ],
)
def test_what_cannot_be_injected_is_refused(drops: Drops, kind: str, options: dict[str, Any], told: str) -> None:
    before = drops.state()
    with pytest.raises(AcmeError, match=told):
        inject(drops.folder, drops.lake, kind, **options)
    assert drops.state() == before
