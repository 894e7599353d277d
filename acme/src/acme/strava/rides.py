"""Rides: which bike, how far, how hard; and from that, by physics, how fast and at what cost.

Energy comes from `physics`; what a power meter measures differs from it by 2.5 %, what the service estimates without
one by 9 %. Nothing else here is noise on the energy: weight, speed, distance, climb and the kind of ride explain it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acme.strava.athletes import Athletes
from acme.strava.physics import Conditions, air_density, pedal_energy_kj, speed_of
from acme.world import Floats, Ints

if TYPE_CHECKING:
    from acme.strava.activities import Setting

_ROAD, _GRAVEL, _MOUNTAIN, _VIRTUAL, _ELECTRIC = range(5)  # as in world.RIDES
_BIKE_KG = np.array([8.5, 10.5, 14.0, 8.5, 24.0])
_ROLLING = np.array([0.0045, 0.0075, 0.012, 0.0040, 0.0060])
_DRAG = np.array([1.0, 1.15, 1.3, 1.0, 1.4])
_CLIMB = np.array([1.0, 1.25, 1.8, 0.8, 0.8])
_METER_NOISE, _ESTIMATE_NOISE = 0.025, 0.09
_RIDER_KIT_KG = 1.5
_ESTIMATED_SHARE = 0.92


@dataclass(frozen=True)
class Rides:
    """Rides as arrays; `kind` is an index into `world.RIDES`. Watts are NaN where nobody knows them."""

    kind: Ints
    is_commute: np.ndarray
    is_indoor: np.ndarray
    is_measured: np.ndarray
    distance_m: Floats
    climb_m: Floats
    speed: Floats
    moving_s: Floats
    intensity: Floats
    """Share of the power the athlete can hold for an hour."""
    physics_kj: Floats
    average_watts: Floats


def make_rides(athletes: Athletes, at: "Setting", rng: np.random.Generator) -> Rides:
    """A ride for every row of the setting, whether it will be one or not: so no draw depends on another."""
    count, who = len(at.athlete), at.athlete
    is_commute = ~at.is_weekend & (rng.random(count) < athletes.commutes[who])
    is_indoor = ~is_commute & (rng.random(count) < np.where(at.is_winter, 0.35, 0.08))
    outside = np.where(
        is_commute, _ROAD, rng.choice([_ROAD, _GRAVEL, _MOUNTAIN, _ELECTRIC], count, p=[0.8, 0.11, 0.07, 0.02])
    )
    # Half of the riders in winter turn pedals in front of a wall, and call that a ride.
    kind = np.where(is_indoor, np.where(rng.random(count) < 0.6, _VIRTUAL, _ROAD), outside)
    commute_km = 4 + 12 * ((who * 7_919) % 13) / 13
    km = np.clip(rng.lognormal(np.where(at.is_weekend, 4.05, 3.45), 0.42), 6, 260)
    km = np.where(is_commute, commute_km * rng.normal(1, 0.06, count).clip(0.8, 1.4), km)
    km = np.where(is_indoor, np.clip(rng.lognormal(3.3, 0.3, count), 10, 80), km) * np.where(kind == _MOUNTAIN, 0.55, 1)
    distance = np.round(km * 1_000, 1)
    climb = km * at.hills * rng.lognormal(-0.08, 0.4, count) * _CLIMB[kind] * np.where(is_commute, 0.5, 1)
    climb = np.round(np.where(is_indoor & (kind == _ROAD), 0.0, climb), 1).astype(np.float64)
    ride = Conditions(
        mass_kg=athletes.weight_kg[who] + np.where(is_commute, 14.0, _BIKE_KG[kind]) + _RIDER_KIT_KG,
        rolling=_ROLLING[kind] + np.where(is_commute, 0.0015, 0),
        drag_area_m2=athletes.drag_area_m2[who] * _DRAG[kind] * np.where(is_commute, 1.25, 1),
        air_density=air_density(at.temperature_c, at.altitude_m),
        wind=np.where(is_indoor, 0, rng.rayleigh(2.0, count)),
        headwind=np.where(is_indoor, 0, rng.normal(0, np.where(is_commute, 0.8, 0.25))),
        distance_m=distance,
        climb_m=climb,
        stops=np.where(is_indoor, 0, km * np.where(is_commute, 0.7, 0.2)),
    )
    intensity = 0.74 * (km / 30) ** -0.06 * rng.normal(1, 0.09, count).clip(0.7, 1.3) * np.where(is_commute, 0.82, 1)
    power = athletes.threshold_w[who] * (1 + athletes.trend[who] * at.years) * intensity
    moving = np.maximum(60, np.round(distance / speed_of(ride, power)))
    physics_kj = pedal_energy_kj(ride, distance / moving)
    is_measured = athletes.has_power_meter[who] & np.isin(kind, (_ROAD, _VIRTUAL)) & ~is_commute
    is_measured |= kind == _VIRTUAL  # a smart trainer measures
    noise = rng.normal(0, 1, count).clip(-3, 3) * np.where(is_measured, _METER_NOISE, _ESTIMATE_NOISE)
    is_known = is_measured | (~is_indoor & (rng.random(count) < _ESTIMATED_SHARE))
    watts = np.round(physics_kj * (1 + noise) * 1_000 / moving, 1)
    return Rides(
        kind=kind,
        is_commute=is_commute,
        is_indoor=is_indoor,
        is_measured=is_measured,
        distance_m=distance,
        climb_m=climb,
        speed=distance / moving,
        moving_s=moving,
        intensity=intensity,
        physics_kj=np.where(kind == _ELECTRIC, np.nan, physics_kj),
        average_watts=np.where(is_known & (kind != _ELECTRIC), watts, np.nan),
    )
