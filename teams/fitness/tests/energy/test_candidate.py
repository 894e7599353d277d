from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from energy.conftest import AS_OF, Riders
from fitness.energy.backtest import CROSS_VALIDATION, HOLDOUT, measure_mae_kj, run_backtest, split_holdout
from fitness.energy.candidate import choose_family, make_candidate, summarize_errors
from fitness.energy.model import ENERGY_MODEL, FAMILIES, fit_energy_model, predict_rides
from fitness.energy.predictions import PREDICTION_COLUMNS, predict_new_rides
from fitness.energy.rides import build_features, learnable
from headgate.models.evaluation import Candidate, Decision
from headgate.models.promotion import submit
from headgate.models.registry import ModelRegistry


@pytest.fixture(scope="session")
def candidate(riders: Riders) -> Candidate:
    return make_candidate(riders.rides, riders.rows, AS_OF)


def test_what_is_stored_is_what_was_judged(riders: Riders, candidate: Candidate) -> None:
    scores = {(score.split, score.metric): score for score in candidate.scores}
    assert set(scores) == {(split, metric) for split in (HOLDOUT, CROSS_VALIDATION) for metric in ("mae_kj", "mae_pct")}
    assert candidate.score_payload(candidate.payload) == pytest.approx(scores[HOLDOUT, "mae_kj"].value)
    assert candidate.payload["family"] == choose_family(riders.rows)


def test_cross_validation_chooses_and_the_holdout_has_no_say(riders: Riders) -> None:
    chosen, other = choose_family(riders.rows), next(name for name in FAMILIES if name != choose_family(riders.rows))
    spoilt = (riders.rows.split == HOLDOUT) & (riders.rows.model == chosen)
    assert choose_family(riders.rows.assign(predicted_kj=riders.rows.predicted_kj.mask(spoilt, 0))) == chosen
    spoilt = (riders.rows.split == CROSS_VALIDATION) & (riders.rows.model == chosen)
    assert choose_family(riders.rows.assign(predicted_kj=riders.rows.predicted_kj.mask(spoilt, 0))) == other


def test_champion_stays_unless_beaten_on_the_same_rides(
    riders: Riders, candidate: Candidate, registry: ModelRegistry
) -> None:
    """Both ways: a worse fit does not replace a better one, a better one does replace a worse."""
    holdout = split_holdout(riders.rides, AS_OF)
    features = build_features(riders.rides)
    poor = fit_energy_model(holdout.training.iloc[:60], features, candidate.payload["family"], holdout.begins)
    # Not poor enough to lose to the baselines as judged, but on the hold-out it is worse.
    weak = replace(candidate, payload=poor)
    assert candidate.score_payload(poor) > candidate.score_payload(candidate.payload)  # type: ignore[operator]

    assert submit(registry, weak, run_id="one").decision is Decision.CHAMPION
    better = submit(registry, candidate, run_id="two")
    assert (better.decision, better.champion_version) == (Decision.CHAMPION, 2)
    worse = submit(registry, weak, run_id="three")
    assert (worse.decision, worse.champion_version) == (Decision.CHALLENGER, 2)
    again = submit(registry, candidate, run_id="four")
    assert (again.decision, again.champion_version) == (Decision.CHALLENGER, 2)
    stored = registry.champion(ENERGY_MODEL)
    new = holdout.test
    np.testing.assert_array_equal(
        predict_rides(stored.payload, riders.rides, new), predict_rides(candidate.payload, riders.rides, new)
    )


def test_a_model_no_better_than_a_baseline_is_refused(riders: Riders, registry: ModelRegistry) -> None:
    """Energies dealt out at random in the hold-out: nothing can be learnt, and the median is the best guess."""
    rng = np.random.default_rng(1)
    known = learnable(riders.rides)
    seconds = known.moving_time_s
    lottery = riders.rides.assign(
        energy_kj=pd.Series(seconds * rng.lognormal(-1.6, 0.5, len(known)), index=known.index)
    )
    unlearnable = make_candidate(lottery, run_backtest(lottery, AS_OF), AS_OF)
    outcome = submit(registry, unlearnable, run_id="one")
    assert (outcome.decision, outcome.champion_version) == (Decision.REFUSED, None)


def test_losing_on_one_split_alone_is_enough_to_be_refused(
    riders: Riders, candidate: Candidate, registry: ModelRegistry
) -> None:
    lost = tuple(
        replace(score, baselines={**score.baselines, "median_rate": 0.1}) if score.split == HOLDOUT else score
        for score in candidate.scores
    )
    assert submit(registry, replace(candidate, scores=lost), run_id="one").decision is Decision.REFUSED


def test_a_champion_of_other_features_is_not_compared(candidate: Candidate) -> None:
    assert candidate.score_payload({**candidate.payload, "features": ["distance_km"]}) is None


def test_cells_add_up_to_the_rows(riders: Riders) -> None:
    cells = summarize_errors(riders.rows)
    family = choose_family(riders.rows)
    holdout = cells[(cells.split == HOLDOUT) & (cells.model == family)]
    rows = riders.rows[(riders.rows.split == HOLDOUT) & (riders.rows.model == family)]
    assert holdout.ride_count.sum() == len(rows) > 50
    assert holdout.absolute_error_kj.sum() / holdout.ride_count.sum() == pytest.approx(measure_mae_kj(rows))
    keys = ["split", "fold", "model", "athlete_id", "distance_band"]
    assert not cells.duplicated(keys).any()
    one = cells.iloc[0]
    assert one.mae_kj == one.absolute_error_kj / one.ride_count
    assert one.calibration == one.predicted_kj / one.actual_kj


def test_new_rides_are_those_not_learnt_from(riders: Riders, candidate: Candidate) -> None:
    predictions = predict_new_rides(candidate.payload, riders.rides, version=3, as_of=AS_OF)
    assert tuple(predictions.columns) == PREDICTION_COLUMNS
    begins = pd.Timestamp(candidate.payload["trained_before"], tz="UTC")
    learnt = riders.rides[(riders.rides.started_at < begins) & (riders.rides.energy_kj > 0)]
    assert len(learnt) == candidate.payload["training_rides"]
    assert set(predictions.activity_id) == set(riders.rides.activity_id) - set(learnt.activity_id)
    assert predictions.recorded_energy_kj.isna().any()
    assert predictions.recorded_energy_kj.notna().any()
    assert predictions.predicted_energy_kj.between(1, 25_000).all()
    earlier = predict_new_rides(candidate.payload, riders.rides, version=3, as_of=begins.date())
    assert earlier.recorded_energy_kj.isna().all()
    none = predict_new_rides(candidate.payload, riders.rides.iloc[:0], version=3, as_of=AS_OF)
    assert len(none) == 0
    assert tuple(none.columns) == PREDICTION_COLUMNS


def test_nobody_is_stronger_than_anybody_in_training(riders: Riders, candidate: Candidate) -> None:
    rocket = riders.rides.iloc[[-1]].assign(distance_m=1e9, moving_time_s=3600.0)
    (energy_kj,) = predict_rides(candidate.payload, rocket, rocket)
    assert 0 <= energy_kj <= candidate.payload["highest_rate_kj_s"] * 3600


def test_a_ride_that_was_hardly_measured_is_predicted_too(riders: Riders, candidate: Candidate) -> None:
    blank = riders.rides.iloc[[-1]].assign(
        average_heartrate_bpm=np.nan,
        max_heartrate_bpm=np.nan,
        average_temperature_c=np.nan,
        elevation_gain_m=np.nan,
        lowest_elevation_m=np.nan,
        max_speed_mph=np.nan,
        sport_type="Unicycle",
    )
    (energy_kj,) = predict_rides(candidate.payload, blank, blank)
    assert energy_kj > 0
