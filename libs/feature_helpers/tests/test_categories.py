"""One-hot columns: exactly one is true, whatever comes."""

import ibis
import pytest

from feature_helpers import FeatureError, indicator_name, one_hot


def test_one_column_is_true_in_every_row() -> None:
    table = ibis.duckdb.connect().sql("select unnest(['Books', 'Home & Garden', 'Tools', null]) as category")
    columns = one_hot(table.category, ("Books", "Home & Garden"), prefix="category")
    rows = table.select(**columns).to_pyarrow().to_pylist()
    assert list(rows[0]) == ["category_books", "category_home_garden", "category_other"]
    true = [[name for name, value in row.items() if value] for row in rows]
    assert true == [["category_books"], ["category_home_garden"], ["category_other"], ["category_other"]]


@pytest.mark.parametrize(
    ("category", "name"), [("Audio", "c_audio"), ("Home & Garden", "c_home_garden"), ("E-Bikes 2", "c_e_bikes_2")]
)
def test_a_category_names_its_column(category: str, name: str) -> None:
    assert indicator_name("c", category) == name


@pytest.mark.parametrize("categories", [("Home & Garden", "home garden"), ("Other",), ("A", "A")])
def test_a_column_that_two_would_share_is_refused(categories: tuple[str, ...]) -> None:
    table = ibis.duckdb.connect().sql("select 'A' as category")
    with pytest.raises(FeatureError, match="two categories would share the column c_") as caught:
        one_hot(table.category, categories, prefix="c")
    assert len(str(caught.value).splitlines()) == 3
