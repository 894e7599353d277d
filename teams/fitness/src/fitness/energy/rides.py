"""Rides as the model sees them, from the team's published tables, without anything that tells their energy.

Energy is average power times moving time, so every field that comes from power tells the answer: they are not read at
all. What belongs here: which rides count and what is known of one. What does not: learning from it (`model`).
"""

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import pandas as pd

RIDE_TYPES = ("Ride", "GravelRide", "MountainBikeRide", "VirtualRide")
"""Strava's sport types whose energy is the rider's own; on an electric bike a part of it is the motor's."""

LEAKING = (
    "average_power_w",
    "weighted_average_power_w",
    "max_power_w",
    "has_power_meter",
    "average_watts",
    "weighted_average_watts",
    "max_watts",
    "device_watts",
    "kilojoules",
    "calories",
    "suffer_score",
)
"""Columns, by the platform's names and by Strava's, that come from power or from energy: never an input."""

_MEASURES = (
    "distance_m",
    "moving_time_s",
    "elapsed_time_s",
    "elevation_gain_m",
    "lowest_elevation_m",
    "highest_elevation_m",
    "max_speed_mph",
    "average_heartrate_bpm",
    "max_heartrate_bpm",
    "average_temperature_c",
)
TARGET = "energy_kj"
RIDE_COLUMNS = ("activity_id", "athlete_id", "started_at", "sport_type", "is_trainer", "is_commute", *_MEASURES)
"""What is read of a ride, beside the target."""

NUMERIC_FEATURES = (
    "distance_km",
    "moving_hours",
    "speed_m_s",
    "speed_squared",
    "speed_cubed",
    "max_speed_ratio",
    "stopped_share",
    "climb_m_per_km",
    "climb_m_s",
    "lowest_elevation_m",
    "temperature_c",
    "heartrate_bpm",
    "heartrate_ratio",
    "heartrate_peak_ratio",
    "is_trainer",
    "is_commute",
)
CATEGORICAL_FEATURES = ("sport_type",)
FEATURES = (*NUMERIC_FEATURES, *CATEGORICAL_FEATURES)

_MPH_PER_M_S = 3600 / 1609.344


def select_rides(measures: ibis.Table, activities: ibis.Table) -> ibis.Table:
    """`RIDE_COLUMNS` and the target (null where nobody knows it) of every ride that is not doubtful.

    Args:
        measures: `fct_activities`.
        activities: `dim_activities`.
    """
    kinds = activities.filter(activities.recorded_sport_type.isin(RIDE_TYPES)).select(
        "activity_id", "is_trainer", "is_commute", sport_type="recorded_sport_type"
    )
    plausible = measures.filter(~measures.is_doubtful, measures.moving_time_s > 0)
    known = plausible.select("activity_id", "athlete_id", "started_at", *_MEASURES, TARGET)
    return known.join(kinds, "activity_id").select(*RIDE_COLUMNS, TARGET)


def load_rides(rides: ibis.Table) -> "pd.DataFrame":
    """`select_rides` as a frame in the order of starts, numbers as float64 and started_at in UTC."""
    frame = rides.order_by("started_at", "activity_id").to_pandas()
    types = {name: "float64" for name in (*_MEASURES, TARGET)} | {"sport_type": object}
    return frame.astype(types | {"started_at": "datetime64[us, UTC]"}).reset_index(drop=True)


def learnable(rides: "pd.DataFrame") -> "pd.DataFrame":
    """Rides whose energy is known: the only ones a model is fitted to or judged on."""
    return rides[rides[TARGET] > 0]


def build_features(rides: "pd.DataFrame") -> "pd.DataFrame":
    """`FEATURES` of each ride, row by row; NaN where something was not measured.

    The one feature that looks beyond its own ride is `heartrate_ratio`: the average heart rate over the highest of the
    athlete's rides up to and including this one. It needs no power, and a later ride changes no earlier one.

    Args:
        rides: `RIDE_COLUMNS` in the order of starts; all rides of an athlete, not only those of interest.
    """
    import pandas as pd

    seconds, metres = rides.moving_time_s, rides.distance_m
    speed, climb = metres / seconds, rides.elevation_gain_m
    top_heartrate = rides.groupby("athlete_id").max_heartrate_bpm.cummax().groupby(rides.athlete_id).ffill()
    max_speed = rides.max_speed_mph / _MPH_PER_M_S
    features = pd.DataFrame(
        {
            "distance_km": metres / 1000,
            "moving_hours": seconds / 3600,
            "speed_m_s": speed,
            "speed_squared": speed**2,
            "speed_cubed": speed**3,
            "max_speed_ratio": (max_speed / speed).where((max_speed > 0) & (speed > 0)),
            "stopped_share": (1 - seconds / rides.elapsed_time_s).clip(0, 1),
            "climb_m_per_km": (climb / metres * 1000).where(metres > 0),
            "climb_m_s": climb / seconds,
            "lowest_elevation_m": rides.lowest_elevation_m,
            "temperature_c": rides.average_temperature_c,
            "heartrate_bpm": rides.average_heartrate_bpm,
            "heartrate_ratio": rides.average_heartrate_bpm / top_heartrate,
            "heartrate_peak_ratio": rides.average_heartrate_bpm / rides.max_heartrate_bpm,
            "is_trainer": rides.is_trainer,
            "is_commute": rides.is_commute,
        }
    ).astype("float64")
    return features.assign(sport_type=rides.sport_type.astype(object))[list(FEATURES)]
