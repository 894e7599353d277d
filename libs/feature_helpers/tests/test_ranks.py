"""Ranks and scores of rows that can be ranked by hand."""

import ibis
import pytest

from feature_helpers import percentile_rank, rfm_scores, score_by_rank


def numbers(*values: int | None) -> ibis.Table:
    rows = ", ".join(f"({place}, {'null' if value is None else value})" for place, value in enumerate(values))
    query = f"select cast(n as bigint) as n, cast(v as bigint) as v from (values {rows}) as t (n, v)"
    return ibis.duckdb.connect().sql(query)


def computed(table: ibis.Table, **columns: ibis.Value) -> list[tuple[object, ...]]:
    records = table.mutate(**columns).order_by("n").to_pyarrow().to_pylist()
    return [tuple(record[name] for name in columns) for record in records]


def test_ranks_are_among_those_that_have_a_value() -> None:
    table = numbers(10, None, 30, 20)
    assert computed(table, rank=percentile_rank(table.v)) == [(0.0,), (None,), (1.0,), (0.5,)]


def test_equal_values_have_equal_ranks() -> None:
    table = numbers(5, 7, 7, 9)
    third = pytest.approx(1 / 3)
    assert computed(table, rank=percentile_rank(table.v)) == [(0.0,), (third,), (third,), (1.0,)]


def test_one_value_alone_is_the_lowest() -> None:
    table = numbers(5, None)
    assert computed(table, rank=percentile_rank(table.v)) == [(0.0,), (None,)]


@pytest.mark.parametrize(
    ("scores", "expected"), [(3, [1, 1, 2, 2, 2, 3]), (2, [1, 1, 1, 2, 2, 2]), (5, [1, 2, 3, 4, 4, 5]), (1, [1] * 6)]
)
def test_scores_split_percent_ranks_evenly_and_ties_share_one(scores: int, expected: list[int]) -> None:
    table = numbers(10, 20, 30, 40, 40, 60)  # percent ranks 0, .2, .4, .6, .6, 1
    score = score_by_rank(table.v, among=table.v.notnull(), scores=scores)
    assert [value for (value,) in computed(table, score=score)] == expected


def test_who_is_not_ranked_scores_one_and_moves_nobody() -> None:
    table = numbers(0, 10, 20, 30)
    assert computed(table, score=score_by_rank(table.v, among=table.v > 0)) == [(1,), (1,), (2,), (3,)]


def test_recency_counts_the_other_way_round() -> None:
    table = numbers(1, 2, 3)
    scores = rfm_scores(days_since_last=table.v, frequency=table.v, spent=table.v, among=table.v > 0)
    assert computed(table, **scores) == [(3, 1, 1), (2, 2, 2), (1, 3, 3)]
