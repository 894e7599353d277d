from dataclasses import replace

import numpy as np
import pytest
import world
from conftest import Shop

from headgate.models.evaluation import Candidate, Decision, decide
from ml.demand_features import FEATURES, SALES_FEATURES, build_features
from ml.demand_model import (
    ORIGINS,
    TooShortHistoryError,
    choose_origins,
    forecast_demand,
    forecast_naively,
    judge_demand_model,
    measure_mae,
    measure_wape,
)
from ml.demand_series import Panel, load_panel


@pytest.fixture(scope="module")
def panel(shop: Shop) -> Panel:
    return load_panel(shop.orders, shop.products, shop.market, world.TODAY)


@pytest.fixture(scope="module")
def candidate(panel: Panel) -> Candidate:
    return judge_demand_model(panel)


def test_weeks_are_whole_and_end_the_day_before(shop: Shop, panel: Panel) -> None:
    assert panel.units.shape == (world.PRODUCTS, (world.DAYS) // 7)
    ages = np.array([(world.TODAY - day).days for day in shop.frame.order_date])
    assert panel.units[:, -1].sum() == shop.frame.quantity[ages <= 7].sum()
    assert panel.units.sum() == shop.frame.quantity[ages <= 7 * panel.weeks].sum()
    first = shop.frame[(shop.frame["product"] == "product 03") & (ages > 7) & (ages <= 14)]
    assert panel.units[3, -2] == first.quantity.sum()
    assert panel.price[3, -2] == pytest.approx(13.0)


def test_features_know_nothing_of_what_comes_after(panel: Panel) -> None:
    origin = panel.weeks - 8
    known = build_features(panel.before(origin))
    future = panel.units.copy()
    future[:, origin:] *= 100
    prices = panel.price.copy()
    prices[:, origin:] = 1.0
    market = replace(
        panel.market, market_index=np.r_[panel.market.market_index[:origin], [1.0] * (panel.weeks + 4 - origin)]
    )
    changed = replace(panel, units=future, price=prices, market=market)
    np.testing.assert_array_equal(build_features(changed.before(origin)), known)
    assert known.shape == (4, world.PRODUCTS, len(FEATURES))


def test_a_fit_at_an_origin_never_sees_later_sales(panel: Panel, candidate: Candidate) -> None:
    future = panel.units.copy()
    future[:, choose_origins(panel.weeks)[-1] :] = 0
    again = judge_demand_model(replace(panel, units=future))
    now = panel.before(choose_origins(panel.weeks)[-1])
    np.testing.assert_array_equal(forecast_demand(again.payload, now), forecast_demand(candidate.payload, now))


def test_market_data_is_used_and_its_worth_is_shown(panel: Panel, candidate: Candidate) -> None:
    assert candidate.payload["estimator"].n_features_in_ == len(FEATURES) > len(SALES_FEATURES)
    assert "without_market_data" in candidate.deciding[0].baselines
    assert "without_market_data" in candidate.deciding[0].informative
    louder = replace(
        panel.market, advertising_index=panel.market.advertising_index * np.linspace(0, 3, panel.weeks + 4)
    )
    assert (build_features(panel) != build_features(replace(panel, market=louder))).any()


def test_beats_every_naive_forecast(candidate: Candidate) -> None:
    (deciding,) = candidate.deciding
    rivals = {name: value for name, value in deciding.baselines.items() if name not in deciding.informative}
    assert rivals.keys() == {"naive_last_28_days", "moving_average_91_days", "seasonal_364_days"}
    assert deciding.value < min(rivals.values())
    assert decide(candidate.deciding, None) is Decision.CHAMPION
    assert len({score.split for score in candidate.scores}) == ORIGINS + 1


def test_pure_noise_is_refused_or_no_better_than_chance(panel: Panel) -> None:
    """Constant demand: the moving average is the right answer, and nothing can be strictly better than no error."""
    constant = replace(panel, units=np.full_like(panel.units, 5.0), price=np.full_like(panel.price, 2.0))
    assert decide(judge_demand_model(constant).deciding, None) is Decision.REFUSED


def test_naive_forecasts_by_hand(panel: Panel) -> None:
    units = np.arange(80, dtype=float)[None, :]
    small = replace(panel, units=units, products=("a",), category=np.array([0]), price=units)
    naive = forecast_naively(small, [60])
    assert naive["naive_last_28_days"][0].tolist() == [56 + 57 + 58 + 59]
    assert naive["moving_average_91_days"][0].tolist() == [4 * 53]
    assert naive["seasonal_364_days"][0].tolist() == [8 + 9 + 10 + 11]
    assert "seasonal_364_days" not in forecast_naively(small, [51])


def test_origins_are_four_weeks_apart_and_the_last_is_four_weeks_ago() -> None:
    assert choose_origins(100) == [80, 84, 88, 92, 96]
    with pytest.raises(TooShortHistoryError, match="57 weeks"):
        choose_origins(57)


def test_errors_by_hand() -> None:
    actual, forecast = np.array([10.0, 30.0]), np.array([12.0, 24.0])
    assert measure_wape(actual, forecast) == pytest.approx(0.2)
    assert measure_mae(actual, forecast) == pytest.approx(4.0)
