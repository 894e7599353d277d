"""What a ride costs: energy at the pedals from rolling, air, climbing and stopping, and the speed a power gives.

Forces are averages over a whole ride, in newtons, so energy is force times distance. All functions take arrays.
Sources: the usual road-cycling power balance (Martin et al. 1998), with averages over a loop for wind and climbing.
"""

from dataclasses import dataclass

import numpy as np

from acme.world import Floats

GRAVITY = 9.80665
DRIVETRAIN_EFFICIENCY = 0.976
CLIMB_LOSS = 0.55
"""Share of the energy of climbing that a loop does not give back on its descents: braking, and air at high speed."""
STOP_LOSS = 0.8
"""Share of the kinetic energy that a stop destroys; the rest is rolled out."""


@dataclass(frozen=True)
class Conditions:
    """A ride but for its speed.

    Args:
        mass_kg: rider, bike and what is carried.
        rolling: coefficient of rolling resistance.
        drag_area_m2: drag coefficient times frontal area.
        air_density: kilograms a cubic metre.
        wind: metres a second, felt from all sides on a loop.
        headwind: metres a second that remain on average, against the rider.
        distance_m, climb_m: length and ascent.
        stops: how often the rider comes to a halt.
    """

    mass_kg: Floats
    rolling: Floats
    drag_area_m2: Floats
    air_density: Floats
    wind: Floats
    headwind: Floats
    distance_m: Floats
    climb_m: Floats
    stops: Floats


def air_density(temperature_c: Floats, altitude_m: Floats) -> Floats:
    """Kilograms a cubic metre, by the gas law and the barometric formula."""
    return 1.225 * 288.15 / (273.15 + temperature_c) * np.exp(-altitude_m / 8_400)


def mean_force(ride: Conditions, speed: Floats) -> Floats:
    """Newtons at the rear wheel at a mean speed in metres a second.

    Air: the mean of (v + w cos a)^2 over all directions is v^2 + w^2 / 2; a headwind h that remains adds 2 v h.
    """
    rolling = ride.rolling * ride.mass_kg * GRAVITY
    air = 0.5 * ride.air_density * ride.drag_area_m2 * (speed**2 + ride.wind**2 / 2 + 2 * speed * ride.headwind)
    climbing = CLIMB_LOSS * ride.mass_kg * GRAVITY * ride.climb_m / ride.distance_m
    stopping = STOP_LOSS * 0.5 * ride.mass_kg * speed**2 * ride.stops / ride.distance_m
    return rolling + np.maximum(air, 0) + climbing + stopping


def pedal_energy_kj(ride: Conditions, speed: Floats) -> Floats:
    """Kilojoules at the pedals for the whole distance."""
    return mean_force(ride, speed) * ride.distance_m / DRIVETRAIN_EFFICIENCY / 1_000


def speed_of(ride: Conditions, power_w: Floats) -> Floats:
    """Metres a second that a mean power at the pedals gives; found by halving, the force grows with the speed."""
    low, high = np.full_like(power_w, 1.0), np.full_like(power_w, 20.0)
    for _ in range(40):
        middle = (low + high) / 2
        is_too_fast = mean_force(ride, middle) * middle > power_w * DRIVETRAIN_EFFICIENCY
        low, high = np.where(is_too_fast, low, middle), np.where(is_too_fast, middle, high)
    return (low + high) / 2
