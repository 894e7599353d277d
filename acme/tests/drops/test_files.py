"""What lies in the lake is what the ledger says, seen by a reader that shares no code with the generator."""

import io
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.drops.conftest import TODAY, Drops

TELEMETRY = {"telemetry_x": "X", "telemetry_y": "Y"}
NEWEST = TODAY - timedelta(days=1)


def is_doubtful(row: dict[str, Any], known: set[str]) -> str | None:
    if not re.fullmatch(r"C-\d{6}", row["customer"]):
        return "invalid_customer"
    if row["vcpu_milli"] < 0:
        return "negative_usage"
    return None if row["deployment"] in known else "unknown_deployment"


@pytest.mark.parametrize("source", TELEMETRY)
def test_heartbeats_are_what_the_ledger_says(seeded: Drops, source: str) -> None:
    total: Counter[str] = Counter()
    for (_, day), record in seeded.ledger.current(source=source).items():
        known = {row["deployment_id"] for row in seeded.rows("master_data", day, "deployments")}
        rows = seeded.rows(source, day)
        assert (len(rows), sum(r["vcpu_milli"] for r in rows), sum(r["memory_mb"] for r in rows)) == (
            record["rows"],
            record["vcpu_milli"],
            record["memory_mb"],
        )
        assert {row["at"].date() for row in rows} == {day}
        assert len({(row["at"], row["deployment"], row["customer"]) for row in rows}) == len(rows)
        kinds = Counter(kind for row in rows if (kind := is_doubtful(row, known)))
        assert kinds == record["doubtful"]
        total += kinds
    assert set(total) == {"invalid_customer", "negative_usage", "unknown_deployment"}


def test_heartbeats_are_dense_at_the_end_and_daily_before(seeded: Drops) -> None:
    for source in TELEMETRY:
        day, earlier = date(2026, 10, 25), date(2026, 9, 10)
        # Doubtful copies are stamped between full seconds.
        many, few = (
            Counter(row["deployment"] for row in seeded.rows(source, one) if not row["at"].microsecond)
            for one in (day, earlier)
        )
        assert 45 < max(many.values()) <= 48 and max(few.values()) == 1


def test_local_times_follow_the_clocks(seeded: Drops) -> None:
    """On 25 October Berlin has 25 hours: two offsets in one day of UTC, and no gap between the moments."""
    data = seeded.files("telemetry_y", date(2026, 10, 25))["heartbeats"]
    texts = pq.read_table(io.BytesIO(data)).to_pylist()
    europe = [row["event_time"] for row in texts if row["region"] in ("eu-central-1", "westeurope")]
    assert {text[-6:] for text in europe} == {"+02:00", "+01:00"}
    winter = [text[11:13] for text in europe if text.endswith("+01:00") and text.startswith("2026-10-25")]
    assert min(winter) == "02" and max(text[11:13] for text in europe if text.endswith("+02:00")) == "02"
    assert {row["event_time"][-6:] for row in texts if row["region"] == "asia-south1"} <= {"+05:30"}


def test_lines_are_what_the_ledger_says_in_both_layouts(seeded: Drops) -> None:
    layouts, amount = set(), Decimal(0)
    vcpu = {row["sku"] for row in seeded.rows("master_data", NEWEST, "skus") if row["is_vcpu"] == "true"}
    listed = {row["sku"] for row in seeded.rows("master_data", NEWEST, "skus")}
    for (_, day), record in seeded.ledger.current(source="invoices").items():
        rows = seeded.rows("invoices", day)
        header = seeded.files("invoices", day)["invoice_order_lines"].split(b"\n")[0].decode().split(",")
        layouts.add((record["layout"], len(header), "account_id" in header, "sales_channel" in header))
        assert record["rows"] == len(rows)
        assert record["quantity"] == sum(int(row["quantity"]) for row in rows)
        assert Decimal(record["amount"]) == sum((Decimal(row["amount"]) for row in rows), Decimal(0))
        kinds: Counter[str] = Counter()
        for row in rows:
            if not re.fullmatch(r"C-\d{6}", row["customer_id"]):
                kinds["invalid_customer"] += 1
            elif row["sku"] not in listed:
                kinds["unknown_sku"] += 1
            elif row["sku"] not in vcpu:
                kinds["not_vcpu_sku"] += 1
        assert kinds == record["doubtful"]
        amount += Decimal(record["amount"])
    assert layouts == {(1, 12, False, False), (2, 14, True, True)}
    assert str(amount) == seeded.ledger.summary()["amount"]


def add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in range(day.day, 27, -1):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    return date(year, month + 1, day.day)


def entitled_from_files(drops: Drops, days: list[date]) -> dict[tuple[str, str, date], int]:
    """The rule of the documentation, from the files alone."""
    rows = [row for day in drops.days("invoices") for row in drops.rows("invoices", day)]
    vcpu = {row["sku"] for row in drops.rows("master_data", days[-1], "skus") if row["is_vcpu"] == "true"}
    good = [row for row in rows if row["sku"] in vcpu and re.fullmatch(r"C-\d{6}", row["customer_id"])]
    ends = {row["replaces"]: date.fromisoformat(row["start_date"]) for row in good if row["replaces"]}
    found: dict[tuple[str, str, date], int] = defaultdict(int)
    for row in good:
        if row["line_type"] == "credit":
            continue
        start = date.fromisoformat(row["start_date"])
        end = ends.get(f"{row['invoice_id']}/{row['line']}", add_months(start, int(row["term_months"])))
        for day in days:
            if start <= day < end:
                found[row["customer_id"], row["product"], day] += int(row["quantity"])
    return dict(found)


def used_from_files(drops: Drops, days: list[date]) -> dict[tuple[str, str, date], float]:
    found: dict[tuple[str, str, date], float] = defaultdict(float)
    for source, product in TELEMETRY.items():
        for day in set(days) & set(drops.days(source)):
            known = {row["deployment_id"] for row in drops.rows("master_data", day, "deployments")}
            beats = defaultdict(list)
            for row in drops.rows(source, day):
                if not is_doubtful(row, known):
                    beats[row["customer"], row["deployment"]].append(row["vcpu_milli"])
            for (customer, _), values in beats.items():
                found[customer, product, day] += sum(values) / len(values) / 1000
    return dict(found)


def test_the_ratio_follows_from_the_files(seeded: Drops) -> None:
    days = [NEWEST - timedelta(days=number) for number in range(59, -1, -1)]
    used, entitled = used_from_files(seeded, days), entitled_from_files(seeded, days)
    told = seeded.ledger.consumption(first=days[0], last=days[-1])
    assert {key: row[1] for key, row in told.items() if row[1]} == entitled
    assert {key: row[0] for key, row in told.items() if row[0]} == pytest.approx(used)
    assert len(told) > 1_000
    ratios = [ratio for _, _, ratio in told.values() if ratio]
    assert min(ratios) < 0.4 and max(ratios) > 1.1


def test_thirty_days_of_activity_end_exactly(seeded: Drops) -> None:
    """Customers 1 to 4 used X last 28, 29, 30 and 31 days before the newest day; 29 is the last that counts."""
    day = NEWEST
    active = seeded.ledger.active_customers(day)["X"]
    edges = [f"C-{number:06d}" for number in (1, 2, 3, 4)]
    assert [customer in active for customer in edges] == [True, True, False, False]
    seen = {}
    for about in seeded.days("telemetry_x"):
        for row in seeded.rows("telemetry_x", about):
            seen[row["customer"]] = about
    assert [(day - seen[customer]).days for customer in edges] == [28, 29, 30, 31]
    entitled = seeded.ledger.entitled(first=day, last=day)
    assert [entitled[customer, "X", day] for customer in edges] == [64] * 4
