"""Who the customers are, and where they have deployed which product.

What does not belong here: what they bought (`subscriptions`), and how much they use (`telemetry`).
"""

from dataclasses import dataclass

import numpy as np

from acme.drops.world import COUNTRIES, EDGE_DAYS, PRODUCTS, REGIONS, SEGMENTS, DropsSpec, Stream

_YEARS = 3 * 365
_ARRIVALS = 0.5
"""Half of the customers come within three years; the rest were there before."""
_LONGEST_BEFORE = 700
_NAMES = ("Alpine", "Borealis", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper")
_LINES = ("Logistics", "Foods", "Energy", "Media", "Health", "Robotics", "Textiles", "Bank", "Aero", "Games")


@dataclass(frozen=True)
class Customer:
    """A customer; `since` is the day on which the first subscription may start."""

    number: int
    name: str
    country: str
    since: int
    products: tuple[str, ...]
    segments: tuple[str, str]
    moved_on: int
    """From this day on the second of `segments` is true."""

    @property
    def id(self) -> str:
        return f"C-{self.number:06d}"

    def segment(self, day: int) -> str:
        return self.segments[day >= self.moved_on]


@dataclass(frozen=True)
class Deployment:
    """An installation of a product; it beats on the days from `start` up to, without, `end`.

    Args:
        share: its weight in what the customer uses of the product.
        beat_s: seconds after each full interval at which it beats.
        memory_mb: memory that comes with one vCPU.
    """

    id: str
    place: int
    start: int
    end: int
    share: float
    beat_s: int
    memory_mb: int

    @property
    def cloud(self) -> str:
        return REGIONS[self.place].cloud

    @property
    def region(self) -> str:
        return REGIONS[self.place].region


def make_customers(spec: DropsSpec, until: int) -> list[Customer]:
    """Everybody who came before a day. More days add customers and change none."""
    rate = spec.customers * _ARRIVALS / _YEARS
    newcomers = min(int(rate * spec.days), spec.customers // 2)
    found: list[Customer] = []
    number = 0
    while True:
        number += 1
        rng = spec.stream(Stream.CUSTOMERS, number)
        early = number <= spec.customers - newcomers
        arrival = spec.last + int((number - spec.customers - 1) / rate)
        since = spec.first - int(rng.integers(0, _LONGEST_BEFORE)) if early else arrival
        if not early and since >= until:
            return found
        owns = PRODUCTS[int(rng.integers(0, 2))], *(PRODUCTS if rng.random() < 0.9 else ())
        segment = int(rng.integers(0, 3))
        later = min(segment + int(rng.random() < 0.3), 2)
        found.append(
            Customer(
                number,
                f"{_NAMES[int(rng.integers(0, 10))]} {_LINES[int(rng.integers(0, 10))]} {number}",
                COUNTRIES[int(rng.integers(0, len(COUNTRIES)))],
                since,
                ("X",) if number <= len(EDGE_DAYS) else tuple(sorted(set(owns))),
                (SEGMENTS[segment], SEGMENTS[later]),
                since + int(rng.integers(60, 900)),
            )
        )


def make_deployments(spec: DropsSpec, customer: Customer, product: str, start: int) -> list[Deployment]:
    """Where a customer runs a product that may be used from `start` on."""
    rng = spec.stream(Stream.DEPLOYMENTS, customer.number, PRODUCTS.index(product))
    count = 1 if customer.number <= len(EDGE_DAYS) else int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))
    found = []
    for number in range(count):
        begin = start + int(rng.integers(20, 300) if number else rng.integers(0, 7))
        life = int(rng.integers(60, 500)) if number and rng.random() < 0.3 else 100_000
        found.append(
            Deployment(
                f"dep-{product.lower()}-{customer.number:06d}-{number + 1}",
                int(rng.integers(0, len(REGIONS))),
                begin,
                begin + life,
                float(rng.uniform(0.3, 1.0)) if number else 1.0,
                int(rng.integers(0, 60)),
                int(np.rint(rng.uniform(2_000, 8_000))),
            )
        )
    return found
