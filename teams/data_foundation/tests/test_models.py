"""The dbt project on DuckLake, as a run of the code location builds it: rows by hand against figures worked out by hand."""

import csv
from datetime import date, datetime
from typing import Any

import dagster as dg
import pytest
from conftest import EXAMPLE, Build

from headgate.lake.session import LakeSession

pytestmark = pytest.mark.services

PUBLISHED = {"fct_transactions", "fct_attributions", "dim_products", "dim_accounts", "dim_campaigns"}
PERSONAL = ("Grace", "Hopper", "grace.hopper", "5550137", "555-0137", "1987-12-09", "Nguyen", "omar@", "Silva")
"""What the example's accounts hold in clear."""

ATTRIBUTIONS = """
    select
        order_id, product_id, individual_party_key, transacted_at,
        overall_campaign_tracking_code as overall, overall_clicked_at, overall_campaign_id,
        same_brand_campaign_tracking_code as same_brand, same_brand_clicked_at,
        same_sku_campaign_tracking_code as same_sku, same_sku_clicked_at
    from data_foundation.fct_attributions
"""


def expected(name: str) -> list[dict[str, str | None]]:
    with (EXAMPLE / name).open(encoding="utf-8", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def as_text(value: Any) -> str | None:
    """A value as the example's files write it."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else str(value)


def read(shop: LakeSession, query: str) -> list[dict[str, str | None]]:
    relation = shop.connection.sql(query)
    return [dict(zip(relation.columns, map(as_text, row), strict=True)) for row in relation.fetchall()]


def rows_of(shop: LakeSession, query: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in read(shop, query)]


@pytest.fixture(scope="module")
def first(build: Build) -> dg.ExecuteInProcessResult:
    result = build()
    assert result.success
    return result


def test_order_lines_are_attributed_as_worked_out_by_hand(shop: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    assert read(shop, f"{ATTRIBUTIONS} order by order_id, product_id") == expected("attributions.csv")


def test_order_lines_have_the_amounts_worked_out_by_hand(shop: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    columns = ", ".join(expected("transactions.csv")[0])
    found = read(shop, f"select {columns} from data_foundation.fct_transactions order by order_id, product_id")
    assert found == expected("transactions.csv")
