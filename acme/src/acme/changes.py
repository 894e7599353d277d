"""What a day brings beside its own orders: rows that come late and corrections of rows already there.

Three kinds, all of them traps for a loader that trusts the newest change time:

- *late*: an order of an earlier day that arrives now, stamped now.
- *lagged*: an order whose transaction took hours to commit. It appears now, stamped before the newest row that was
  visible until now, by at most `LOOKBACK_HOURS`. A loader without a look-back never sees it.
- *correction*: the quantity or the price of an order of the last weeks changes and its change time moves; a quarter of
  them is lagged too.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from acme.catalogue import Catalogue
from acme.orders import Orders, pick_by_demand, pick_customers, pick_quantities
from acme.population import Population
from acme.world import LOOKBACK_HOURS, SECONDS_PER_DAY, Ints, Stream, WorldSpec

LATE_SHARE = LAGGED_SHARE = CORRECTED_SHARE = 0.02
_AT_LEAST = 5
RECENT_DAYS = 30
"""How far back late rows and corrections reach."""
_LAG_SECONDS = (3_600, (LOOKBACK_HOURS - 4) * 3_600)


@dataclass(frozen=True)
class Corrections:
    """Orders before and after a correction, row by row; `is_lagged` says whose new change time lies in the past."""

    before: Orders
    after: Orders
    is_lagged: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.before)


def draw_late(
    spec: WorldSpec,
    catalogue: Catalogue,
    population: Population,
    *,
    day: int,
    day_orders: int,
    first_id: int,
    newest: int,
) -> tuple[Orders, Orders]:
    """The late and the lagged orders that appear with `day`. `newest` is the newest change time visible before it."""
    rng = spec.stream(Stream.LATE, day)
    late_count = max(_AT_LEAST, round(day_orders * LATE_SHARE))
    lagged_count = max(_AT_LEAST, round(day_orders * LAGGED_SHARE))
    today = spec.first_epoch_day + day
    stamp = today * SECONDS_PER_DAY + rng.integers(0, SECONDS_PER_DAY, late_count)
    late = _draw_past(
        spec, catalogue, population, rng, today - 1 - rng.integers(0, RECENT_DAYS, late_count), stamp, first_id
    )
    stamp = newest - rng.integers(*_LAG_SECONDS, lagged_count)
    lagged = _draw_past(spec, catalogue, population, rng, stamp // SECONDS_PER_DAY, stamp, first_id + late_count)
    return late, lagged


def draw_corrections(spec: WorldSpec, recent: Orders, *, day: int, day_orders: int, newest: int) -> Corrections:
    """Corrections of `recent` orders, made on `day`. Each order is corrected at most once a day."""
    rng = spec.stream(Stream.CORRECTIONS, day)
    # A lagged correction must still come after the version it corrects.
    settled = np.flatnonzero(recent.updated_at < newest - LOOKBACK_HOURS * 3_600)
    count = min(max(_AT_LEAST, round(day_orders * CORRECTED_SHARE)), len(settled))
    before = recent.take(np.sort(rng.choice(settled, count, replace=False)))
    changes_quantity = rng.random(count) < 0.5
    quantity = np.where(before.quantity > 1, before.quantity - 1, before.quantity + 1)
    price_cents = before.price_cents - before.price_cents * rng.integers(5, 16, count) // 100
    is_lagged = rng.random(count) < 0.25
    in_time = (spec.first_epoch_day + day) * SECONDS_PER_DAY + rng.integers(0, SECONDS_PER_DAY, count)
    after = replace(
        before,
        quantity=np.where(changes_quantity, quantity, before.quantity),
        price_cents=np.where(changes_quantity, before.price_cents, price_cents),
        updated_at=np.where(is_lagged, newest - rng.integers(*_LAG_SECONDS, count), in_time),
    )
    return Corrections(before, after, is_lagged)


def _draw_past(
    spec: WorldSpec,
    catalogue: Catalogue,
    population: Population,
    rng: np.random.Generator,
    epoch_day: Ints,
    updated_at: Ints,
    first_id: int,
) -> Orders:
    count = len(epoch_day)
    customer = pick_customers(population, rng.random(count))
    signup = population.signup_day[customer] + spec.first_epoch_day
    # Nobody orders before signing up; one who came today is replaced by the first customer of all.
    customer = np.where(signup <= epoch_day, customer, 0)
    product = np.empty(count, np.int64)
    price_cents = np.empty(count, np.int64)
    draw = rng.random(count)
    for past in np.unique(epoch_day).tolist():
        at = epoch_day == past
        past_day = past - spec.first_epoch_day
        product[at] = pick_by_demand(catalogue, catalogue.demand(spec, past_day), draw[at])
        price_cents[at] = catalogue.price_cents(spec, past_day)[product[at]]
    return Orders(
        order_id=np.arange(first_id, first_id + count, dtype=np.int64),
        customer_id=customer.astype(np.int64) + 1,
        product=product,
        quantity=pick_quantities(catalogue, product, rng.random(count)),
        price_cents=price_cents,
        epoch_day=epoch_day.astype(np.int64),
        updated_at=updated_at,
    )
