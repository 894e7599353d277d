"""A small club with known physics, so that a test can say what a model must find.

Six athletes ride for two years. Power is rolling, air and climbing (Martin et al. 1998) for each one's own mass and drag; heart
rate follows power. The recorded energy is that with noise of 5 %. Same seed, same club. Columns are the published ones.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

TODAY = datetime(2026, 3, 2, tzinfo=UTC)
ATHLETES = 6
DAYS = 730
NOISE = 0.05


def make_activities(seed: int = 3, *, rides: int = 1500, athletes: int = ATHLETES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`fct_activities` and `dim_activities`, in the columns the model reads and those it must not."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, athletes, rides)
    start = np.sort(rng.integers(0, DAYS * 86_400, rides))
    mass, drag_area = 72 + 6.0 * who, 0.28 + 0.02 * who
    km = rng.lognormal(3.5, 0.5, rides).clip(5, 180)
    climb_m = km * rng.gamma(2, 6, rides)
    power = (170 + 12 * who) * rng.normal(1, 0.12, rides).clip(0.6, 1.4)
    speed = _speed(power, mass, drag_area, climb_m / km / 1000)
    seconds = np.round(km * 1000 / speed)
    energy_kj = power * seconds / 1000 * rng.normal(1, NOISE, rides)
    heartrate = np.where(rng.random(rides) < 0.7, 60 + 0.42 * power + rng.normal(0, 4, rides), np.nan)
    is_known = rng.random(rides) < 0.8
    measures = pd.DataFrame(
        {
            "activity_id": np.arange(rides) + 1_000,
            "athlete_id": who + 1,
            "started_at": [TODAY - timedelta(days=DAYS) + timedelta(seconds=int(second)) for second in start],
            "distance_m": km * 1000,
            "moving_time_s": seconds.astype("int64"),
            "elapsed_time_s": (seconds * rng.uniform(1, 1.3, rides)).astype("int64"),
            "elevation_gain_m": climb_m,
            "lowest_elevation_m": rng.uniform(0, 300, rides),
            "highest_elevation_m": rng.uniform(300, 900, rides),
            "max_speed_mph": speed * 2 * 2.2369,
            "average_heartrate_bpm": heartrate,
            "max_heartrate_bpm": heartrate + rng.uniform(5, 25, rides),
            "average_temperature_c": rng.normal(14, 7, rides),
            "average_power_w": np.where(is_known, energy_kj / seconds * 1000, np.nan),
            "weighted_average_power_w": np.where(is_known, energy_kj / seconds * 1040, np.nan),
            "max_power_w": np.where(is_known, 700.0, np.nan),
            "energy_kj": np.where(is_known, energy_kj, np.nan),
            "is_doubtful": np.arange(rides) % 100 == 99,
        }
    )
    kinds = np.where(np.arange(rides) % 50 == 0, "EBikeRide", rng.choice(["Ride", "GravelRide"], rides, p=[0.9, 0.1]))
    activities = measures[["activity_id"]].assign(
        recorded_sport_type=kinds, is_trainer=False, is_commute=rng.random(rides) < 0.1, has_power_meter=is_known
    )
    return measures, activities


def _speed(power: np.ndarray, mass: np.ndarray, drag_area: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Metres a second at which the power is used up: bisection, because force grows with speed."""
    low, high = np.full(len(power), 0.5), np.full(len(power), 25.0)
    for _ in range(50):
        middle = (low + high) / 2
        needed = (mass * 9.81 * (0.005 + slope * 0.5) + 0.6 * drag_area * middle**2) * middle
        low, high = np.where(needed < power, middle, low), np.where(needed < power, high, middle)
    return low
