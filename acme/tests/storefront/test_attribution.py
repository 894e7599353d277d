"""The ledger's last clicks, worked out a second time by brute force, and by hand."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from acme.source import Source
from acme.storefront.attribution import last_clicks
from acme.storefront.growth import advance
from acme.storefront.ledger import StorefrontLedger

HOUR = 3_600


def brute_force(book: StorefrontLedger) -> dict[tuple[int, int], tuple[Any, ...]]:
    """For each line the hit_ids of its last clicks: overall, same brand, same SKU. Every click is looked at for each."""
    party = {
        (row["source_system"], row["source_key"]): row["individual_party_key"]
        for row in book.rows("individual_party_keys").to_pylist()
    }
    product = {row["product_id"]: row for row in book.rows("products").to_pylist()}
    clicks = [
        row | {"party": party.get(("adobe_experience", row["visitor_id"]))}
        for table in ("web_hits", "app_hits")
        for row in book.rows(table).to_pylist()
        if row["campaign_tracking_code"] is not None
    ]
    result = {}
    for line in book.rows("transactions").to_pylist():
        whose = party.get(("accounts_db", str(line["account_id"])))
        about = product[line["product_id"]]
        mine = [
            click
            for click in clicks
            if whose is not None
            and click["party"] == whose
            and line["instant"] - timedelta(hours=720) <= click["instant"] <= line["instant"]
        ]
        result[line["order_id"], line["product_id"]] = (
            whose,
            newest(mine),
            newest([click for click in mine if click["brand"] == about["brand"]]),
            newest([click for click in mine if click["sku"] == about["sku"]]),
        )
    return result


def newest(clicks: list[dict[str, Any]]) -> int | None:
    return max(((click["instant"], click["hit_id"]) for click in clicks), default=(None, None))[1]


def test_every_line_has_its_partys_last_clicks(ledger: Path, source: Source) -> None:
    advance(source, ledger, days=2)
    book = StorefrontLedger(ledger)
    names = ("individual_party_key", "overall_hit_id", "brand_hit_id", "sku_hit_id")
    rows = book.attributions().to_pylist()
    found = {(row["order_id"], row["product_id"]): tuple(row[name] for name in names) for row in rows}
    assert found == brute_force(book) and len(rows) == len(found) == book.totals()["transactions"]
    overall, brand, sku = (sum(row[number] is not None for row in found.values()) for number in (1, 2, 3))
    assert len(found) * 0.8 > overall > brand > sku > 10
    hits = {row["hit_id"]: row for table in ("web_hits", "app_hits") for row in book.rows(table).to_pylist()}
    for row in rows:
        if row["overall_hit_id"] is not None:
            click = hits[row["overall_hit_id"]]
            assert (row["overall_code"], row["overall_clicked_at"]) == (
                click["campaign_tracking_code"],
                click["instant"],
            )
    codes = {campaign["tracking_code"] for campaign in book.campaigns()}
    assert {row["overall_code"] for row in rows} - {None} <= codes


def test_who_misreads_the_hour_that_happens_twice_finds_other_clicks(ledger: Path) -> None:
    book = StorefrontLedger(ledger)
    true = book.attributions().to_pylist()
    repeated = {
        (row["order_id"], row["product_id"]) for row in book.rows("transactions").to_pylist() if row["is_repeated"]
    }
    for other in (book.attributions(reading="first").to_pylist(), book.attributions(reading="second").to_pylist()):
        differing = {
            (a["order_id"], a["product_id"])
            for a, b in zip(true, other, strict=True)
            if a["overall_hit_id"] != b["overall_hit_id"]
        }
        assert differing & repeated


def test_last_clicks_by_hand() -> None:
    clicks = np.array([0, 10, 10, 400, 1_000_000])
    groups = np.array([1, 1, 2, 1, -1])
    lines = [
        (1, 9),
        (1, 10),
        (1, 399),
        (1, 400 + 720 * HOUR),
        (1, 401 + 720 * HOUR),
        (2, 9),
        (2, 500),
        (3, 500),
        (-1, 500),
    ]
    found = last_clicks(
        np.array([group for group, _ in lines]), np.array([second for _, second in lines]), groups, clicks
    )
    assert found.tolist() == [0, 1, 1, 3, -1, -1, 2, -1, -1]


def test_of_two_clicks_in_a_second_the_later_one_of_the_list_counts() -> None:
    found = last_clicks(np.array([5]), np.array([100]), np.array([5, 5]), np.array([50, 50]))
    assert found.tolist() == [1]


def test_without_clicks_nothing_is_attributed() -> None:
    nothing = np.empty(0, np.int64)
    assert last_clicks(np.array([5, -1]), np.array([100, 100]), nothing, nothing).tolist() == [-1, -1]
