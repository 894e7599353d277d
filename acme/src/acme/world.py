"""What a world is: its parameters, its calendar, and the random streams everything is drawn from.

Nothing here knows customers, products or databases. Days are numbered from the world's first day, which is number 0;
a negative number is a day before it (customers signed up then, nobody looked at their orders).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from acme.errors import AcmeError

HISTORY_DAYS = 800
"""Days of orders a freshly seeded world holds: more than two years, so that every season was seen twice."""

LOOKBACK_HOURS = 24
"""The bound on commit lag: a row that appears later is never stamped more than this before the newest row then visible."""

EPOCH = date(1970, 1, 1)
SECONDS_PER_DAY = 86_400
_WEEKDAY_VOLUME = np.array([1.00, 0.94, 0.93, 0.99, 1.16, 1.24, 0.86])  # Monday first
_INITIAL_CUSTOMERS = 0.45

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Stream(IntEnum):
    """What a random stream is for; each (seed, purpose, day) has its own, so no day depends on how often another drew."""

    CATALOGUE = 1
    CUSTOMERS = 2
    LIFE = 3
    ORDERS = 4
    VOLUME = 5
    LATE = 6
    CORRECTIONS = 7
    FAULTS = 8


@dataclass(frozen=True, kw_only=True)
class WorldSpec:
    """The parameters that determine a world completely.

    Args:
        seed: any non-negative integer.
        orders: orders the world holds when it is seeded, exactly.
        origin: the world clock at seeding; the data covers the `HISTORY_DAYS` days before it.
    """

    seed: int
    orders: int
    origin: date

    def __post_init__(self) -> None:
        if not 1_000 <= self.orders <= 100_000_000 or self.seed < 0:
            raise AcmeError(
                f"No world has {self.orders} orders and seed {self.seed}",
                where="--orders, --seed",
                next_step="ask for 1k to 100M orders and a seed of 0 or more",
            )

    @property
    def name(self) -> str:
        """Identifies the world: equal names, equal worlds."""
        return f"seed{self.seed}-orders{self.orders}-{self.origin.isoformat()}"

    @property
    def first_day(self) -> date:
        return self.origin - timedelta(days=HISTORY_DAYS)

    @property
    def first_epoch_day(self) -> int:
        """Days from 1970-01-01 to the world's first day."""
        return (self.first_day - EPOCH).days

    @property
    def customers(self) -> int:
        """Customers at seeding: one for every 25 orders."""
        return max(20, round(self.orders / 25))

    @property
    def products(self) -> int:
        """Products: 60 for a thousand orders, 104 for 100 k, 181 for 10 M."""
        return min(400, round(60 * (self.orders / 1_000) ** 0.12))

    def date_of(self, day: int) -> date:
        return self.first_day + timedelta(days=day)

    def day_of(self, day: date) -> int:
        return (day - self.first_day).days

    def stream(self, purpose: Stream, day: int) -> np.random.Generator:
        """The random stream of one purpose and day."""
        ordinal = self.date_of(day).toordinal()
        return np.random.Generator(np.random.PCG64([self.seed, int(purpose), ordinal]))


class Calendar:
    """How many orders and sign-ups each day has: growth, the year, the week, and a little weather.

    The counts of a day do not change when the calendar reaches further, and those of the history add up exactly to
    what the world was asked for.
    """

    def __init__(self, spec: WorldSpec, days: int) -> None:
        self.days = max(days, HISTORY_DAYS)
        self._spec = spec

    @cached_property
    def orders(self) -> Ints:
        """Orders of each day, from day 0."""
        day = np.arange(self.days)
        ordinal = self._spec.first_day.toordinal() + day
        growth = 0.8 + 0.4 * day / HISTORY_DAYS
        year = 1 + 0.12 * np.sin(2 * np.pi * (year_fraction(self._spec, day) - 0.55))
        week = _WEEKDAY_VOLUME[(ordinal + 6) % 7]
        weather = 1 + 0.12 * (uniform_hash(self._spec.seed, Stream.VOLUME, ordinal) - 0.5)
        return _apportion(growth * year * week * weather, self._spec.orders)

    @cached_property
    def signups(self) -> Ints:
        """New customers of each day, from day 0."""
        day = np.arange(self.days)
        growth = 0.8 + 0.4 * day / HISTORY_DAYS
        return _apportion(growth, self._spec.customers - self.initial_customers)

    @property
    def initial_customers(self) -> int:
        """Customers who had signed up before day 0."""
        return round(self._spec.customers * _INITIAL_CUSTOMERS)


def year_fraction(spec: WorldSpec, day: Ints | int) -> Floats:
    """Where in the year a day lies, 0 to 1."""
    return ((spec.first_epoch_day + np.asarray(day)) % 365.2425) / 365.2425


def uniform_hash(seed: int, purpose: int, keys: Ints) -> Floats:
    """A number in [0, 1) for each key, the same wherever and whenever it is asked for (splitmix64)."""
    return (integer_hash(seed, purpose, keys) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def integer_hash(seed: int, purpose: int, keys: Ints) -> npt.NDArray[np.uint64]:
    """A 64-bit number for each key (splitmix64's finaliser)."""
    salt = np.uint64(((seed * 1_000_003 + int(purpose) * 7_919 + 1) * 0x9E3779B97F4A7C15) % (1 << 64))
    value = np.asarray(keys).astype(np.uint64) * np.uint64(0xD1B54A32D192ED03) + salt
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _apportion(weights: Floats, total: int) -> Ints:
    """Whole numbers in proportion to `weights`; those of the history add up to `total`."""
    cumulative = np.cumsum(weights)
    reached = np.rint(total * (cumulative / cumulative[HISTORY_DAYS - 1])).astype(np.int64)
    return np.diff(reached, prepend=0)
