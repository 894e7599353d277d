import numpy as np
import pandas as pd
import pytest
import world
from conftest import Shop

from headgate.models.evaluation import Candidate, Decision, decide
from ml.churn_model import (
    TooLittleDataError,
    judge_churn_model,
    measure_calibration_error,
    predict_churn,
    train_churn_model,
)
from ml.churn_windows import FEATURES


@pytest.fixture(scope="module")
def candidate(shop: Shop) -> Candidate:
    return train_churn_model(shop.orders, shop.customers, world.TODAY)


def test_beats_the_base_rate_and_the_recency_rule(candidate: Candidate) -> None:
    (deciding,) = candidate.deciding
    assert (deciding.split, deciding.metric) == ("holdout", "log_loss")
    assert deciding.baselines.keys() == {"base_rate", "recency_rule"}
    assert deciding.value < deciding.baselines["recency_rule"] < deciding.baselines["base_rate"]
    assert decide(candidate.deciding, None) is Decision.CHAMPION
    assert {score.metric for score in candidate.scores if score.split == "holdout"} == {
        "roc_auc", "average_precision", "brier", "log_loss", "calibration_error"
    }  # fmt: skip


def test_probabilities_are_calibrated(candidate: Candidate) -> None:
    (error,) = (s.value for s in candidate.scores if (s.split, s.metric) == ("holdout", "calibration_error"))
    assert error < 0.08


def test_learns_the_same_from_the_same(shop: Shop, candidate: Candidate) -> None:
    again = train_churn_model(shop.orders, shop.customers, world.TODAY)
    assert [score.value for score in again.scores] == [score.value for score in candidate.scores]


def test_random_labels_are_refused() -> None:
    rng = np.random.default_rng(3)

    def noise(rows: int) -> pd.DataFrame:
        frame = pd.DataFrame({name: rng.exponential(50, rows) for name in FEATURES})
        return frame.assign(has_churned=rng.random(rows) < 0.4)

    refused = judge_churn_model(noise(800), noise(300), noise(2000))
    assert decide(refused.deciding, None) is Decision.REFUSED


def test_too_short_a_history_is_named(shop: Shop) -> None:
    recent = shop.orders.filter(shop.orders.order_date >= world.TODAY.replace(year=2025, month=9))
    with pytest.raises(TooLittleDataError, match="cannot be trained") as raised:
        train_churn_model(recent, shop.customers, world.TODAY)
    assert "360 days" in raised.value.next_step


def test_calibration_error_by_hand() -> None:
    outcome, probability = np.array([True, False, True, True]), np.array([0.15, 0.15, 0.95, 0.95])
    # Bin 1: mean 0.15 against 0.5; bin 9: 0.95 against 1; each half of the rows.
    assert measure_calibration_error(outcome, probability) == pytest.approx(0.5 * 0.35 + 0.5 * 0.05)


def test_predicts_between_zero_and_one(candidate: Candidate) -> None:
    features = pd.DataFrame({name: [1.0, 500.0, np.nan] for name in FEATURES})
    probability = predict_churn(candidate.payload, features)
    assert ((probability > 0) & (probability < 1)).all()
    assert probability[1] > probability[0]
