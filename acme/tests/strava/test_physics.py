"""Energy comes from physics: worked by hand for one ride, and found again in what the club's riders did."""

import numpy as np
import pytest

from acme.strava.growth import seed
from acme.strava.ledger import StravaLedger
from acme.strava.physics import Conditions, air_density, mean_force, pedal_energy_kj, speed_of
from acme.strava.world import FIRST_ATHLETE_ID

from .conftest import TODAY


def ride(**changes: float) -> Conditions:
    values = {
        "mass_kg": 80.0,
        "rolling": 0.005,
        "drag_area_m2": 0.32,
        "air_density": 1.2,
        "wind": 0.0,
        "headwind": 0.0,
        "distance_m": 10_000.0,
        "climb_m": 0.0,
        "stops": 0.0,
    }
    return Conditions(**{name: np.array([value]) for name, value in (values | changes).items()})


def test_a_flat_ride_by_hand() -> None:
    # Rolling 0.005 * 80 * 9.80665 = 3.92266 N; air 0.5 * 1.2 * 0.32 * 64 = 12.288 N at 8 m/s.
    force = mean_force(ride(), np.array([8.0]))
    assert force[0] == pytest.approx(16.21066)
    assert pedal_energy_kj(ride(), np.array([8.0]))[0] == pytest.approx(16.21066 * 10 / 0.976)
    # 16.21066 N * 8 m/s / 0.976 = 132.9 W give 8 m/s back.
    assert speed_of(ride(), np.array([16.21066 * 8 / 0.976]))[0] == pytest.approx(8.0, abs=1e-6)


def test_each_force_counts() -> None:
    flat = mean_force(ride(), np.array([8.0]))[0]
    climbed = mean_force(ride(climb_m=100.0), np.array([8.0]))[0]
    assert climbed - flat == pytest.approx(0.55 * 80 * 9.80665 * 100 / 10_000)
    stopped = mean_force(ride(stops=10.0), np.array([8.0]))[0]
    assert stopped - flat == pytest.approx(10 * 0.8 * 0.5 * 80 * 64 / 10_000)
    windy = mean_force(ride(wind=4.0), np.array([8.0]))[0]
    assert windy - flat == pytest.approx(0.5 * 1.2 * 0.32 * 8)
    assert mean_force(ride(headwind=1.0), np.array([8.0]))[0] - flat == pytest.approx(0.5 * 1.2 * 0.32 * 16)
    assert air_density(np.array([15.0]), np.array([0.0]))[0] == pytest.approx(1.225)


@pytest.fixture(scope="module")
def rides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Rides with kilojoules of a club of ten, columns as arrays."""
    folder = tmp_path_factory.mktemp("riders")
    seed(folder / "world", folder / "strava.env", activities=8_000, athletes=10, seed=3, today=TODAY)
    rows = [row for row in StravaLedger(folder / "world").seeded().to_pylist() if row["kilojoules"] is not None]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_kilojoules_are_physics_and_noise(rides: dict[str, np.ndarray]) -> None:
    error = rides["kilojoules"] / rides["physics_kj"] - 1
    measured = rides["device_watts"] == 1
    assert len(error) > 4_000 and 0.2 < measured.mean() < 0.9
    assert abs(error.mean()) < 0.005
    assert error[measured].std() == pytest.approx(0.025, rel=0.1)
    assert error[~measured].std() == pytest.approx(0.09, rel=0.1)


def test_what_a_reader_can_see_explains_the_energy(rides: dict[str, np.ndarray]) -> None:
    """A regression on the terms of the power balance, from public fields and the athlete, leaves little over."""
    distance, speed, climb = rides["distance"], rides["average_speed"], rides["total_elevation_gain"]
    who = (rides["athlete_id"] - FIRST_ATHLETE_ID) // 1_009
    road = rides["sport_type"] == "Ride"
    terms = np.column_stack([distance, distance * speed**2, climb])
    design = np.concatenate([terms * (who == number)[:, None] for number in range(10)], axis=1)[road]
    energy = rides["kilojoules"][road]
    fitted = design @ np.linalg.lstsq(design, energy, rcond=None)[0]
    explained = 1 - ((energy - fitted) ** 2).sum() / ((energy - energy.mean()) ** 2).sum()
    assert explained > 0.95
    # Time alone, with each rider's own rate, is worse by far: there is something to learn.
    moving = rides["moving_time"][road]
    rates = np.array([np.median(energy[who[road] == n] / moving[who[road] == n]) for n in range(10)])
    naive = np.abs(energy - rates[who[road]] * moving).mean()
    assert np.abs(energy - fitted).mean() < 0.75 * naive


def test_riders_are_people(rides: dict[str, np.ndarray]) -> None:
    road = (rides["sport_type"] == "Ride") & (rides["commute"] == 0) & (rides["trainer"] == 0)
    kmh = rides["average_speed"][road] * 3.6
    assert 22 < np.median(kmh) < 32 and np.percentile(kmh, 99.5) < 45 and kmh.min() > 10
    watts = rides["average_watts"][road]
    assert 120 < np.median(watts) < 220 and watts.max() < 400
