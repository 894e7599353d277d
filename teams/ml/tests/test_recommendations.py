from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
import world
from conftest import Shop

from headgate.models.evaluation import Decision, decide
from ml.recommendation_model import (
    NobodyBoughtError,
    build_recommendations,
    load_split,
    make_split,
    measure_hit_rate,
    measure_recall,
    train_recommendation_model,
)
from ml.recommendation_parts import build_parts, companions, most_popular

AS_OF = date(2026, 2, 1)


def _orders(*rows: tuple[int, str, str]) -> ibis.Table:
    values = ", ".join(f"({n}, {row[0]}, '{row[1]}', date '{row[2]}')" for n, row in enumerate(rows))
    return ibis.duckdb.connect().sql(
        f"select * from (values {values}) as rows (order_id, customer_id, product, order_date)"
    )


def test_parts_by_hand() -> None:
    orders = _orders(
        (1, "tent", "2026-01-17"), (1, "pen", "2026-01-17"), (2, "pen", "2026-01-31"), (2, "tent", "2026-02-01")
    )
    parts = build_parts(orders, AS_OF).to_pandas().set_index(["customer_id", "product"])
    assert parts.loc[(1, "tent"), "repeat"] == pytest.approx(0.5)
    assert parts.loc[(2, "pen"), "repeat"] == pytest.approx(1.0)
    assert parts.loc[(2, "tent"), "repeat"] == 0.0  # bought on the day itself: not known yet
    assert parts.loc[(2, "pen"), "popular"] == pytest.approx(2 / 3)
    # A tent was followed by a pen once of once, and 2 of 3 orders are pens: 1 - 2/3, halved by 15 days.
    assert parts.loc[(1, "pen"), "companion"] == pytest.approx(0.5 / 3, rel=1e-6)


def test_companions_follow_within_thirty_days() -> None:
    near, far = ("2026-01-01", "2026-01-31"), ("2026-01-01", "2026-02-01")
    for days, expected in ((near, ["stove"]), (far, [])):
        orders = _orders((1, "tent", days[0]), (1, "stove", days[1]), (2, "pen", days[0]))
        found = companions(orders).to_pandas()
        assert found[found["product"] == "tent"].companion.tolist() == expected


def test_popular_counts_the_last_four_weeks() -> None:
    orders = _orders(
        (1, "old", "2026-01-03"), (1, "new", "2026-01-04"), (2, "new", "2026-01-31"), (2, "next", "2026-02-01")
    )
    assert most_popular(orders, AS_OF).to_pandas().to_dict("records") == [{"product": "new", "popular": 1.0}]


def test_recall_by_hand() -> None:
    parts = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2],
            "product": ["a", "b", "c", "a"],
            "repeat": [0.1, 0.2, 0.3, 0.0],
            "companion": [0.0] * 4,
            "popular": [0.0] * 4,
        }
    )
    bought = pd.DataFrame({"customer_id": [1, 1, 2], "product": ["c", "z", "b"]})
    split = make_split(parts, bought)
    assert measure_recall(split, (1.0, 0.0, 0.0), k=1) == pytest.approx((1 / 2 + 0) / 2)
    assert measure_hit_rate(split, (1.0, 0.0, 0.0), k=1) == pytest.approx(0.5)
    assert measure_recall(split, (-1.0, 0.0, 0.0), k=1) == 0.0


def test_finds_more_than_what_is_popular(shop: Shop) -> None:
    candidate = train_recommendation_model(shop.orders, world.TODAY)
    (deciding,) = candidate.deciding
    assert deciding.metric == "recall_at_5"
    assert deciding.value > 1.1 * deciding.baselines["recent_popular"]
    assert decide(candidate.deciding, None) is Decision.CHAMPION
    assert candidate.score_payload(candidate.payload) == deciding.value
    assert candidate.score_payload({"parts": ["other"], "weights": [1.0]}) is None


def test_a_split_looks_only_back(shop: Shop) -> None:
    split = world.TODAY - timedelta(days=28)
    known = load_split(shop.orders, split).parts
    later = shop.frame.order_date.map(lambda day: day >= split)
    swapped = shop.frame.assign(quantity=shop.frame.quantity.where(~later, 99))
    again = load_split(world.load_orders(ibis.duckdb.connect(), pd.concat([swapped, swapped[later]])), split)
    np.testing.assert_allclose(again.parts, known, atol=1e-12)


def test_recommends_five_to_every_active_customer(shop: Shop) -> None:
    payload = {"parts": ["repeat", "companion", "popular"], "weights": [1.0, 1.0, 1.0]}
    rows = build_recommendations(build_parts(shop.orders, world.TODAY), payload, world.TODAY).to_pandas()
    since = world.TODAY - timedelta(days=180)
    active = set(shop.frame.customer_id[shop.frame.order_date >= since])
    assert set(rows.customer_id) == active
    assert (rows.groupby("customer_id").place.apply(list).map(lambda places: sorted(places) == [1, 2, 3, 4, 5])).all()
    assert (rows.sort_values("place").groupby("customer_id").score.apply(lambda s: s.is_monotonic_decreasing)).all()
    assert not rows.duplicated(["customer_id", "product"]).any()


def test_a_month_without_orders_is_named(shop: Shop) -> None:
    with pytest.raises(NobodyBoughtError, match="no active customer"):
        train_recommendation_model(shop.orders, world.TODAY + timedelta(days=400))
