import inspect
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from energy import world
from energy.conftest import Riders, rides_of
from fitness.energy import rides as rides_module
from fitness.energy.rides import FEATURES, LEAKING, RIDE_COLUMNS, TARGET, build_features, learnable
from headgate.contract import load_contract
from headgate.team import find_team


def test_no_field_that_tells_the_energy_is_read() -> None:
    named = {*FEATURES, *RIDE_COLUMNS}
    assert not named & set(LEAKING)
    assert not named & {TARGET}
    assert not [
        name for name in named if any(word in name for word in ("power", "watt", "kj", "kilojoule", "calor", "suffer"))
    ]
    assert TARGET not in inspect.getsource(build_features)


@pytest.mark.parametrize("change", ["permuted", "removed"])
def test_power_columns_change_nothing(riders: Riders, change: str) -> None:
    rng = np.random.default_rng(0)
    powers = [name for name in riders.measures if name in LEAKING]
    assert len(powers) == 3
    changed = riders.measures.drop(columns=powers)
    if change == "permuted":
        changed = changed.assign(**{name: rng.permutation(riders.measures[name]) for name in powers})
        assert not changed.average_power_w.equals(riders.measures.average_power_w)
    rides = rides_of(changed, riders.activities)
    pd.testing.assert_frame_equal(rides, riders.rides)
    pd.testing.assert_frame_equal(build_features(rides), build_features(riders.rides))


def test_features_know_nothing_of_the_energy(riders: Riders) -> None:
    blind = riders.rides.assign(energy_kj=math.nan)
    pd.testing.assert_frame_equal(build_features(blind), build_features(riders.rides))


def test_doubtful_rides_electric_bikes_and_other_sports_are_left_out() -> None:
    measures, activities = world.make_activities(rides=200)
    measures = measures.assign(is_doubtful=False)
    measures.loc[0, "is_doubtful"] = True
    measures.loc[1, "moving_time_s"] = -5
    kinds = ["Ride"] * 197 + ["EBikeRide", "Run", "VirtualRide"]
    rides = rides_of(measures, activities.assign(recorded_sport_type=kinds))
    assert sorted(rides.activity_id) == [*range(1_002, 1_197), 1_199]


def test_only_rides_with_energy_are_learnt_from(riders: Riders) -> None:
    known = learnable(riders.rides)
    assert 0 < len(known) < len(riders.rides)
    assert known[TARGET].min() > 0


def test_features_by_hand() -> None:
    ride = {
        "activity_id": 1,
        "athlete_id": 7,
        "started_at": pd.Timestamp("2026-01-05 08:00", tz="UTC"),
        "sport_type": "Ride",
        "is_trainer": False,
        "is_commute": True,
        "distance_m": 36_000.0,
        "moving_time_s": 3_600.0,
        "elapsed_time_s": 4_800.0,
        "elevation_gain_m": 360.0,
        "lowest_elevation_m": 12.0,
        "highest_elevation_m": 250.0,
        "max_speed_mph": 20 * 3600 / 1609.344,
        "average_heartrate_bpm": 120.0,
        "max_heartrate_bpm": 150.0,
        "average_temperature_c": math.nan,
    }
    later = ride | {"activity_id": 2, "started_at": pd.Timestamp("2026-01-06", tz="UTC"), "max_heartrate_bpm": 200.0}
    first, second = build_features(pd.DataFrame([ride, later])).to_dict("records")
    assert (first["distance_km"], first["moving_hours"], first["speed_m_s"]) == (36, 1, 10)
    assert (first["speed_squared"], first["speed_cubed"]) == (100, 1000)
    assert first["max_speed_ratio"] == pytest.approx(2)
    assert (first["stopped_share"], first["climb_m_per_km"], first["climb_m_s"]) == (0.25, 10, 0.1)
    assert (first["is_commute"], first["is_trainer"], first["sport_type"]) == (1, 0, "Ride")
    assert math.isnan(first["temperature_c"])
    # The highest heart rate so far is 150 on the first day; a later 200 does not reach back.
    assert (first["heartrate_ratio"], second["heartrate_ratio"]) == (0.8, 0.6)


def test_a_ride_without_distance_or_elevation_has_empty_features(riders: Riders) -> None:
    ride = riders.rides.iloc[[0]].assign(distance_m=0.0, elevation_gain_m=math.nan)
    (features,) = build_features(ride).to_dict("records")
    assert features["speed_m_s"] == 0
    assert math.isnan(features["climb_m_per_km"])
    assert math.isnan(features["max_speed_ratio"])
    assert not np.isinf(list(features.values())[:-1]).any()


def test_the_published_tables_have_what_is_read() -> None:
    folder = find_team(Path(rides_module.__file__)).contracts_folder
    measures = {column.name for column in load_contract(folder / "fct_activities.odcs.yaml").columns}
    activities = {column.name for column in load_contract(folder / "dim_activities.odcs.yaml").columns}
    assert {*RIDE_COLUMNS, TARGET, "is_doubtful"} - {"sport_type", "is_trainer", "is_commute"} <= measures
    assert {"activity_id", "recorded_sport_type", "is_trainer", "is_commute"} <= activities
