"""From the back-test to a candidate for the registry, and to the published evaluation."""

from datetime import date
from typing import TYPE_CHECKING

from fitness.energy.backtest import (
    CROSS_VALIDATION,
    HOLDOUT,
    distance_band,
    measure_mae_kj,
    measure_mae_pct,
    split_holdout,
)
from fitness.energy.model import ENERGY_MODEL, FAMILIES, fit_energy_model, predict_energy
from fitness.energy.rides import FEATURES, TARGET, build_features
from fitness.energy.rivals import RIVALS
from headgate.models.evaluation import Candidate, Payload, Score

if TYPE_CHECKING:
    import pandas as pd

_METRICS = {"mae_kj": measure_mae_kj, "mae_pct": measure_mae_pct}


def choose_family(rows: "pd.DataFrame") -> str:
    """The family with the least mean absolute error in cross-validation; the hold-out has no say."""
    cross_validation = rows[rows.split == CROSS_VALIDATION]
    return min(FAMILIES, key=lambda family: measure_mae_kj(cross_validation[cross_validation.model == family]))


def make_candidate(rides: "pd.DataFrame", rows: "pd.DataFrame", as_of: date) -> Candidate:
    """The chosen family, fitted on what precedes the hold-out, with its scores beside the rivals'.

    It has to beat every rival's mean absolute error in cross-validation and on the hold-out.

    Args:
        rides: as `load_rides` gives them.
        rows: `run_backtest` of these rides.
    """
    family, features, holdout = choose_family(rows), build_features(rides), split_holdout(rides, as_of)

    def score_payload(payload: Payload) -> float | None:
        if payload.get("features") != list(FEATURES):
            return None
        error_kj = predict_energy(payload, holdout.test, features) - holdout.test[TARGET].to_numpy()
        return float(abs(error_kj).mean())

    return Candidate(
        model=ENERGY_MODEL,
        payload=fit_energy_model(holdout.training, features, family, holdout.begins),
        scores=tuple(
            _score(rows[rows.split == split], split, metric, family)
            for split in (CROSS_VALIDATION, HOLDOUT)
            for metric in _METRICS
        ),
        score_payload=score_payload,
        duel_split=HOLDOUT,
        parameters={
            "family": family,
            "features": ", ".join(FEATURES),
            "training_rides": str(len(holdout.training)),
            "trained_before": holdout.begins.isoformat(),
        },
    )


def _score(rows: "pd.DataFrame", split: str, metric: str, family: str) -> Score:
    measure, by_model = _METRICS[metric], dict(list(rows.groupby("model")))
    others = [*RIVALS, *(name for name in FAMILIES if name != family)]
    return Score(
        split=split,
        metric=metric,
        value=measure(by_model[family]),
        row_count=len(by_model[family]),
        baselines={name: measure(by_model[name]) for name in others},
        is_deciding=metric == "mae_kj",
        informative=frozenset(FAMILIES),
    )


def summarize_errors(rows: "pd.DataFrame") -> "pd.DataFrame":
    """One row a split, fold, model, athlete and distance band.

    Rides and energies add up over any of these, so a consumer gets the error of any part as
    sum(absolute_error_kj) / sum(ride_count), and the calibration as sum(predicted_kj) / sum(actual_kj).
    """
    cells = rows.assign(
        distance_band=distance_band(rows.distance_m), absolute_error_kj=(rows.predicted_kj - rows.actual_kj).abs()
    ).groupby(["split", "fold", "model", "athlete_id", "distance_band"], as_index=False)
    summed = cells.agg(
        ride_count=("activity_id", "size"),
        actual_kj=("actual_kj", "sum"),
        predicted_kj=("predicted_kj", "sum"),
        absolute_error_kj=("absolute_error_kj", "sum"),
    )
    return summed.assign(
        mae_kj=summed.absolute_error_kj / summed.ride_count,
        mae_pct=summed.absolute_error_kj / summed.actual_kj * 100,
        calibration=summed.predicted_kj / summed.actual_kj,
    )
