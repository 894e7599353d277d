"""The athletes: who they are, what their bodies can do, and what they own.

What does not belong here: what they did (`activities`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from acme.strava.world import FIRST_ATHLETE_ID, PLACES, Place, StravaSpec, Stream
from acme.world import Floats, Ints

_FIRST_NAMES = ("Maya", "Jonas", "Priya", "Liam", "Sofia", "Noah", "Aiko", "Diego", "Freya", "Omar", "Clara", "Tomás")
_LAST_NAMES = ("Okafor", "Brandt", "Kulkarni", "Walsh", "Marín", "Andersen", "Tanaka", "Ferreira", "Power", "Haddad")
_BIKES = (("Canyon", "Ultimate"), ("Trek", "Checkpoint"), ("Specialized", "Tarmac"), ("Giant", "Escape"))
_SHOES = (("Saucony", "Ride 17"), ("adidas", "Boston 12"), ("Brooks", "Ghost 16"))

ROAD, GRAVEL, CITY, SHOE = "road", "gravel", "city", "shoe"


@dataclass(frozen=True)
class Athletes:
    """All athletes, a value each. Masses in kilograms, powers in watts at the start of the history."""

    athlete_id: Ints
    weight_kg: Floats
    threshold_w: Floats
    """Power an athlete can hold for an hour."""
    trend: Floats
    """How much of that power a year adds: 0.02 is 2 %."""
    drag_area_m2: Floats
    """Drag coefficient times frontal area on a road bike."""
    run_speed: Floats
    """Metres a second over ten kilometres."""
    swim_speed: Floats
    heart_rate_max: Floats
    heart_rate_rest: Floats
    shares: Floats
    """Row an athlete: how likely each activity is a ride, a run, a swim, something else."""
    activity_weight: Floats
    """How active, compared with the others."""
    commutes: Floats
    """Share of weekday rides that are commutes."""
    has_power_meter: np.ndarray[Any, np.dtype[np.bool_]]
    heart_rate_share: Floats
    """Share of activities recorded with a heart-rate strap."""
    private_share: Floats
    is_female: np.ndarray[Any, np.dtype[np.bool_]]

    def __len__(self) -> int:
        return len(self.athlete_id)

    def home(self, athlete: int) -> int:
        """Index into `PLACES`."""
        return athlete % len(PLACES)


def make_athletes(spec: StravaSpec) -> Athletes:
    rng = spec.stream(Stream.ATHLETES)
    count = spec.athletes
    is_female = rng.random(count) < 0.45
    weight = np.round(np.where(is_female, 61, 75) + rng.normal(0, 6, count), 1)
    per_kg = np.where(is_female, 3.0, 3.3) + rng.normal(0, 0.45, count)
    shares = np.column_stack(
        [
            rng.uniform(0.5, 0.8, count),
            rng.uniform(0.1, 0.3, count),
            rng.uniform(0.03, 0.1, count),
            np.full(count, 0.06),
        ]
    )
    return Athletes(
        athlete_id=FIRST_ATHLETE_ID + np.arange(count, dtype=np.int64) * 1_009,
        weight_kg=weight,
        threshold_w=np.round(weight * np.clip(per_kg, 2.0, 4.6)),
        trend=rng.normal(0.015, 0.02, count),
        drag_area_m2=0.30 * (weight / 70) ** 0.5 * rng.uniform(0.93, 1.1, count),
        run_speed=np.clip(2.2 + 0.32 * per_kg + rng.normal(0, 0.15, count), 2.3, 4.2),
        swim_speed=np.clip(rng.normal(0.95, 0.12, count), 0.7, 1.3),
        heart_rate_max=np.round(rng.normal(187, 7, count)),
        heart_rate_rest=np.round(rng.normal(52, 6, count)),
        shares=shares / shares.sum(axis=1, keepdims=True),
        activity_weight=rng.uniform(0.6, 1.6, count),
        commutes=np.where(rng.random(count) < 0.7, rng.uniform(0.15, 0.6, count), 0.0),
        # The first two differ whatever the seed: a world always has both kinds of rides.
        has_power_meter=np.where(np.arange(count) < 2, np.arange(count) == 0, rng.random(count) < 0.5),
        heart_rate_share=np.where(rng.random(count) < 0.85, rng.uniform(0.6, 0.97, count), 0.0),
        private_share=rng.uniform(0.01, 0.12, count),
        is_female=is_female,
    )


def gear_id(athlete_id: int, kind: str) -> str:
    """Bikes begin with b, shoes with g, as the real ones do."""
    number = {ROAD: 1, GRAVEL: 2, CITY: 3, SHOE: 4}[kind]
    return f"{'g' if kind == SHOE else 'b'}{athlete_id * 10 + number}"


def gear_rows(athletes: Athletes) -> list[dict[str, Any]]:
    """What each athlete owns: three bikes and a pair of shoes."""
    rows = []
    for index, athlete_id in enumerate(athletes.athlete_id.tolist()):
        for number, kind in enumerate((ROAD, GRAVEL, CITY, SHOE)):
            models = _SHOES if kind == SHOE else _BIKES
            brand, model = models[(index + number) % len(models)]
            rows.append(
                {
                    "id": gear_id(athlete_id, kind),
                    "athlete_id": athlete_id,
                    "is_primary": int(kind in (ROAD, SHOE)),
                    "name": f"{brand} {model}",
                    "brand_name": brand,
                    "model_name": model,
                    "frame_type": {ROAD: 3, GRAVEL: 5, CITY: 2}.get(kind),
                    "description": "",
                }
            )
    return rows


def athlete_rows(spec: StravaSpec, athletes: Athletes) -> list[dict[str, Any]]:
    """The profiles, a dict each."""
    rows = []
    for index, athlete_id in enumerate(athletes.athlete_id.tolist()):
        place: Place = PLACES[athletes.home(index)]
        first = _FIRST_NAMES[index % len(_FIRST_NAMES)]
        last = _LAST_NAMES[(index + index // len(_FIRST_NAMES)) % len(_LAST_NAMES)]
        rows.append(
            {
                "id": athlete_id,
                "username": f"{first}_{last}_{index + 1}".lower(),
                "firstname": first,
                "lastname": last,
                "city": place.city,
                "state": place.state,
                "country": place.country,
                "sex": "F" if athletes.is_female[index] else "M",
                "weight": float(athletes.weight_kg[index]),
                "ftp": int(athletes.threshold_w[index]) if athletes.has_power_meter[index] else None,
                "heart_rate_max": int(athletes.heart_rate_max[index]),
                "threshold_w": int(athletes.threshold_w[index]),
                "measurement_preference": "feet" if place.country == "United States" else "meters",
                "created_at": f"{spec.origin.year - spec.years - 1}-03-01T09:00:00Z",
                "updated_at": f"{spec.origin.isoformat()}T00:00:00Z",
            }
        )
    return rows
