"""What the club's world is: its parameters, its places, its random streams, and the columns of an activity.

Nothing here draws anything. Days are days since 1970-01-01, in UTC; the world clock `today` is a day, and the world
holds what started before its first second.
"""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Any

import numpy as np

from acme.errors import AcmeError
from acme.world import EPOCH, SECONDS_PER_DAY

FIRST_ACTIVITY_ID = 10_000_000_001
"""Ids count from here in the order of upload: above 32 bits, as the real ones are."""

DOUBTFUL_ID_START = 90_000_000_000
"""Ids of doubtful activities lie above; no regular one ever reaches them."""

FIRST_ATHLETE_ID = 41_000_001

CHANGE_DAYS = 28
"""The bound: an activity that appears late, or is edited by the passing of days, started at most this long ago."""

MOST_ACTIVITIES, MOST_ATHLETES, MOST_YEARS = 1_000_000, 500, 20


class Stream(IntEnum):
    """What a random stream is for; each (seed, purpose, number) has its own."""

    ATHLETES = 101
    SCHEDULE = 102
    ACTIVITIES = 103
    ADVANCE = 104
    EDITS = 105
    FAULTS = 106
    TRIPS = 107
    TRACKS = 108
    SEGMENTS = 109


@dataclass(frozen=True, kw_only=True)
class StravaSpec:
    """The parameters that determine a world completely.

    Args:
        seed: any non-negative integer.
        activities: how many it holds when it is seeded, exactly.
        athletes: how many accounts.
        years: length of the history.
        origin: the world clock at seeding.
    """

    seed: int
    activities: int
    athletes: int
    years: int
    origin: date

    def __post_init__(self) -> None:
        enough = self.athletes <= self.activities <= MOST_ACTIVITIES
        if not (enough and 1 <= self.athletes <= MOST_ATHLETES and 1 <= self.years <= MOST_YEARS and self.seed >= 0):
            raise AcmeError(
                f"No club has {self.activities} activities of {self.athletes} athletes in {self.years} years",
                where="--activities, --athletes, --years, --seed",
                next_step=f"ask for 1 to {MOST_ATHLETES} athletes, up to {MOST_ACTIVITIES:,} activities and at least one "
                f"an athlete, 1 to {MOST_YEARS} years, and a seed of 0 or more",
            )

    @property
    def days(self) -> int:
        return round(self.years * 365.25)

    @property
    def first_day(self) -> int:
        return day_number(self.origin) - self.days

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "origin": self.origin.isoformat()}

    def stream(self, purpose: Stream, number: int = 0) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.seed, int(purpose), number]))


def read_spec(document: dict[str, Any]) -> StravaSpec:
    """The inverse of `as_json`; further keys are ignored."""
    names = ("seed", "activities", "athletes", "years")
    return StravaSpec(**{name: document[name] for name in names}, origin=date.fromisoformat(document["origin"]))


def day_number(day: date) -> int:
    return (day - EPOCH).days


def day_of(number: int) -> date:
    return EPOCH + timedelta(days=number)


def first_second(day: date) -> int:
    """Epoch seconds of a day's beginning in UTC."""
    return day_number(day) * SECONDS_PER_DAY


@dataclass(frozen=True)
class Place:
    """Where somebody lives or travels to.

    Args:
        climb_m_per_km: metres of ascent that a kilometre of an average road ride has there.
        temperature_c: mean of the year; the seasons swing `season_c` around it.
    """

    city: str
    state: str
    country: str
    zone: str
    latitude: float
    longitude: float
    altitude_m: float
    climb_m_per_km: float
    temperature_c: float
    season_c: float


PLACES = (
    Place("Oakland", "California", "United States", "America/Los_Angeles", 37.80, -122.27, 20, 13, 15, 5),
    Place("Freiburg", "Baden-Württemberg", "Germany", "Europe/Berlin", 47.99, 7.85, 280, 12, 11, 9),
    Place("Sydney", "New South Wales", "Australia", "Australia/Sydney", -33.87, 151.21, 30, 10, 18, 5),
    Place("Pune", "Maharashtra", "India", "Asia/Kolkata", 18.52, 73.86, 560, 8, 25, 4),
    Place("New York", "New York", "United States", "America/New_York", 40.78, -73.97, 20, 7, 13, 12),
    Place("Girona", "Catalunya", "Spain", "Europe/Madrid", 41.98, 2.82, 80, 14, 16, 8),
    Place("São Paulo", "São Paulo", "Brazil", "America/Sao_Paulo", -23.55, -46.63, 760, 11, 20, 3),
    Place("St. John's", "Newfoundland", "Canada", "America/St_Johns", 47.56, -52.71, 40, 12, 6, 9),
    Place("Auckland", "Auckland", "New Zealand", "Pacific/Auckland", -36.85, 174.76, 40, 11, 16, 4),
    Place("Sapporo", "Hokkaido", "Japan", "Asia/Tokyo", 43.06, 141.35, 20, 9, 9, 13),
)

COLUMNS: dict[str, str] = {
    "id": "integer primary key",
    "athlete_id": "integer not null",
    "name": "text not null",
    "description": "text",
    "sport_type": "text not null",
    "start_at": "integer not null",
    "zone": "text not null",
    "utc_offset": "integer not null",
    "distance": "real",
    "moving_time": "integer",
    "elapsed_time": "integer",
    "total_elevation_gain": "real",
    "elev_high": "real",
    "elev_low": "real",
    "average_speed": "real",
    "max_speed": "real",
    "average_cadence": "real",
    "average_temp": "integer",
    "average_watts": "real",
    "weighted_average_watts": "integer",
    "max_watts": "integer",
    "kilojoules": "real",
    "device_watts": "integer",
    "average_heartrate": "real",
    "max_heartrate": "real",
    "suffer_score": "real",
    "calories": "real",
    "trainer": "integer not null",
    "commute": "integer not null",
    "manual": "integer not null",
    "visibility": "text not null",
    "gear_id": "text",
    "start_latitude": "real",
    "start_longitude": "real",
    "device_name": "text",
    "kudos_count": "integer not null",
    "achievement_count": "integer not null",
    "pr_count": "integer not null",
    "upload_id": "integer",
}
"""An activity as it is kept, with SQLite's types. Metres, seconds, metres a second, watts, kilojoules; times are epoch
seconds. What the API calls otherwise, or derives, is said in `acme.strava.documents`."""

ACTIVITY_TYPES = {
    "GravelRide": "Ride",
    "MountainBikeRide": "Ride",
    "TrailRun": "Run",
}
"""The older field `type` where it differs from `sport_type`."""

RIDES = ("Ride", "GravelRide", "MountainBikeRide", "VirtualRide", "EBikeRide")
RUNS = ("Run", "TrailRun")
SWIMS = ("Swim",)
OTHERS = ("Walk", "Hike", "WeightTraining", "Yoga")
