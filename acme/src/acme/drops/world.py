"""What the world of subscriptions is: its parameters, its price list, its regions, its random streams.

Nothing here draws anything. Days are days since 1970-01-01, in UTC; the world clock `today` is a day, and the world
holds what happened before its first second. A SKU's price is in cents for one unit and month.
"""

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from enum import IntEnum
from typing import Any

import numpy as np

from acme.errors import AcmeError
from acme.world import EPOCH

INVOICES, TELEMETRY_X, TELEMETRY_Y, MASTER = "invoices", "telemetry_x", "telemetry_y", "master_data"
SOURCES = (INVOICES, TELEMETRY_X, TELEMETRY_Y, MASTER)
TELEMETRY = {TELEMETRY_X: "X", TELEMETRY_Y: "Y"}
"""Each product's source of telemetry."""

PRODUCTS = ("X", "Y")
MOST_CUSTOMERS, MOST_DAYS = 5_000, 7_400
EDGE_DAYS = (28, 29, 30, 31)
"""Customers 1 to 4 used their product last this many days before the newest day of the seeding."""


class Stream(IntEnum):
    """What a random stream is for; each (seed, purpose, number) has its own."""

    CUSTOMERS = 201
    CHAINS = 202
    DEPLOYMENTS = 203
    BEATS = 204
    DELIVERY = 205
    DOUBTS = 206
    FAULTS = 207


@dataclass(frozen=True)
class Sku:
    """A row of the price list."""

    sku: str
    product: str
    is_vcpu: bool
    price_cents: int


SKUS = (
    Sku("X-VCPU-STD", "X", True, 1_900),
    Sku("X-VCPU-PREM", "X", True, 2_650),
    Sku("X-SUPPORT", "X", False, 45_000),
    Sku("Y-VCPU-STD", "Y", True, 1_250),
    Sku("Y-VCPU-PREM", "Y", True, 1_790),
    Sku("Y-STORAGE-TB", "Y", False, 2_300),
)


@dataclass(frozen=True)
class Region:
    """Where deployments run; `zone` is the local time of the people who use them."""

    cloud: str
    region: str
    zone: str


REGIONS = (
    Region("aws", "us-east-1", "America/New_York"),
    Region("aws", "eu-central-1", "Europe/Berlin"),
    Region("azure", "westeurope", "Europe/Amsterdam"),
    Region("azure", "australiaeast", "Australia/Sydney"),
    Region("gcp", "us-west1", "America/Los_Angeles"),
    Region("gcp", "asia-south1", "Asia/Kolkata"),
)
COUNTRIES = ("US", "DE", "NL", "AU", "IN", "BR")
SEGMENTS = ("small", "medium", "large")


@dataclass(frozen=True, kw_only=True)
class DropsSpec:
    """The parameters that determine a world completely.

    Args:
        seed: any non-negative integer.
        customers: how many it has when it is seeded, at least 8.
        days: length of the history.
        dense_days: for so many days before `origin`, and ever after, a deployment beats every `dense_minutes`.
        earlier_minutes: how often it beat before; 1440 is once a day.
        origin: the world clock at seeding.
        layout_change: the day from which the invoices' dumps have their new columns.
    """

    seed: int
    customers: int
    days: int
    dense_days: int
    dense_minutes: int
    earlier_minutes: int
    origin: date
    layout_change: date

    def __post_init__(self) -> None:
        minutes = (self.dense_minutes, self.earlier_minutes)
        if not (
            8 <= self.customers <= MOST_CUSTOMERS
            and 1 <= self.days <= MOST_DAYS
            and 0 <= self.dense_days
            and all(1 <= one <= 1_440 and 1_440 % one == 0 for one in minutes)
            and self.seed >= 0
        ):
            raise AcmeError(
                f"No world has {self.customers} customers, {self.days} days, beats every {minutes[0]} and {minutes[1]} "
                "minutes",
                where="--customers, --days, --dense-days, --dense-minutes, --earlier-minutes, --seed",
                next_step=f"ask for 8 to {MOST_CUSTOMERS:,} customers, 1 to {MOST_DAYS:,} days, minutes that divide a "
                "day, and a seed of 0 or more",
            )

    @property
    def last(self) -> int:
        """The clock at seeding, as a day number."""
        return day_number(self.origin)

    @property
    def first(self) -> int:
        return self.last - self.days

    def minutes(self, day: int) -> int:
        """Minutes between two heartbeats on a day."""
        return self.dense_minutes if day >= self.last - self.dense_days else self.earlier_minutes

    def layout(self, day: int) -> int:
        """Which layout an invoices' dump of a day has: 1 or 2."""
        return 2 if day >= day_number(self.layout_change) else 1

    def as_json(self) -> dict[str, Any]:
        dates = {"origin": self.origin.isoformat(), "layout_change": self.layout_change.isoformat()}
        return asdict(self) | dates

    def stream(self, purpose: Stream, *numbers: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.seed, int(purpose), *numbers]))


def read_spec(document: dict[str, Any]) -> DropsSpec:
    """The inverse of `as_json`; further keys are ignored. The layout changes in the middle unless something else is said."""
    names = ("seed", "customers", "days", "dense_days", "dense_minutes", "earlier_minutes")
    origin = date.fromisoformat(document["origin"])
    spec = DropsSpec(**{name: document[name] for name in names}, origin=origin, layout_change=origin)
    middle = origin - timedelta(days=spec.days // 2)
    return replace(spec, layout_change=date.fromisoformat(document.get("layout_change") or middle.isoformat()))


def day_number(day: date) -> int:
    return (day - EPOCH).days
