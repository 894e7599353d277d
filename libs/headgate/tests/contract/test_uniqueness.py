"""Uniqueness is exact, whichever way it is counted."""

from collections import Counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.contract import Rule
from headgate.contract.uniqueness import count_excess, find_bounds, is_closed

KEY = Rule(name="k__unique", kind="unique", columns=("k",))
PAIR = Rule(name="k__l__unique", kind="unique", columns=("k", "l"))
LIMITS = {
    "TINYINT": (-(2**7), 2**7 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "UBIGINT": (0, 2**64 - 1),
    "HUGEINT": (-(2**127) + 1, 2**127 - 1),
}


def count(values: list[int | None], sql_type: str) -> tuple[int, bool]:
    """Rows less distinct keys, and whether a bitmap counted them."""
    with duckdb.connect() as connection:
        connection.execute(f"create table t (k {sql_type})")
        if values:
            rows = ", ".join("(null)" if value is None else f"('{value}'::{sql_type})" for value in values)
            connection.execute(f"insert into t values {rows}")
        bounds = find_bounds(connection, [KEY], "t", {"k": sql_type})
        row = connection.execute(f"select {count_excess(KEY, None, bounds)} from t").fetchone()
        assert row is not None
        return row[0], bool(bounds)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(sorted(LIMITS)))
def test_any_integers(data: st.DataObject, sql_type: str) -> None:
    lowest, highest = LIMITS[sql_type]
    near = data.draw(st.integers(lowest, highest))
    integers = st.integers(max(lowest, near - 20), min(highest, near + 20)) | st.integers(lowest, highest) | st.none()
    values = data.draw(st.lists(integers, max_size=40))
    present = [value for value in values if value is not None]
    excess, _ = count(values, sql_type)
    assert excess == len(present) - len(Counter(present))


@pytest.mark.parametrize(
    ("values", "sql_type", "excess", "uses_bitmap"),
    [
        ([], "BIGINT", 0, False),
        ([None, None], "BIGINT", 0, False),
        ([5], "BIGINT", 0, True),
        ([5, 5, None], "BIGINT", 1, True),
        ([-(2**63), -(2**63) + 100], "BIGINT", 0, True),
        ([2**64 - 1, 2**64 - 2, 2**64 - 1], "UBIGINT", 1, True),
        ([0, 2**62], "BIGINT", 0, False),
        ([0, 2**62, 0], "BIGINT", 1, False),
        ([-128, 127, -128], "TINYINT", 1, False),
        ([-128, 127, -128, 0, 1], "TINYINT", 1, True),
    ],
)
def test_bitmaps_for_dense_integers(values: list[int | None], sql_type: str, excess: int, uses_bitmap: bool) -> None:
    assert count(values, sql_type) == (excess, uses_bitmap)


def test_text_and_several_columns() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table t as from (values ('a', 1), ('a', 1), ('a', 2), ('b', null), ('b', null)) t(k, l)"
        )
        query = f"select {count_excess(KEY, None, {})}, {count_excess(PAIR, None, {})} from t"
        assert connection.execute(query).fetchone() == (3, 1)


def test_text_columns_have_no_bounds(connection) -> None:
    connection.execute("create table t as select 'a' as k")
    assert find_bounds(connection, [KEY], "t", {"k": "VARCHAR"}) == {}


@pytest.mark.parametrize(
    ("scope", "closed"),
    [
        ("k = 1", True),
        ('"K" between 1 and 3', True),
        ("k = 1 and l = 2", True),
        ("day = date '2026-01-01'", False),
        ("k = 1 and day = date '2026-01-01'", False),
        ("k in (select k from other)", False),
        ("random() < 0.5", False),
        ("k = 1 or some_macro(k)", False),
        ("true", False),
    ],
)
def test_a_scope_over_key_columns_is_closed(scope: str, closed: bool) -> None:
    assert is_closed(PAIR, scope) is closed
