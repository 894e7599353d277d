"""The customers: who they are, how often they buy, and when they stop for good.

A customer has a purchase rate and lives through phases: *active*, then *fading* (buys at a third of the rate), then
*gone* (never buys again). Once a week an active customer may begin to fade; the hazard is higher for the basic tier,
for those who buy seldom and in the first weeks. A fading customer is gone after eight weeks on average, or recovers.
So recency, frequency, tier and a recent slow-down all say something true about who falls silent.
"""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acme.catalogue import CATEGORIES, Catalogue
from acme.world import SECONDS_PER_DAY, Calendar, Floats, Ints, Stream, WorldSpec, integer_hash, uniform_hash

PREMIUM_SHARE = 0.3
WEEKLY_FADING_HAZARD = 0.009
FADING_RATE = 0.3
WEEKLY_GONE_HAZARD = 0.12
WEEKLY_RECOVERY = 0.015
_GONE_AT_START = 0.08
_OLDEST_SIGNUP_DAYS = 700
_NEWCOMER_DAYS = 21
_NEWCOMER_BOOST = 3.0

_FIRST_NAMES = (
    "Ada", "Amir", "Anna", "Ben", "Carla", "Chen", "Dina", "Elif", "Emil", "Fatou", "Finn", "Greta", "Hana", "Ines",
    "Ivo", "Jonas", "Kofi", "Lena", "Luca", "Maja", "Mira", "Nils", "Noor", "Olga", "Omar", "Paula", "Ravi", "Rosa",
    "Sami", "Sofia", "Tariq", "Uma", "Vera", "Wanda", "Yara", "Zoe",
)  # fmt: skip
_LAST_NAMES = (
    "Adler", "Bauer", "Conti", "Diaz", "Eriksen", "Fischer", "Gomez", "Haddad", "Ito", "Jansen", "Kaya", "Lindgren",
    "Moreau", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Silva", "Tanaka", "Ueda", "Virtanen", "Weber", "Xu",
    "Yilmaz", "Zhang",
)  # fmt: skip
_NAME, _SIGNUP_SECOND = 101, 102  # purposes of hashes, apart from the streams


class Phase(IntEnum):
    ACTIVE = 0
    FADING = 1
    GONE = 2


@dataclass(frozen=True)
class Customers:
    """Rows of the customer table, in the order of `customer_id`. `updated_at` is in seconds since 1970."""

    customer_id: Ints
    name: list[str]
    email: list[str]
    signup_epoch_day: Ints
    is_premium: npt.NDArray[np.bool_]
    updated_at: Ints


class Population:
    """Everything about the customers that lasts from day to day. A customer's id is its position plus one."""

    _SAVED = ("signup_day", "is_premium", "rate", "phase", "favourites", "last_product", "last_order_day")

    def __init__(self, spec: WorldSpec, catalogue: Catalogue) -> None:
        self._spec = spec
        self._catalogue = catalogue
        self.signup_day = np.empty(0, np.int32)
        self.is_premium = np.empty(0, np.bool_)
        self.rate = np.empty(0, np.float32)
        self.phase = np.empty(0, np.int8)
        self.favourites = np.empty((0, 3), np.int16)
        self.last_product = np.empty(0, np.int16)
        self.last_order_day = np.empty(0, np.int32)
        self.cumulative = np.empty(0)

    @property
    def count(self) -> int:
        return len(self.signup_day)

    def begin(self, calendar: Calendar) -> None:
        """The customers of before the first day."""
        rng = self._spec.stream(Stream.CUSTOMERS, -1)
        count = calendar.initial_customers
        self._sign_up(np.sort(rng.integers(-_OLDEST_SIGNUP_DAYS, 0, count)).astype(np.int32), rng)
        self.phase[rng.random(count) < _GONE_AT_START] = Phase.GONE

    def start_day(self, day: int, signups: int) -> None:
        """Let the day's new customers in and, once a week, let the others' lives go on."""
        known = self.count
        if signups:
            rng = self._spec.stream(Stream.CUSTOMERS, day)
            self._sign_up(np.full(signups, day, np.int32), rng)
        is_monday = self._spec.date_of(day).weekday() == 0
        if is_monday:
            self._live_a_week(day)
        if is_monday or len(self.cumulative) == 0:
            self.cumulative = np.cumsum(self.weights(day))
        elif signups:
            new = np.cumsum(self.weights(day, first=known)) + self.cumulative[-1]
            self.cumulative = np.concatenate([self.cumulative, new])

    def weights(self, day: int, *, first: int = 0) -> Floats:
        """How much of the day's business each customer brings."""
        phase_rate = np.array([1.0, FADING_RATE, 0.0])[self.phase[first:]]
        boost = np.where(self.signup_day[first:] > day - _NEWCOMER_DAYS, _NEWCOMER_BOOST, 1.0)
        return self.rate[first:] * phase_rate * boost

    def remember(self, day: int, customer: Ints, product: Ints) -> None:
        """Note what each customer bought last; of several orders on a day the last one counts."""
        self.last_product[customer] = product
        self.last_order_day[customer] = day

    def rows(self, first: int, last: int) -> Customers:
        """The customer table's rows of the positions `first` to `last` (not included)."""
        position = np.arange(first, last, dtype=np.int64)
        names = integer_hash(self._spec.seed, _NAME, position)
        first_name = (names % np.uint64(len(_FIRST_NAMES))).astype(int).tolist()
        last_name = ((names >> np.uint64(32)) % np.uint64(len(_LAST_NAMES))).astype(int).tolist()
        pairs = [(_FIRST_NAMES[a], _LAST_NAMES[b]) for a, b in zip(first_name, last_name, strict=True)]
        ids = (position + 1).tolist()
        second = (uniform_hash(self._spec.seed, _SIGNUP_SECOND, position) * SECONDS_PER_DAY).astype(np.int64)
        signup = self.signup_day[first:last].astype(np.int64) + self._spec.first_epoch_day
        return Customers(
            customer_id=position + 1,
            name=[f"{a} {b}" for a, b in pairs],
            email=[f"{a}.{b}.{i}@example.com".lower() for (a, b), i in zip(pairs, ids, strict=True)],
            signup_epoch_day=signup,
            is_premium=self.is_premium[first:last],
            updated_at=signup * SECONDS_PER_DAY + second,
        )

    def save(self, path: Path) -> None:
        """Write what `load` needs to go on; `path` ends in .npz."""
        arrays = {name: getattr(self, name) for name in self._SAVED}
        with path.open("wb") as file:
            np.savez(file, cumulative=self.cumulative, **arrays)

    def load(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as saved:
            for name in (*self._SAVED, "cumulative"):
                setattr(self, name, saved[name])

    def _sign_up(self, signup_day: npt.NDArray[np.int32], rng: np.random.Generator) -> None:
        count = len(signup_day)
        is_premium = rng.random(count) < PREMIUM_SHARE
        rate = rng.gamma(0.8, 1.0, count) * np.where(is_premium, 1.7, 0.85)
        self.signup_day = np.concatenate([self.signup_day, signup_day])
        self.is_premium = np.concatenate([self.is_premium, is_premium])
        self.rate = np.concatenate([self.rate, rate.astype(np.float32)])
        self.phase = np.concatenate([self.phase, np.zeros(count, np.int8)])
        self.favourites = np.concatenate([self.favourites, self._draw_favourites(count, rng)])
        self.last_product = np.concatenate([self.last_product, np.full(count, -1, np.int16)])
        self.last_order_day = np.concatenate([self.last_order_day, np.full(count, -10_000, np.int32)])

    def _draw_favourites(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.int16]:
        """Three products each, most of them from one category the customer likes."""
        reach = np.concatenate([[0.0], np.cumsum(self._catalogue.popularity)])
        category = self._catalogue.category  # ascending: products are sorted by category
        numbers = np.arange(len(CATEGORIES))
        low = reach[np.searchsorted(category, numbers, "left")]
        high = reach[np.searchsorted(category, numbers, "right")]
        taste = category[np.searchsorted(reach[1:], rng.random(count) * reach[-1], "right")][:, None]
        draw = rng.random((count, 3))
        within = low[taste] + draw * (high[taste] - low[taste])
        point = np.where(rng.random((count, 3)) < 0.6, within, draw * reach[-1])
        return np.minimum(np.searchsorted(reach[1:], point, "right"), len(category) - 1).astype(np.int16)

    def _live_a_week(self, day: int) -> None:
        draw = self._spec.stream(Stream.LIFE, day).random(self.count)
        tenure = day - self.signup_day
        hazard = WEEKLY_FADING_HAZARD * np.where(self.is_premium, 0.3, 1.4)
        hazard *= np.clip(self.rate, 0.1, 4.0) ** -0.4
        hazard *= np.where(tenure < 56, 2.0, 1.0)
        fading = self.phase == Phase.FADING
        self.phase[(self.phase == Phase.ACTIVE) & (draw < hazard)] = Phase.FADING
        self.phase[fading & (draw < WEEKLY_GONE_HAZARD)] = Phase.GONE
        self.phase[fading & (draw > 1 - WEEKLY_RECOVERY)] = Phase.ACTIVE
