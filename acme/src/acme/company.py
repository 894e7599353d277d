"""The company living day by day: one generator that seeding and advancing share, so both tell the same story.

It holds the state that lasts (customers, the orders of the last weeks, counters) and knows no database and no ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acme.catalogue import Catalogue, make_catalogue
from acme.changes import RECENT_DAYS, Corrections, draw_corrections, draw_late
from acme.orders import Orders, draw_day
from acme.population import Customers, Population
from acme.world import HISTORY_DAYS, SECONDS_PER_DAY, Calendar, WorldSpec

_CHUNK_ORDERS = 200_000


@dataclass(frozen=True)
class Advance:
    """Everything one more day brings."""

    day: int
    customers: Customers
    regular: Orders
    late: Orders
    lagged: Orders
    corrections: Corrections


class Company:
    """One world in motion. `day` is the next day to happen."""

    def __init__(self, spec: WorldSpec) -> None:
        self.spec = spec
        self.catalogue: Catalogue = make_catalogue(spec)
        self.population = Population(spec, self.catalogue)
        self.day = 0
        self.next_order_id = 1
        self.newest = 0
        self.recent = Orders.concatenate([])

    def history(self) -> Iterator[Orders]:
        """All orders of the history in chunks of whole days; memory stays bounded whatever the world's size."""
        calendar = Calendar(self.spec, HISTORY_DAYS)
        self.population.begin(calendar)
        pending: list[Orders] = []
        waiting = 0
        recent: list[Orders] = []
        for _ in range(HISTORY_DAYS):
            orders = self._live_day(calendar)
            pending.append(orders)
            waiting += len(orders)
            if self.day > HISTORY_DAYS - RECENT_DAYS:
                recent.append(orders)
            if waiting >= _CHUNK_ORDERS:
                yield Orders.concatenate(pending)
                pending, waiting = [], 0
        self.recent = Orders.concatenate(recent)
        if pending:
            yield Orders.concatenate(pending)

    def advance(self) -> Advance:
        """Live one more day, with what comes late and what is corrected."""
        day, newest, known = self.day, self.newest, self.population.count
        regular = self._live_day(Calendar(self.spec, day + 1))
        late, lagged = draw_late(
            self.spec,
            self.catalogue,
            self.population,
            day=day,
            day_orders=len(regular),
            first_id=self.next_order_id,
            newest=newest,
        )
        self.next_order_id += len(late) + len(lagged)
        corrections = draw_corrections(self.spec, self.recent, day=day, day_orders=len(regular), newest=newest)
        self._keep_recent(regular, late, lagged, corrections)
        self.newest = max(newest, *(int(o.updated_at.max(initial=0)) for o in (regular, late, corrections.after)))
        customers = self.population.rows(known, self.population.count)
        return Advance(day, customers, regular, late, lagged, corrections)

    def save(self, folder: Path) -> None:
        """Write the state that `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        self.population.save(folder / "population.npz")
        counters = np.array([self.day, self.next_order_id, self.newest])
        with (folder / "orders.npz").open("wb") as file:
            np.savez(file, counters=counters, **vars(self.recent))

    def load(self, folder: Path) -> None:
        self.population.load(folder / "population.npz")
        with np.load(folder / "orders.npz", allow_pickle=False) as saved:
            self.day, self.next_order_id, self.newest = (int(value) for value in saved["counters"])
            self.recent = Orders(**{name: saved[name] for name in saved.files if name != "counters"})

    def _live_day(self, calendar: Calendar) -> Orders:
        self.population.start_day(self.day, int(calendar.signups[self.day]))
        orders = draw_day(
            self.spec,
            self.catalogue,
            self.population,
            day=self.day,
            count=int(calendar.orders[self.day]),
            first_id=self.next_order_id,
        )
        self.next_order_id += len(orders)
        self.newest = max(self.newest, int(orders.updated_at.max(initial=0)))
        self.day += 1
        return orders

    def _keep_recent(self, regular: Orders, late: Orders, lagged: Orders, corrections: Corrections) -> None:
        corrected = np.isin(self.recent.order_id, corrections.before.order_id)
        everything = Orders.concatenate([self.recent.take(~corrected), regular, late, lagged, corrections.after])
        oldest = self.spec.first_epoch_day + self.day - RECENT_DAYS
        self.recent = everything.take(everything.epoch_day >= oldest)

    @property
    def today_seconds(self) -> int:
        """Midnight of the world clock, in seconds since 1970."""
        return (self.spec.first_epoch_day + self.day) * SECONDS_PER_DAY
