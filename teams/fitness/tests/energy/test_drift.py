from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from energy.conftest import AS_OF, Riders
from fitness.energy.checks import judge_calibration, judge_drift
from fitness.energy.drift import DRIFT_COLUMNS, measure_drift, population_stability_index
from fitness.energy.rides import NUMERIC_FEATURES


def test_the_index_by_hand() -> None:
    """Half of the former values are 0 and half are 1; of the recent ones a quarter and three quarters."""
    former, recent = np.array([0.0, 1.0] * 50), np.array([0.0, 1.0, 1.0, 1.0] * 25)
    expected = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert population_stability_index(former, recent) == pytest.approx(expected)
    assert population_stability_index(former, former) == 0


def test_rare_ones_and_missing_values_count() -> None:
    former = np.array([0.0] * 99 + [1.0])
    assert population_stability_index(former, np.array([0.0] * 50 + [1.0] * 50)) > 0.25
    assert population_stability_index(former, np.array([0.0] * 50 + [np.nan] * 50)) > 0.25
    nothing = np.full(100, np.nan)
    assert population_stability_index(nothing, nothing) == 0
    assert population_stability_index(nothing, former) > 0.25


def _twice_as_many(rides: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rides, rides.assign(activity_id=rides.activity_id + 1_000_000)]).sort_values(
        "started_at", ignore_index=True
    )


def test_a_year_like_the_one_before_is_stable(riders: Riders) -> None:
    drift = measure_drift(_twice_as_many(riders.rides), AS_OF)
    assert tuple(drift.columns) == DRIFT_COLUMNS
    assert drift.feature.tolist() == list(NUMERIC_FEATURES)
    assert drift.former_rides.min() >= 200
    assert (drift.recent_from - drift.former_from == timedelta(days=364)).all()
    assert judge_drift(ibis.memtable(drift)).passed


def test_one_sensor_gone_wrong_is_seen_and_named(riders: Riders) -> None:
    rides = _twice_as_many(riders.rides)
    recent = rides.started_at >= pd.Timestamp(AS_OF - timedelta(days=90), tz="UTC")
    fahrenheit = rides.average_temperature_c.where(~recent, rides.average_temperature_c * 1.8 + 32)
    drift = measure_drift(rides.assign(average_temperature_c=fahrenheit), AS_OF)
    assert drift[drift.level == "drifted"].feature.tolist() == ["temperature_c"]
    result = judge_drift(ibis.memtable(drift))
    assert (result.passed, result.severity.value) == (False, "WARN")
    assert float(str(result.metadata["psi temperature_c"].value)) > 0.25
    assert "temperature_c" in str(result.metadata["noticeable_inputs"].value)


def test_too_few_rides_are_not_judged(riders: Riders) -> None:
    drift = measure_drift(riders.rides.iloc[:100], AS_OF)
    assert drift.psi.isna().all()
    assert set(drift.level) == {"too_few"}
    result = judge_drift(ibis.memtable(drift.astype({"psi": "float64"})))
    assert result.passed
    assert result.metadata["measured_inputs"].value == 0


def test_a_distance_band_that_is_off_is_a_warning() -> None:
    def evaluation(predicted_kj: float, ride_count: int) -> ibis.Table:
        return ibis.memtable(
            {
                "model_version": [1, 2, 2],
                "is_candidate": [True, True, True],
                "split": ["holdout"] * 3,
                "distance_band": ["0–20 km", "0–20 km", "20–40 km"],
                "ride_count": [90, 40, ride_count],
                "predicted_kj": [9_999.0, 100.0, predicted_kj],
                "actual_kj": [1.0, 100.0, 100.0],
            }
        )

    assert judge_calibration(evaluation(110.0, 40)).passed
    off = judge_calibration(evaluation(120.0, 40))
    assert (off.passed, off.severity.value) == (False, "WARN")
    assert off.metadata["calibration 20–40 km"].value == pytest.approx(1.2)
    assert judge_calibration(evaluation(120.0, 5)).passed
