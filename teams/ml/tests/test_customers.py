from datetime import date

import ibis

from ml.customers import build_customer_features

AS_OF = date(2026, 4, 1)


def _summary(*rows: tuple[object, ...]) -> ibis.Table:
    values = ", ".join(f"({', '.join('null' if v is None else repr(v) for v in row)})" for row in rows)
    return ibis.duckdb.connect().sql(
        f"""
        select cast(customer_id as bigint) as customer_id, 'A. A.' as name, tier, date '2026-01-01' as signup_date,
            cast(orders as bigint) as total_orders, cast(spent as decimal(18, 2)) as total_spent,
            cast(spent / nullif(orders, 0) as decimal(18, 2)) as avg_order_value,
            cast(first_day as date) as first_order_date, cast(last_day as date) as last_order_date
        from (values {values}) as rows (customer_id, tier, orders, spent, first_day, last_day)
        """
    )


def _features(*rows: tuple[object, ...]) -> dict[int, dict[str, object]]:
    records = build_customer_features(_summary(*rows), AS_OF).to_pyarrow().to_pylist()
    return {record["customer_id"]: record for record in records}


def test_counts_days_and_frequency_to_the_date_given() -> None:
    customer = _features((1, "premium", 3, 30, "2026-01-01", "2026-03-22"))[1]
    assert customer["as_of_date"] == AS_OF
    assert customer["days_since_signup"] == 90
    assert customer["days_since_first_order"] == 90
    assert customer["days_since_last_order"] == 10
    assert customer["order_frequency_per_30_days"] == 1.0
    assert customer["is_premium"] is True


def test_a_newcomer_counts_as_known_for_thirty_days() -> None:
    customer = _features((1, "basic", 2, 20, "2026-03-31", "2026-03-31"))[1]
    assert customer["days_since_first_order"] == 1
    assert customer["order_frequency_per_30_days"] == 2.0
    assert customer["is_premium"] is False


def test_customers_without_orders_stay_in_with_the_lowest_scores() -> None:
    customers = _features((1, "basic", 5, 50, "2026-01-01", "2026-03-31"), (2, "basic", 0, 0, None, None))
    silent = customers[2]
    assert silent["has_ordered"] is False
    assert silent["days_since_last_order"] is None
    assert silent["avg_order_value"] is None
    assert silent["order_frequency_per_30_days"] == 0.0
    assert (silent["recency_score"], silent["frequency_score"], silent["monetary_score"]) == (1, 1, 1)


def test_scores_are_terciles_of_those_who_ordered_and_ties_share_one() -> None:
    spent = {1: 10, 2: 20, 3: 30, 4: 40, 5: 40, 6: 60}
    customers = _features(
        *((n, "basic", n, money, "2026-01-01", f"2026-03-{n:02d}") for n, money in spent.items()),
        (7, "basic", 0, 0, None, None),
    )
    # Percent ranks of spending: 0, .2, .4, .6, .6, 1.
    assert [customers[n]["monetary_score"] for n in spent] == [1, 1, 2, 2, 2, 3]
    # The later the last order the better; percent ranks 0, .2, .4, .6, .8, 1.
    assert [customers[n]["recency_score"] for n in spent] == [1, 1, 2, 2, 3, 3]
    assert [customers[n]["frequency_score"] for n in spent] == [1, 1, 2, 2, 3, 3]
