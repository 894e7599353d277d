"""What athletes did: whole batches of activities at once, as arrays, from who, which day, and one random stream.

What belongs here: the choice of sport and how everything but a ride's energy hangs together. What does not: that energy
(`physics`, `rides`), days and zones (`schedule`), keeping it (`store`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from acme.strava.athletes import CITY, GRAVEL, ROAD, SHOE, Athletes, gear_id
from acme.strava.rides import Rides, make_rides
from acme.strava.schedule import is_weekend, places, season, start_times
from acme.strava.world import COLUMNS, OTHERS, PLACES, RIDES, StravaSpec
from acme.world import Floats, Ints

Batch = dict[str, np.ndarray]
"""A column an array, `COLUMNS` and `physics_kj`. Missing numbers are NaN, missing texts None."""

_RIDE, _RUN, _SWIM, _OTHER = range(4)
_HILLS = np.array([place.climb_m_per_km for place in PLACES])
_LATITUDE = np.array([place.latitude for place in PLACES])
_LONGITUDE = np.array([place.longitude for place in PLACES])
_ALTITUDE = np.array([place.altitude_m for place in PLACES])
_MEAN_C = np.array([place.temperature_c for place in PLACES])
_SEASON_C = np.array([place.season_c for place in PLACES])
_PARTS_OF_DAY = (("Night", 5), ("Morning", 11), ("Lunch", 14), ("Afternoon", 17), ("Evening", 22), ("Night", 24))
_NOTHING = np.array(None, object)
_DEVICES = ("Garmin Edge 840", "Wahoo ELEMNT BOLT", "Garmin Forerunner 265", "Strava App")
_NAMES = {"VirtualRide": "Virtual Ride", "GravelRide": "Gravel Ride", "MountainBikeRide": "Mountain Bike Ride"}
_NAMES |= {"EBikeRide": "E-Bike Ride", "TrailRun": "Trail Run", "WeightTraining": "Weight Training"}


@dataclass(frozen=True)
class Setting:
    """Where and when each activity of a batch takes place."""

    athlete: Ints
    day: Ints
    place: Ints
    years: Floats
    """Since the history began."""
    temperature_c: Floats
    hills: Floats
    """Metres of ascent a kilometre."""
    altitude_m: Floats
    is_weekend: np.ndarray
    is_winter: np.ndarray


def make_activities(
    spec: StravaSpec, athletes: Athletes, athlete: Ints, day: Ints, rng: np.random.Generator, *, first_id: int
) -> Batch:
    """Activities of these athletes on these UTC days, in the order of their starts; ids count up from `first_id`."""
    count = len(athlete)
    place = places(spec, athletes, athlete, day)
    summer = season(day, _LATITUDE[place])
    setting = Setting(
        athlete=athlete,
        day=day,
        place=place,
        years=(day - spec.first_day) / 365.25,
        temperature_c=_MEAN_C[place] + _SEASON_C[place] * summer + rng.normal(0, 3, count),
        hills=_HILLS[place],
        altitude_m=_ALTITUDE[place],
        is_weekend=is_weekend(day),
        is_winter=summer < -0.4,
    )
    sport = (rng.random(count)[:, None] > np.cumsum(athletes.shares[athlete], axis=1)).sum(axis=1).clip(0, 3)
    rides = make_rides(athletes, setting, rng)
    batch = _assemble(athletes, setting, sport, rides, rng)
    return _finish(batch, athletes, setting, sport, rng, first_id)


def _assemble(athletes: Athletes, at: Setting, sport: Ints, rides: Rides, rng: np.random.Generator) -> Batch:
    """Distance, times, climb and sport, whatever was done."""
    count, who = len(sport), at.athlete
    is_run, is_swim, is_other = sport == _RUN, sport == _SWIM, sport == _OTHER
    # A run: longer at weekends, slower the longer and the steeper.
    run_km = np.clip(rng.lognormal(np.where(at.is_weekend, 2.35, 1.95), 0.35), 2, 45)
    is_trail = is_run & (rng.random(count) < 0.15)
    run_climb = run_km * at.hills * rng.lognormal(-0.5, 0.5, count) * np.where(is_trail, 2.2, 1)
    run_speed = athletes.run_speed[who] * (run_km / 10) ** -0.06 * (1 - run_climb / run_km / 220)
    run_speed *= rng.normal(0.95, 0.05, count) * np.where(is_trail, 0.88, 1)
    # A swim: lengths of a 25-metre pool.
    swim_m = np.round(np.clip(rng.lognormal(7.4, 0.4, count), 400, 5_000) / 25) * 25
    swim_speed = athletes.swim_speed[who] * rng.normal(1, 0.05, count)
    kind = rng.integers(0, len(OTHERS), count)
    is_indoor = is_other & (kind >= 2)
    walk_km = np.clip(rng.lognormal(np.where(kind == 1, 2.3, 1.4), 0.35), 1, 30)
    walk_climb = walk_km * at.hills * np.where(kind == 1, 2.5, 0.7) * rng.lognormal(0, 0.3, count)
    cases = [is_run, is_swim, is_indoor, is_other]
    distance = np.select(cases, [run_km * 1_000, swim_m, 0.0, walk_km * 1_000], rides.distance_m)
    speed = np.select(cases, [run_speed, swim_speed, 1.0, np.where(kind == 1, 1.1, 1.4)], rides.speed)
    session = np.round(rng.uniform(25, 75, count)) * 60
    # Devices report the distance to 0.1 m and the time to the second; the speed follows from these.
    distance = np.round(distance, 1)
    moving = np.where(is_indoor, session, np.maximum(60, np.round(distance / speed)))
    moving = np.where(sport == _RIDE, rides.moving_s, moving)
    pause = np.where(is_indoor | rides.is_indoor & (sport == _RIDE), 0, rng.exponential(0.06, count) * moving)
    climb = np.select(cases, [run_climb, 0.0, 0.0, walk_climb], rides.climb_m)
    texts = np.select(
        [is_trail, is_run, is_swim, is_other],
        ["TrailRun", "Run", "Swim", np.array(OTHERS)[kind]],
        np.array(RIDES)[rides.kind],
    ).astype(object)
    manual = rng.random(count) < np.where(is_other, 0.2, 0.015)
    return {
        "sport_type": texts,
        "distance": distance,
        "moving_time": moving,
        "elapsed_time": moving + np.round(np.where(manual, 0, pause)),
        "total_elevation_gain": np.round(climb, 1),
        "is_indoor": is_swim | is_indoor | (sport == _RIDE) & rides.is_indoor,
        "manual": manual,
        "trainer": (sport == _RIDE) & rides.is_indoor,
        "commute": (sport == _RIDE) & rides.is_commute,
        "intensity": np.where(sport == _RIDE, rides.intensity, rng.normal(0.72, 0.07, count)),
        "physics_kj": np.where(sport == _RIDE, rides.physics_kj, np.nan),
        "average_watts": np.where((sport == _RIDE) & ~manual, rides.average_watts, np.nan),
        "device_watts": (sport == _RIDE) & rides.is_measured & ~manual,
        "gear": np.select(
            [is_run, is_swim | is_other, rides.kind == 1, rides.kind == 2, rides.is_commute],
            [SHOE, "", GRAVEL, GRAVEL, CITY],
            ROAD,
        ),
        "max_speed": speed * rng.uniform(1.25, 2.1, count),
    }


def _finish(
    parts: Batch, athletes: Athletes, at: Setting, sport: Ints, rng: np.random.Generator, first_id: int
) -> Batch:
    """Everything that follows from the parts: hours, hearts, power, names, ids."""
    count, who = len(sport), at.athlete
    manual, indoor, is_ride = parts["manual"], parts["is_indoor"], sport == _RIDE
    moving, watts = parts["moving_time"], parts["average_watts"]
    begins = _local_seconds(at, parts["commute"], rng)
    start, offset = start_times(at.day, begins, at.place)
    order = np.lexsort((np.arange(count), who, start))
    has_distance = parts["distance"] > 0
    speed = np.where(has_distance, parts["distance"] / moving, np.nan)
    # A heart follows the effort, with a delay a person cannot see in an average.
    has_heart = (rng.random(count) < athletes.heart_rate_share[who]) & ~manual & (sport != _SWIM)
    reserve = athletes.heart_rate_max[who] - athletes.heart_rate_rest[who]
    heart = athletes.heart_rate_rest[who] + reserve * np.clip(
        parts["intensity"] * 0.98 + rng.normal(0, 0.03, count), 0.3, 0.95
    )
    heart = np.where(has_heart, np.round(heart, 1), np.nan)
    peak = np.minimum(heart + rng.uniform(8, 35, count), athletes.heart_rate_max[who])
    measured = parts["device_watts"]
    kilojoules = np.round(watts * moving / 1_000, 1)
    burnt = np.where(
        is_ride & ~np.isnan(kilojoules), kilojoules * 1.11, moving / 60 * 9.5 * athletes.weight_kg[who] / 70
    )
    has_place = ~(manual | indoor)
    cadence = np.select([is_ride, sport == _RUN], [rng.normal(84, 5, count), rng.normal(86, 3, count)], np.nan)
    private = rng.random(count) < athletes.private_share[who]
    low = np.where(has_place, np.round(at.altitude_m + rng.uniform(0, 30, count), 1), np.nan)
    athlete_id = athletes.athlete_id[who]
    gear = [
        gear_id(one, kind) if kind else None
        for one, kind in zip(athlete_id.tolist(), parts["gear"].tolist(), strict=True)
    ]
    batch: Batch = {
        "athlete_id": athlete_id,
        "name": _names(parts, (start + offset) % 86_400 // 3_600),
        "description": np.full(count, None, object),
        "sport_type": parts["sport_type"],
        "start_at": start,
        "zone": np.array([place.zone for place in PLACES], object)[at.place],
        "utc_offset": offset,
        "distance": parts["distance"],
        "moving_time": moving,
        "elapsed_time": parts["elapsed_time"],
        "total_elevation_gain": np.where(indoor & ~is_ride, 0.0, parts["total_elevation_gain"]),
        "elev_high": np.round(low + parts["total_elevation_gain"] * rng.uniform(0.35, 0.8, count), 1),
        "elev_low": low,
        "average_speed": np.round(np.where(has_distance, speed, 0), 3),
        "max_speed": np.round(np.where(manual | ~has_distance, 0, np.maximum(parts["max_speed"], speed * 1.05)), 3),
        "average_cadence": np.where(manual | (rng.random(count) < 0.2), np.nan, np.round(cadence, 1)),
        "average_temp": np.where(has_place, np.round(at.temperature_c), np.nan),
        "average_watts": watts,
        "weighted_average_watts": np.where(measured, np.round(watts * rng.uniform(1.03, 1.18, count)), np.nan),
        "max_watts": np.where(measured, np.round(athletes.threshold_w[who] * rng.uniform(1.9, 4.2, count)), np.nan),
        "kilojoules": kilojoules,
        "device_watts": np.where(np.isnan(watts), np.nan, measured),
        "average_heartrate": heart,
        "max_heartrate": np.round(peak),
        "suffer_score": np.where(has_heart, np.round(moving / 60 * (parts["intensity"] ** 3) * 2.2), np.nan),
        "calories": np.round(burnt, 1),
        "trainer": parts["trainer"],
        "commute": parts["commute"],
        "manual": manual,
        "visibility": np.where(
            private, "only_me", np.where(rng.random(count) < 0.1, "followers_only", "everyone")
        ).astype(object),
        "gear_id": np.array(gear, object),
        "start_latitude": np.where(has_place, np.round(_LATITUDE[at.place] + rng.normal(0, 0.02, count), 5), np.nan),
        "start_longitude": np.where(has_place, np.round(_LONGITUDE[at.place] + rng.normal(0, 0.02, count), 5), np.nan),
        "device_name": np.where(manual, _NOTHING, np.array(_DEVICES, object)[rng.integers(0, len(_DEVICES), count)]),
        "kudos_count": np.where(private, 0, rng.poisson(6, count)),
        "achievement_count": np.where(manual | indoor, 0, rng.poisson(0.7, count)),
        "pr_count": np.where(manual | indoor, 0, rng.poisson(0.2, count)),
    }
    batch = {name: column[order] for name, column in batch.items()}
    physics = parts["physics_kj"][order]
    batch["id"] = first_id + np.arange(count, dtype=np.int64)
    batch["upload_id"] = np.where(batch["manual"], np.nan, batch["id"] + 700_000_000)
    # One athlete, one watch: two activities never begin in the same second.
    same = (np.diff(batch["start_at"], prepend=-1) == 0) & (np.diff(batch["athlete_id"], prepend=-1) == 0)
    batch["start_at"] = batch["start_at"] + same
    return {name: batch[name] for name in COLUMNS} | {"physics_kj": physics}


def _local_seconds(at: Setting, commute: np.ndarray, rng: np.random.Generator) -> Ints:
    """Local time of day at which each begins, in seconds."""
    count = len(at.day)
    is_morning = rng.random(count) < 0.5
    hour = np.select(
        [commute & is_morning, commute, at.is_weekend, is_morning],
        [
            rng.normal(7.6, 0.3, count),
            rng.normal(17.6, 0.4, count),
            rng.normal(9.2, 1.8, count),
            rng.normal(6.6, 0.6, count),
        ],
        np.where(rng.random(count) < 0.2, rng.normal(12.3, 0.4, count), rng.normal(18.2, 0.9, count)),
    )
    return (np.clip(hour, 4.5, 21.5) * 3_600).astype(np.int64)


def _names(parts: Batch, local_hour: Ints) -> np.ndarray:
    """What the service calls an activity by itself: Morning Ride, Lunch Run."""
    words = np.array([next(word for word, end in _PARTS_OF_DAY if hour < end) for hour in range(24)], object)
    names: list[Any] = [
        "Commute" if commute else f"{word} {_NAMES.get(sport, sport)}"
        for word, sport, commute in zip(words[local_hour], parts["sport_type"], parts["commute"], strict=True)
    ]
    return np.array(names, object)
