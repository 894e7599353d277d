"""The demand model: gradient boosting over weekly features, back-tested with a rolling origin beside naive forecasts.

At each origin the model is fitted on targets that had fully passed by then, and forecasts the 28 days after it. What is
stored is the fit of the newest origin: the very one that was judged there.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

import ibis

from headgate import HeadgateError
from headgate.models.evaluation import Candidate, Payload, Score
from headgate.models.threads import limit_threads
from ml.demand_features import FEATURES, LEVEL_WEEKS, SALES_FEATURES, YEAR_WEEKS, build_features, level_of
from ml.demand_series import HORIZON_WEEKS, Panel, load_panel

if TYPE_CHECKING:
    import numpy as np

DEMAND_MODEL = "ml.product_demand"
ORIGINS = 5
"""Origins of the back-test, 28 days apart: 140 days judged, no day twice."""
TRAINING_STEP_WEEKS = 2
MIN_TRAINING_WEEKS = 8
_MOVING_AVERAGE_WEEKS = 13
_SEED = 20_260_101


class TooShortHistoryError(HeadgateError):
    """The orders do not reach back far enough for a back-test."""


def train_demand_model(orders: ibis.Table, products: ibis.Table, market_data: ibis.Table, as_of: date) -> Candidate:
    """Learns from `analytics.order_data` before `as_of`, `product_features` (the category alone: ranks over the whole
    history would tell a past origin its future) and `market_data`.

    Raises:
        TooShortHistoryError: less than a year of weeks for training and back-test.
    """
    return judge_demand_model(load_panel(orders, products, market_data, as_of))


def judge_demand_model(panel: Panel) -> Candidate:
    """The candidate and its back-test over the last `ORIGINS` origins of the panel."""
    import numpy as np

    origins = choose_origins(panel.weeks)
    actual = np.stack([_total(panel.units, origin) for origin in origins])
    examples = _Examples(panel)
    estimators = [examples.fit(origin, len(FEATURES)) for origin in origins]
    forecast = np.stack([examples.forecast(e, origin) for e, origin in zip(estimators, origins, strict=True)])
    blind = [examples.forecast(examples.fit(origin, len(SALES_FEATURES)), origin) for origin in origins]
    rivals = {name: np.stack(values) for name, values in forecast_naively(panel, origins).items()}
    rivals["without_market_data"] = np.stack(blind)
    payload: Payload = {"features": list(FEATURES), "horizon_weeks": HORIZON_WEEKS, "estimator": estimators[-1]}
    return Candidate(
        model=DEMAND_MODEL,
        payload=payload,
        scores=tuple(_score(actual, forecast, rivals)),
        score_payload=lambda other: _wape_of(other, panel, origins[-1]),
        duel_split=f"origin_{ORIGINS}",
    )


def choose_origins(weeks: int) -> list[int]:
    """Numbers of the weeks at which the back-test stands, oldest first; each is followed by four whole weeks."""
    origins = [weeks - HORIZON_WEEKS * count for count in range(ORIGINS, 0, -1)]
    if origins[0] < LEVEL_WEEKS + MIN_TRAINING_WEEKS + HORIZON_WEEKS:
        needed = LEVEL_WEEKS + MIN_TRAINING_WEEKS + HORIZON_WEEKS * (ORIGINS + 1)
        raise TooShortHistoryError(
            f"{weeks} weeks of orders are too few to train and back-test a demand model",
            where="analytics.order_data",
            next_step=f"load at least {needed} weeks of orders",
        )
    return origins


def forecast_demand(payload: Payload, panel: Panel) -> "np.ndarray":
    """Units of each product in the 28 days after the panel's last week."""
    return _predict(payload["estimator"], build_features(panel), level_of(panel))


def forecast_naively(panel: Panel, origins: list[int]) -> "dict[str, list[np.ndarray]]":
    """28-day forecasts that need no model, by name; seasonal only when every origin has a year before it."""
    past = [panel.before(origin).units for origin in origins]
    naive = {
        "naive_last_28_days": [units[:, -HORIZON_WEEKS:].sum(axis=1) for units in past],
        "moving_average_91_days": [HORIZON_WEEKS * units[:, -_MOVING_AVERAGE_WEEKS:].mean(axis=1) for units in past],
    }
    if origins[0] >= YEAR_WEEKS:
        start = -YEAR_WEEKS
        naive["seasonal_364_days"] = [units[:, start : start + HORIZON_WEEKS].sum(axis=1) for units in past]
    return naive


class _Examples:
    """Training examples of a panel: features are made once for each past origin and shared by all fits."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._cache: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def fit(self, origin: int, features: int) -> Any:
        """A model of the first `features` features, from targets in weeks before `origin` only."""
        import numpy as np
        from sklearn.ensemble import HistGradientBoostingRegressor

        inputs, targets, weights = [], [], []
        for start in range(origin - HORIZON_WEEKS, LEVEL_WEEKS - 1, -TRAINING_STEP_WEEKS):
            values, level = self._at(start)
            sold = self._panel.units[:, start : start + HORIZON_WEEKS].T
            inputs.append(values[:, :, :features].reshape(-1, features))
            targets.append((sold / level).ravel())
            weights.append(np.tile(level, HORIZON_WEEKS))
        # Relative demand weighted by level, under Poisson loss, is the likelihood of counts with that level.
        estimator = HistGradientBoostingRegressor(
            loss="poisson",
            max_iter=100,
            learning_rate=0.06,
            max_leaf_nodes=8,
            max_bins=31,  # weighted binning of 255 took two thirds of the fit, for the same error
            min_samples_leaf=60,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=_SEED,
        )
        with limit_threads():
            return estimator.fit(np.concatenate(inputs), np.concatenate(targets), np.concatenate(weights))

    def forecast(self, estimator: Any, origin: int) -> "np.ndarray":
        values, level = self._at(origin)
        return _predict(estimator, values, level)

    def _at(self, origin: int) -> "tuple[np.ndarray, np.ndarray]":
        if origin not in self._cache:
            known = self._panel.before(origin)
            self._cache[origin] = build_features(known), level_of(known)
        return self._cache[origin]


def _predict(estimator: Any, features: "np.ndarray", level: "np.ndarray") -> "np.ndarray":
    weeks, products, _ = features.shape
    known = features[:, :, : estimator.n_features_in_]
    with limit_threads():
        relative = estimator.predict(known.reshape(weeks * products, -1)).reshape(weeks, products)
    return (relative * level).sum(axis=0)  # type: ignore[no-any-return]


def _total(units: "np.ndarray", origin: int) -> "np.ndarray":
    return units[:, origin : origin + HORIZON_WEEKS].sum(axis=1)  # type: ignore[no-any-return]


def _score(actual: "np.ndarray", forecast: "np.ndarray", rivals: "dict[str, np.ndarray]") -> list[Score]:
    """WAPE and MAE of 28-day totals over all origins, and WAPE at each."""
    splits = {"backtest": slice(None)} | {
        f"origin_{number + 1}": slice(number, number + 1) for number in range(len(actual))
    }
    scores = []
    for split, rows in splits.items():
        for metric, measure in (("wape", measure_wape), ("mae", measure_mae)):
            if split != "backtest" and metric == "mae":
                continue
            scores.append(
                Score(
                    split=split,
                    metric=metric,
                    value=measure(actual[rows], forecast[rows]),
                    row_count=actual[rows].size,
                    baselines={name: measure(actual[rows], values[rows]) for name, values in rivals.items()},
                    is_deciding=split == "backtest" and metric == "wape",
                    informative=frozenset({"without_market_data"}),
                )
            )
    return scores


def measure_wape(actual: "np.ndarray", forecast: "np.ndarray") -> float:
    """Weighted absolute percentage error: the sum of absolute errors over the sum of what was sold."""
    return float(abs(forecast - actual).sum() / actual.sum()) if actual.sum() else float("nan")


def measure_mae(actual: "np.ndarray", forecast: "np.ndarray") -> float:
    """Mean absolute error, in units a product and 28 days."""
    return float(abs(forecast - actual).mean())


def _wape_of(payload: Payload, panel: Panel, origin: int) -> float | None:
    if payload.get("features") != list(FEATURES) or payload.get("horizon_weeks") != HORIZON_WEEKS:
        return None
    return measure_wape(_total(panel.units, origin), forecast_demand(payload, panel.before(origin)))
