"""What a storefront world is: its parameters, its calendar, its random streams, and columns of numbers.

Days are days of Pacific wall time, numbered from the world's first day, which is number 0; negative ones lie before it.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import IntEnum
from typing import Self

import numpy as np
import numpy.typing as npt

from acme.errors import AcmeError
from acme.storefront.clock import day_start
from acme.world import EPOCH, SECONDS_PER_DAY, Floats, Ints

DEFAULT_LINES = 20_000
DEFAULT_DAYS = 456
"""Fifteen months."""

LOOKBACK_HOURS = 24
"""The bound: no row appears or changes with a cursor more than this before the newest one visible, in wall time."""

LAG_HOURS = 20
"""What the generator really stays within."""

ATTRIBUTION_HOURS = 720
_WEEKDAY_VOLUME = np.array([1.02, 0.97, 0.95, 0.98, 1.06, 1.12, 0.95])  # Monday first
_HOUR_VOLUME = np.array([4, 3, 2, 2, 2, 3, 4, 6, 7, 8, 8, 9, 10, 9, 8, 8, 8, 9, 11, 13, 14, 13, 10, 7], np.float64)
_EARLY_ACCOUNTS = 0.5
_AROUND_CHANGE = 0.3


class Stream(IntEnum):
    """What a random stream is for; each (seed, purpose, day) has its own."""

    CATALOGUE = 301
    ACCOUNTS = 302
    VISITS = 303
    ORDERS = 304
    KEYS = 305
    PRODUCT_CHANGES = 306
    ACCOUNT_CHANGES = 307
    LAGS = 308
    FAULTS = 309


@dataclass(frozen=True, kw_only=True)
class StorefrontSpec:
    """The parameters that determine a world completely.

    Args:
        seed: any non-negative integer.
        lines: order lines that the history brings, exactly; accounts are a quarter, hits ten times as many.
        days: length of the history.
        origin: the world clock at seeding, a Pacific day; the data covers the `days` days before it.
    """

    seed: int
    lines: int
    days: int
    origin: date

    def __post_init__(self) -> None:
        if not 200 <= self.lines <= 100_000_000 or not 40 <= self.days <= 3_650 or self.seed < 0:
            raise AcmeError(
                f"No storefront has {self.lines} order lines in {self.days} days and seed {self.seed}",
                where="--lines, --days, --seed",
                next_step="ask for 200 to 100M lines, 40 to 3650 days, and a seed of 0 or more",
            )

    @property
    def name(self) -> str:
        """Identifies the world: equal names, equal worlds."""
        return f"storefront-seed{self.seed}-lines{self.lines}-days{self.days}-{self.origin.isoformat()}"

    @property
    def first_day(self) -> date:
        return self.origin - timedelta(days=self.days)

    @property
    def accounts(self) -> int:
        """Accounts at the end of the history."""
        return self.lines // 4

    @property
    def hits(self) -> int:
        """Hits of the history, web and app together."""
        return self.lines * 10

    @property
    def products(self) -> int:
        """Products: 60 for a few lines, 94 for 20 k, 264 for 20 M."""
        return min(600, max(60, round(60 * (self.lines / 1_000) ** 0.15)))

    @property
    def first_epoch_day(self) -> int:
        """Days from 1970-01-01 to the world's first day."""
        return (self.first_day - EPOCH).days

    def date_of(self, day: int) -> date:
        return self.first_day + timedelta(days=day)

    def wall_start(self, day: int) -> int:
        """Midnight of a day on the wall's clock."""
        return (self.first_epoch_day + day) * SECONDS_PER_DAY

    def bounds(self, day: int) -> tuple[int, int]:
        """The instants at which a day begins and ends: 24 hours apart, or 23, or 25."""
        return day_start(self.first_epoch_day + day), day_start(self.first_epoch_day + day + 1)

    def day_of_wall(self, wall: Ints) -> Ints:
        return np.asarray(wall) // SECONDS_PER_DAY - self.first_epoch_day

    def stream(self, purpose: Stream, day: int) -> np.random.Generator:
        """The random stream of one purpose and day."""
        ordinal = self.date_of(day).toordinal()
        return np.random.Generator(np.random.PCG64([self.seed, int(purpose), ordinal]))


class Calendar:
    """How many sign-ups, lines and hits each day has. What a day has does not change when the calendar reaches further."""

    def __init__(self, spec: StorefrontSpec, days: int) -> None:
        day = np.arange(max(days, spec.days))
        ordinal = spec.first_day.toordinal() + day
        growth = 0.85 + 0.3 * day / spec.days
        year = 1 + 0.15 * np.sin(2 * np.pi * (((spec.first_epoch_day + day) % 365.2425) / 365.2425 - 0.65))
        volume = growth * year * _WEEKDAY_VOLUME[(ordinal + 6) % 7]
        self.early_accounts = round(spec.accounts * _EARLY_ACCOUNTS)
        self.signups = _apportion(growth, spec.accounts - self.early_accounts, spec.days)
        self.lines = _apportion(volume, spec.lines, spec.days)
        self.hits = _apportion(volume, spec.hits, spec.days)


def draw_instants(spec: StorefrontSpec, day: int, count: int, rng: np.random.Generator) -> Ints:
    """Instants of a day, most of them in the evening; not in order. They end ten minutes before midnight.

    On a day on which clocks change, some lie in the two hours around the change: of 25 hours, the one that happens twice.
    """
    begin, end = spec.bounds(day)
    hours = np.cumsum(_HOUR_VOLUME) / _HOUR_VOLUME.sum()
    draw = rng.random(count)
    hour = np.searchsorted(hours, draw, "right")
    fraction = (hour + rng.random(count)) / 24
    second = (fraction * (end - begin - 600)).astype(np.int64)
    if end - begin != SECONDS_PER_DAY:
        around = 3_600 + (rng.random(count) * 7_200).astype(np.int64)
        second = np.where(rng.random(count) < _AROUND_CHANGE, around, second)
    return begin + second


def draw_weighted(reach: Floats, draw: Floats) -> Ints:
    """A position for each draw in [0, 1), by the weights of which `reach` is the running sum."""
    return np.minimum(np.searchsorted(reach, draw * reach[-1], "right"), len(reach) - 1)


@dataclass(frozen=True)
class Columns:
    """Rows as one array a column; what subclasses hold."""

    def __len__(self) -> int:
        first: npt.NDArray[np.int64] = getattr(self, fields(self)[0].name)
        return len(first)

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        if not parts:
            return cls(*(np.empty(0, np.int64) for _ in fields(cls)))
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def take(self, positions: Ints | npt.NDArray[np.bool_]) -> Self:
        """The rows at `positions` (or where a boolean array is true)."""
        return type(self)(*(getattr(self, f.name)[positions] for f in fields(self)))


def _apportion(weights: Floats, total: int, days: int) -> Ints:
    """Whole numbers in proportion to `weights`; those of the first `days` add up to `total`."""
    cumulative = np.cumsum(weights)
    reached = np.rint(total * (cumulative / cumulative[days - 1])).astype(np.int64)
    return np.diff(reached, prepend=0)
