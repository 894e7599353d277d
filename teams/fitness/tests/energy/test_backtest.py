from datetime import date, timedelta

import pandas as pd
import pytest

from energy import world
from energy.conftest import AS_OF, Riders, rides_of
from fitness.energy.backtest import (
    CROSS_VALIDATION,
    GROUPS,
    HOLDOUT,
    ORIGINS,
    PERIOD_DAYS,
    TooFewRidesError,
    assign_groups,
    distance_band,
    holdout_begins,
    measure_mae_kj,
    measure_mae_pct,
    run_backtest,
    split_by_athlete_and_time,
    split_holdout,
)
from fitness.energy.model import FAMILIES
from fitness.energy.rivals import RIVALS, guess_energy


def test_a_fold_is_new_in_person_and_in_time(riders: Riders) -> None:
    folds = list(split_by_athlete_and_time(riders.rides, AS_OF))
    assert len(folds) == ORIGINS * GROUPS
    for fold in folds:
        begins = pd.Timestamp(fold.begins, tz="UTC")
        assert not set(fold.training.athlete_id) & set(fold.test.athlete_id)
        assert fold.training.started_at.max() < begins <= fold.test.started_at.min()
        assert fold.test.started_at.max() < begins + timedelta(days=PERIOD_DAYS)
        assert fold.test.started_at.max() < pd.Timestamp(holdout_begins(AS_OF), tz="UTC")
        assert (fold.training.energy_kj > 0).all()
    tested = pd.concat([fold.test for fold in folds])
    assert tested.activity_id.is_unique
    assert set(tested.athlete_id) == set(riders.rides.athlete_id)


def test_the_holdout_is_the_newest_period_for_everybody(riders: Riders) -> None:
    fold = split_holdout(riders.rides, AS_OF)
    begins = pd.Timestamp(AS_OF - timedelta(days=PERIOD_DAYS), tz="UTC")
    assert fold.training.started_at.max() < begins <= fold.test.started_at.min()
    assert set(fold.test.athlete_id) == set(riders.rides.athlete_id)


def test_rides_of_the_day_itself_or_later_take_no_part(riders: Riders) -> None:
    earlier = AS_OF - timedelta(days=100)
    folds = [*split_by_athlete_and_time(riders.rides, earlier), split_holdout(riders.rides, earlier)]
    assert max(fold.test.started_at.max() for fold in folds) < pd.Timestamp(earlier, tz="UTC")


def test_one_athlete_alone_is_split_by_time(riders: Riders) -> None:
    alone = riders.rides.assign(athlete_id=1)
    folds = list(split_by_athlete_and_time(alone, AS_OF))
    assert len(folds) == ORIGINS
    assert all(fold.training.started_at.max() < fold.test.started_at.min() for fold in folds)


def test_athletes_are_dealt_out_by_their_rides() -> None:
    groups = assign_groups(pd.Series([1] * 9 + [2] * 8 + [3] * 7 + [4] * 6 + [5] * 5))
    assert groups == {1: [1, 5], 2: [2], 3: [3], 4: [4]}


def test_every_model_and_rival_predicts_the_same_rides(riders: Riders) -> None:
    rides = {
        name: rows.sort_values("activity_id")[["activity_id", "actual_kj"]].to_numpy().tolist()
        for name, rows in riders.rows.groupby("model")
    }
    assert set(rides) == {*FAMILIES, *RIVALS}
    assert all(value == rides["median_rate"] for value in rides.values())
    assert riders.rows.groupby("split").activity_id.nunique().to_dict().keys() == {HOLDOUT, CROSS_VALIDATION}


def test_the_folds_of_the_holdout_are_its_months(riders: Riders) -> None:
    holdout = riders.rows[riders.rows.split == HOLDOUT]
    assert set(holdout.fold) - {"2026-03"} == {"2025-12", "2026-01", "2026-02"}
    assert (holdout.fold == holdout.started_at.dt.strftime("%Y-%m")).all()


def test_the_models_find_the_physics(riders: Riders) -> None:
    """The world's own noise of 5 % is an error of 4 %; two thirds of the rivals' error is explained."""
    for _, rows in riders.rows.groupby("split"):
        error = {name: measure_mae_pct(part) for name, part in rows.groupby("model")}
        best_rival = min(error[name] for name in RIVALS)
        assert all(4 < error[family] < 0.75 * best_rival for family in FAMILIES)


def test_too_few_rides_are_said_so(riders: Riders) -> None:
    with pytest.raises(TooFewRidesError, match="0 from there") as raised:
        run_backtest(riders.rides, date(2030, 1, 1))
    assert "fct_activities" in raised.value.where
    few = rides_of(*world.make_activities(rides=60))
    with pytest.raises(TooFewRidesError, match="too few"):
        run_backtest(few, AS_OF)
    recent = riders.rides[riders.rides.started_at >= pd.Timestamp(holdout_begins(AS_OF), tz="UTC") - timedelta(days=80)]
    with pytest.raises(TooFewRidesError, match="no period before the hold-out"):
        run_backtest(recent, AS_OF)


def _rides(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns).assign(athlete_id=lambda frame: frame.get("athlete_id", 1))


def test_rivals_by_hand() -> None:
    past = _rides(
        athlete_id=[1, 1, 2], moving_time_s=[1000, 2000, 1000], energy_kj=[200, 300, 300], elevation_gain_m=[0, 0, 100]
    )
    new = _rides(athlete_id=[1, 9], moving_time_s=[1000, 1000], elevation_gain_m=[50, 50])
    # Rates are 0.2, 0.15 and 0.3 kJ/s: the median of all is 0.2, athlete 1's own is 0.175; athlete 9 has no past.
    assert guess_energy("median_rate", past, new).tolist() == pytest.approx([200, 200])
    assert guess_energy("athlete_median_rate", past, new).tolist() == pytest.approx([175, 200])
    # Exactly: 100 kJ + 0.1 kJ/s and 1 kJ a metre.
    assert guess_energy("linear_time_climb", past, new).tolist() == pytest.approx([250, 250])
    with pytest.raises(ValueError, match="no rival"):
        guess_energy("oracle", past, new)


def test_errors_by_hand() -> None:
    rows = pd.DataFrame({"actual_kj": [100.0, 300.0], "predicted_kj": [110.0, 270.0]})
    assert measure_mae_kj(rows) == 20
    assert measure_mae_pct(rows) == 10


def test_the_lower_end_belongs_to_a_distance_band() -> None:
    metres = pd.Series([0, 19_999, 20_000, 59_999, 60_000, 100_000, 400_000, float("nan")])
    assert distance_band(metres).tolist() == [
        "0–20 km", "0–20 km", "20–40 km", "40–60 km", "60–100 km", "100+ km", "100+ km", "0–20 km"
    ]  # fmt: skip
