"""The model: a preprocessing pipeline and a regression of the rate at which a ride costs energy, times its moving time.

What belongs here: fitting one family to given rides, and predicting. What does not: which rides, and whether it is any
good (`backtest`), or what is guessed without it (`rivals`).
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from fitness.energy.rides import CATEGORICAL_FEATURES, FEATURES, NUMERIC_FEATURES, TARGET, build_features
from headgate.models.evaluation import Payload
from headgate.models.threads import limit_threads

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ENERGY_MODEL = "fitness.ride_energy"
FAMILIES = ("physics_regression", "boosted_trees")
"""A ridge regression on powers of the speed and the climbing rate, which is how the physics goes; and trees."""
_SEED = 20_260_101


def fit_energy_model(rides: "pd.DataFrame", features: "pd.DataFrame", family: str, trained_before: date) -> Payload:
    """Fits one family to rides whose energy is known.

    Args:
        rides: `learnable` rides, at least one.
        features: `build_features`, with at least the rows of `rides`.
        family: one of `FAMILIES`.
        trained_before: the day from which on rides were kept out; noted in the payload.
    """
    energy_kj, seconds = rides[TARGET].to_numpy(), rides.moving_time_s.to_numpy()
    rate = energy_kj / seconds
    estimator = _make_pipeline(family)
    with limit_threads():
        # The longer the ride, the more kilojoules an error of its rate is.
        estimator.fit(features.loc[rides.index], rate, regression__sample_weight=seconds / seconds.mean())
    return {
        "family": family,
        "features": list(FEATURES),
        "estimator": estimator,
        "highest_rate_kj_s": float(rate.max()),
        "trained_before": trained_before.isoformat(),
        "training_rides": len(rides),
    }


def predict_energy(payload: Payload, rides: "pd.DataFrame", features: "pd.DataFrame") -> "np.ndarray":
    """Kilojoules of each ride. A rate beyond any in training is held at the highest there: nobody is that strong."""
    with limit_threads():
        rate = payload["estimator"].predict(features.loc[rides.index, payload["features"]])
    return rate.clip(0, payload["highest_rate_kj_s"]) * rides.moving_time_s.to_numpy()  # type: ignore[no-any-return]


def predict_rides(payload: Payload, rides: "pd.DataFrame", chosen: "pd.DataFrame") -> "np.ndarray":
    """Kilojoules of the chosen of all `rides`: features may look at an athlete's earlier ones."""
    return predict_energy(payload, chosen, build_features(rides))


def _make_pipeline(family: str) -> Any:
    """Imputes with the median and says that it did, scales, turns the sport into columns; then the regression."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    preprocessing = ColumnTransformer(
        [
            ("numeric", numeric, list(NUMERIC_FEATURES)),
            ("sport", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(CATEGORICAL_FEATURES)),
        ]
    )
    regressions = {
        "physics_regression": Ridge(alpha=1.0),
        "boosted_trees": HistGradientBoostingRegressor(
            max_iter=100,  # squared loss: absolute loss took twice the time for the same error
            learning_rate=0.1,
            max_leaf_nodes=12,
            min_samples_leaf=20,
            max_bins=63,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=_SEED,
        ),
    }
    return Pipeline([("preprocessing", preprocessing), ("regression", regressions[family])])
