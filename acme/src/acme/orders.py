"""The orders of one day: who buys, what, how many, at which price, when.

Each order is a customer drawn by purchase rate and a product that is a personal favourite, a companion of what the
customer bought last, or whatever sells that day. Some orders bring a companion along within minutes. Favourites follow
the demand too: one that is out of season is bought less.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from acme.catalogue import Catalogue
from acme.population import Population
from acme.world import SECONDS_PER_DAY, Floats, Ints, Stream, WorldSpec

FAVOURITE_SHARE = 0.35
COMPANION_SHARE = 0.25
COMPANION_WITHIN_DAYS = 30
ADD_ON_SHARE = 0.12
_FAVOURITE_SLOTS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2])
_COMPANION_SLOTS = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
_FULL_DEMAND = 1.6
_MAX_QUANTITY = 9


@dataclass(frozen=True)
class Orders:
    """Rows of the orders table, one array entry each. `product` is a number in the catalogue, `updated_at` is in
    seconds since 1970, `epoch_day` in days since 1970."""

    order_id: Ints
    customer_id: Ints
    product: Ints
    quantity: Ints
    price_cents: Ints
    epoch_day: Ints
    updated_at: Ints

    def __len__(self) -> int:
        return len(self.order_id)

    @classmethod
    def concatenate(cls, parts: "list[Orders]") -> Self:
        if not parts:
            return cls(*(np.empty(0, np.int64) for _ in fields(cls)))
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def take(self, positions: Ints | npt.NDArray[np.bool_]) -> Self:
        """The rows at `positions` (or where a boolean array is true)."""
        return type(self)(*(getattr(self, f.name)[positions] for f in fields(self)))

    @property
    def revenue_cents(self) -> Ints:
        return self.quantity * self.price_cents


def draw_day(
    spec: WorldSpec, catalogue: Catalogue, population: Population, *, day: int, count: int, first_id: int
) -> Orders:
    """The `count` orders of a day, stamped within it. The population remembers them."""
    rng = spec.stream(Stream.ORDERS, day)
    add_ons = int(count * ADD_ON_SHARE)
    main = count - add_ons
    customer = pick_customers(population, rng.random(main))
    demand = catalogue.demand(spec, day)
    product = _pick_products(catalogue, population, demand, customer, day, rng)
    second = _sorted_seconds(main, rng)
    if add_ons:
        parent = (rng.random(add_ons) * main).astype(np.int64)
        slot = _COMPANION_SLOTS[(rng.random(add_ons) * 10).astype(np.int64)]
        delay = (rng.random(add_ons) * 600).astype(np.int64)
        customer = np.concatenate([customer, customer[parent]])
        product = np.concatenate([product, catalogue.companions[product[parent], slot]])
        second = np.concatenate([second, np.minimum(second[parent] + delay, SECONDS_PER_DAY - 1)])
    population.remember(day, customer, product)
    epoch_day = spec.first_epoch_day + day
    return Orders(
        order_id=np.arange(first_id, first_id + count, dtype=np.int64),
        customer_id=customer + 1,
        product=product,
        quantity=pick_quantities(catalogue, product, rng.random(count)),
        price_cents=catalogue.price_cents(spec, day)[product],
        epoch_day=np.full(count, epoch_day, np.int64),
        updated_at=second + epoch_day * SECONDS_PER_DAY,
    )


def pick_customers(population: Population, draw: Floats) -> Ints:
    """A customer's position for each draw in [0, 1), by purchase rate."""
    reach = population.cumulative
    return np.minimum(np.searchsorted(reach, draw * reach[-1], "right"), len(reach) - 1)


def pick_by_demand(catalogue: Catalogue, demand: Floats, draw: Floats) -> Ints:
    """A product for each draw in [0, 1), by popularity and the day's demand."""
    reach = np.cumsum(catalogue.popularity * demand)
    return np.minimum(np.searchsorted(reach, draw * reach[-1], "right"), len(reach) - 1)


def pick_quantities(catalogue: Catalogue, product: Ints, draw: Floats) -> Ints:
    """One or more units: each further one with the product's own probability, nine at most."""
    skew = catalogue.quantity_skew[product]
    more = np.log(1 - draw) / np.log(skew)
    return np.minimum(1 + more.astype(np.int64), _MAX_QUANTITY)


def _pick_products(
    catalogue: Catalogue, population: Population, demand: Floats, customer: Ints, day: int, rng: np.random.Generator
) -> Ints:
    count = len(customer)
    product = pick_by_demand(catalogue, demand, rng.random(count))
    motive = rng.random(count)
    slot = (rng.random(count) * 10).astype(np.int64)
    in_season = rng.random(count)

    at = np.flatnonzero(motive < FAVOURITE_SHARE)
    favourite = population.favourites[customer[at], _FAVOURITE_SLOTS[slot[at]]].astype(np.int64)
    wanted = in_season[at] * _FULL_DEMAND < demand[favourite]
    product[at[wanted]] = favourite[wanted]

    at = np.flatnonzero((motive >= FAVOURITE_SHARE) & (motive < FAVOURITE_SHARE + COMPANION_SHARE))
    at = at[population.last_order_day[customer[at]] >= day - COMPANION_WITHIN_DAYS]
    last = population.last_product[customer[at]].astype(np.int64)
    product[at] = catalogue.companions[last, _COMPANION_SLOTS[slot[at]]]
    return product


def _sorted_seconds(count: int, rng: np.random.Generator) -> Ints:
    """Ascending seconds of a day, so that order ids rise with time (spacings of a Poisson process: no sorting)."""
    reach = np.cumsum(rng.standard_exponential(count + 1))
    return (reach[:count] / reach[-1] * SECONDS_PER_DAY).astype(np.int64)
