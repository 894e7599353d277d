import ibis
import pytest

from ml.risk import build_risk_scores


@pytest.mark.parametrize(
    ("probability", "tier"),
    [(0.0, "Low"), (0.2999999, "Low"), (0.3, "Medium"), (0.6999999, "Medium"), (0.7, "High"), (1.0, "High")],
)
def test_tiers_begin_at_their_lower_edge(probability: float, tier: str) -> None:
    (row,) = _score(probability, is_premium=False, monetary_score=1)
    assert row["risk_tier"] == tier


def test_valuable_customers_get_more_attention() -> None:
    texts = {_score(0.9, is_premium=p, monetary_score=m)[0]["recommendation"] for p, m in ((True, 1), (False, 3))}
    assert texts == {"Call in person and offer a reason to come back"}
    assert _score(0.9, is_premium=False, monetary_score=2)[0]["recommendation"] == "Send a win-back offer"


def _score(probability: float, *, is_premium: bool, monetary_score: int) -> list[dict[str, object]]:
    connection = ibis.duckdb.connect()
    customers = connection.sql(
        f"""select 1 as customer_id, date '2026-01-01' as as_of_date, 5 as days_since_last_order,
            {is_premium} as is_premium, {monetary_score} as monetary_score"""
    )
    probabilities = connection.sql(f"select 1 as customer_id, cast({probability} as double) as churn_probability")
    return build_risk_scores(probabilities, customers).to_pyarrow().to_pylist()
