from decimal import Decimal
from pathlib import Path

import ibis
import pytest
import yaml

from feature_helpers import indicator_name
from ml.products import CATEGORIES, build_product_features

ROWS = """
    ('bell', 'Cycling', 4, 8, 100.00, 40.00), ('atlas', 'Books', 2, 2, 50.00, 45.00),
    ('saw', 'Tools', 1, 3, 10.00, null), ('ghost', null, 0, 0, 0.00, 0.00)
"""


@pytest.fixture(scope="module")
def products() -> dict[str, dict[str, object]]:
    performance = ibis.duckdb.connect().sql(
        f"""
        select product, category, cast(orders as bigint) as total_orders, cast(units as bigint) as units_sold,
            cast(revenue as decimal(18, 2)) as revenue, cast(profit as decimal(18, 2)) as profit
        from (values {ROWS}) as rows (product, category, orders, units, revenue, profit)
        """
    )
    return {row["product"]: row for row in build_product_features(performance).to_pyarrow().to_pylist()}


def test_divides_by_orders_and_keeps_money_decimal(products: dict[str, dict[str, object]]) -> None:
    assert products["bell"]["revenue_per_order"] == Decimal("25.00")
    assert products["bell"]["units_per_order"] == 2.0
    assert products["ghost"]["revenue_per_order"] is None
    assert products["ghost"]["units_per_order"] is None


def test_sets_one_category_column_and_counts_unknown_ones_as_other(products: dict[str, dict[str, object]]) -> None:
    columns = [*(indicator_name("category", name) for name in CATEGORIES), "category_other"]
    true = {name: [column for column in columns if row[column]] for name, row in products.items()}
    assert true == {
        "bell": ["category_cycling"],
        "atlas": ["category_books"],
        "saw": ["category_other"],
        "ghost": ["category_other"],
    }


def test_ranks_among_the_known_and_names_the_tier(products: dict[str, dict[str, object]]) -> None:
    third = pytest.approx(1 / 3)
    assert [products[n]["revenue_percentile"] for n in ("ghost", "saw", "atlas", "bell")] == [
        0.0,
        third,
        pytest.approx(2 / 3),
        1.0,
    ]
    assert [products[n]["profit_percentile"] for n in ("ghost", "bell", "atlas", "saw")] == [0.0, 0.5, 1.0, None]
    # bell: (1 + 1 + .5) / 3; atlas: (2/3 + 1/3 + 1) / 3; saw: (1/3 + 2/3) / 2; ghost: 0.
    assert [products[n]["performance_tier"] for n in ("bell", "atlas", "saw", "ghost")] == [
        "top",
        "top",
        "middle",
        "low",
    ]


def test_the_contract_has_a_column_for_each_category() -> None:
    path = Path(__file__).parents[1] / "contracts" / "product_features.odcs.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = {column["name"] for column in document["schema"][0]["properties"]}
    assert {name for name in names if name.startswith("category_")} == {
        *(indicator_name("category", name) for name in CATEGORIES), "category_other"
    }  # fmt: skip
