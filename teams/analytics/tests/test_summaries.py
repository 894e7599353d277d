"""The summaries on rows that can be worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import ibis
import pytest

from analytics import summaries
from headgate.testing import function_of

CUSTOMERS = """
    select * from (values
        (1, 'A.', 'premium', date '2025-01-01'),
        (2, 'B.', 'basic',   date '2025-02-01'),
        (3, 'C.', 'basic',   date '2025-03-01')
    ) as t (customer_id, name, tier, signup_date)
"""
ORDERS = """
    select *, cast(quantity * price as decimal(18, 2)) as total_amount
    from (values
        (10, 1, 'lamp', 2, 10.50::decimal(12, 2), date '2025-01-05'),
        (11, 1, 'lamp', 1, 10.50::decimal(12, 2), date '2025-01-09'),
        (12, 1, 'desk', 1, 99.99::decimal(12, 2), date '2025-02-01'),
        (13, 2, 'desk', 1, 80.01::decimal(12, 2), date '2025-02-02')
    ) as t (order_id, customer_id, product, quantity, price, order_date)
"""
CATALOG = """
    select * from (values
        ('lamp', 'light', 'Lux', 4.25::decimal(12, 2), 10.50::decimal(12, 2)),
        ('desk', 'furniture', 'Oak', 100.00::decimal(12, 2), 99.99::decimal(12, 2)),
        ('sofa', 'furniture', 'Oak', 300.00::decimal(12, 2), 599.00::decimal(12, 2))
    ) as t (product, category, supplier, cost, retail_price)
"""


@pytest.fixture
def engine() -> Any:
    return ibis.duckdb.connect()


def rows(table: ibis.Table, *, by: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = table.order_by(by).to_pyarrow().to_pylist()
    return result


def test_customer_order_summary(engine: Any) -> None:
    summarise = function_of(summaries.customer_order_summary)
    found = rows(summarise(engine.sql(CUSTOMERS), engine.sql(ORDERS)), by="customer_id")
    assert found == [
        {
            "customer_id": 1,
            "name": "A.",
            "tier": "premium",
            "signup_date": date(2025, 1, 1),
            "total_orders": 3,
            "total_spent": Decimal("131.49"),
            "avg_order_value": Decimal("43.83"),
            "first_order_date": date(2025, 1, 5),
            "last_order_date": date(2025, 2, 1),
        },
        {
            "customer_id": 2,
            "name": "B.",
            "tier": "basic",
            "signup_date": date(2025, 2, 1),
            "total_orders": 1,
            "total_spent": Decimal("80.01"),
            "avg_order_value": Decimal("80.01"),
            "first_order_date": date(2025, 2, 2),
            "last_order_date": date(2025, 2, 2),
        },
        {
            "customer_id": 3,
            "name": "C.",
            "tier": "basic",
            "signup_date": date(2025, 3, 1),
            "total_orders": 0,
            "total_spent": Decimal("0.00"),
            "avg_order_value": None,
            "first_order_date": None,
            "last_order_date": None,
        },
    ]


def test_product_performance(engine: Any) -> None:
    perform = function_of(summaries.product_performance)
    desk, lamp, sofa = rows(perform(engine.sql(ORDERS), engine.sql(CATALOG)), by="product")
    assert (desk["total_orders"], desk["units_sold"], desk["revenue"]) == (2, 2, Decimal("180.00"))
    assert (desk["total_cost"], desk["profit"]) == (Decimal("200.00"), Decimal("-20.00"))
    assert desk["profit_margin"] == pytest.approx(-20 / 180 * 100)
    assert (lamp["units_sold"], lamp["revenue"], lamp["profit"]) == (3, Decimal("31.50"), Decimal("18.75"))
    assert lamp["profit_margin"] == pytest.approx(59.5238, abs=1e-3)
    assert (sofa["total_orders"], sofa["revenue"], sofa["profit_margin"]) == (0, Decimal("0.00"), None)


@pytest.mark.parametrize(
    ("spent", "orders", "segment"),
    [
        ("100.00", 3, "High Value"),
        ("99.99", 3, "Medium Value"),
        ("100.00", 2, "Medium Value"),
        ("50.00", 2, "Medium Value"),
        ("49.99", 9, "Low Value"),
        ("900.00", 1, "Low Value"),
        ("0.00", 0, "Low Value"),
    ],
)
def test_segments_at_their_edges(engine: Any, spent: str, orders: int, segment: str) -> None:
    customer = engine.sql(
        f"select 1 as customer_id, 'basic' as tier, {orders} as total_orders, {spent}::decimal(18, 2) as total_spent"
    )
    [row] = rows(function_of(summaries.customer_segments)(customer), by="customer_id")
    assert row["segment"] == segment
