"""A sample of keys: whole, stable, of about the right size."""

import ibis

from feature_helpers import sample_by_key

ROWS = "select i // 2 as customer_id, i as order_id from range(20000) as t (i)"


def test_keys_are_taken_whole_and_always_the_same() -> None:
    table = ibis.duckdb.connect().sql(ROWS)
    sample = sample_by_key(table, "customer_id", 0.25).to_pyarrow()
    kept = set(sample["customer_id"].to_pylist())
    assert 0.23 < len(kept) / 10_000 < 0.27
    assert sample.num_rows == 2 * len(kept)
    again = sample_by_key(ibis.duckdb.connect().sql(ROWS), "customer_id", 0.25).to_pyarrow()
    assert set(again["customer_id"].to_pylist()) == kept


def test_a_larger_share_keeps_the_smaller_one() -> None:
    table = ibis.duckdb.connect().sql(ROWS)
    small, large = (
        set(sample_by_key(table, "customer_id", share).to_pyarrow()["order_id"].to_pylist()) for share in (0.1, 0.5)
    )
    assert small and small < large


def test_everything_is_a_share_too() -> None:
    assert sample_by_key(ibis.duckdb.connect().sql(ROWS), "customer_id", 1.0).count().to_pyarrow().as_py() == 20_000
