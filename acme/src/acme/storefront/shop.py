"""The storefront living day by day: one generator that seeding and advancing share, so both tell the same story.

It holds the state that lasts and knows no database and no ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from acme.storefront.accounts import Accounts, AccountStates
from acme.storefront.catalogue import Catalogue, ProductStates
from acme.storefront.clock import to_wall
from acme.storefront.orders import Lines, draw_orders
from acme.storefront.parties import Keys, Parties
from acme.storefront.visits import Hits, Sessions, draw_visits
from acme.storefront.world import ATTRIBUTION_HOURS, LAG_HOURS, Calendar, StorefrontSpec, Stream

REMEMBERED_DAYS = ATTRIBUTION_HOURS // 24 + 5
_LAGGED_HITS = 0.01
_COUNTERS = ("day", "next_order_id", "next_hit_id", "accounts_newest", "products_newest", "keys_newest")
_CHUNK = 200_000


@dataclass(frozen=True)
class Happenings:
    """Everything that becomes visible with a day. Accounts, products and keys are as they stand after it."""

    day: int
    lines: Lines
    hits: Hits
    new_accounts: AccountStates
    changed_accounts: AccountStates
    changed_products: ProductStates
    new_keys: Keys
    changed_keys: Keys


class Shop:
    """One world in motion. `day` is the next day to happen."""

    def __init__(self, spec: StorefrontSpec) -> None:
        self.spec = spec
        self.catalogue = Catalogue(spec)
        self.accounts = Accounts(spec)
        self.parties = Parties(spec)
        self.day = 0
        self.next_order_id = self.next_hit_id = 1
        self.accounts_newest = self.products_newest = self.keys_newest = 0
        self.clicked = Sessions.concatenate([])
        self.waiting_lines = Lines.concatenate([])
        self.waiting_hits = Hits.concatenate([])

    def history(self) -> Iterator[tuple[Lines, Hits]]:
        """Lines and hits of the history in chunks of whole days; memory stays bounded whatever the world's size."""
        calendar = Calendar(self.spec, self.spec.days)
        self.accounts.begin(calendar)
        self.parties.begin(self.accounts)
        lines: list[Lines] = []
        hits: list[Hits] = []
        for _ in range(self.spec.days):
            day = self._live_day(calendar)
            lines.append(day.lines)
            hits.append(day.hits)
            if sum(map(len, hits)) >= _CHUNK:
                yield Lines.concatenate(lines), Hits.concatenate(hits)
                lines, hits = [], []
        yield Lines.concatenate(lines), Hits.concatenate(hits)

    def advance(self) -> Happenings:
        """Live one more day."""
        return self._live_day(Calendar(self.spec, self.day + 1))

    def save(self, folder: Path) -> None:
        """Write the state that `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {f"{name}.{key}": getattr(part, key) for name, part in self._parts() for key in part.SAVED}
        for name in ("clicked", "waiting_lines", "waiting_hits"):
            rows = getattr(self, name)
            arrays |= {f"{name}.{f.name}": getattr(rows, f.name) for f in fields(rows)}
        counters = np.array([getattr(self, name) for name in _COUNTERS])
        with (folder / "shop.npz").open("wb") as file:
            np.savez(file, counters=counters, **arrays)

    def load(self, folder: Path) -> None:
        with np.load(folder / "shop.npz", allow_pickle=False) as saved:
            for name, value in zip(_COUNTERS, saved["counters"], strict=True):
                setattr(self, name, int(value))
            for name, part in self._parts():
                for key in part.SAVED:
                    setattr(part, key, saved[f"{name}.{key}"])
            for name, kind in (("clicked", Sessions), ("waiting_lines", Lines), ("waiting_hits", Hits)):
                setattr(self, name, kind(*(saved[f"{name}.{f.name}"] for f in fields(kind))))
        self.accounts.restore()
        self.parties.grow(self.accounts)

    def _parts(self) -> tuple[tuple[str, Catalogue | Accounts | Parties], ...]:
        return ("catalogue", self.catalogue), ("accounts", self.accounts), ("parties", self.parties)

    def _live_day(self, calendar: Calendar) -> Happenings:
        day, spec = self.day, self.spec
        changed_products = self.catalogue.change(day, self.products_newest)
        new = self.accounts.sign_up(day, int(calendar.signups[day]))
        changed = self.accounts.change(day, self.accounts_newest)
        new_keys, changed_keys = self.parties.live_a_day(day, self.accounts, self.keys_newest)
        hits, sessions = draw_visits(
            spec,
            self.catalogue,
            self.accounts,
            self.clicked,
            day=day,
            count=int(calendar.hits[day]),
            first_id=self.next_hit_id,
        )
        lines = draw_orders(
            spec,
            self.catalogue,
            self.accounts,
            sessions,
            self.clicked,
            day=day,
            count=int(calendar.lines[day]),
            first_id=self.next_order_id,
        )
        self.next_hit_id += len(hits)
        self.next_order_id = int(lines.order_id[-1]) + 1 if len(lines) else self.next_order_id
        self._hold_back(hits, day)
        self._remember(sessions, day)
        self.accounts_newest = max(self.accounts_newest, int(self.accounts.updated_at.max()))
        self.products_newest = max(self.products_newest, int(self.catalogue.updated_at.max()))
        self.keys_newest = max(self.keys_newest, int(self.parties.account_at.max()), int(self.parties.visitor_at.max()))
        happened = Happenings(
            day,
            *self._appear(lines, hits, day),
            self.accounts.states(new),
            self.accounts.states(changed),
            changed_products,
            new_keys,
            changed_keys,
        )
        self.day += 1
        return happened

    def _hold_back(self, hits: Hits, day: int) -> None:
        """Let a few hits appear with the next day, stamped in the past by then."""
        rng = self.spec.stream(Stream.LAGS, day)
        hour = (to_wall(hits.instant) - self.spec.wall_start(day)) / 3_600
        may_lag = np.flatnonzero((hour >= 24 - LAG_HOURS) & (hour < LAG_HOURS))
        count = min(max(2, round(len(hits) * _LAGGED_HITS)), len(may_lag) // 2)
        hits.appears[rng.choice(may_lag, count, replace=False)] = day + 1

    def _remember(self, sessions: Sessions, day: int) -> None:
        begin, _ = self.spec.bounds(day - REMEMBERED_DAYS)
        kept = self.clicked.take(self.clicked.instant >= begin)
        self.clicked = Sessions.concatenate([kept, sessions.take(sessions.campaign >= 0)])

    def _appear(self, lines: Lines, hits: Hits, day: int) -> tuple[Lines, Hits]:
        lines = Lines.concatenate([self.waiting_lines, lines])
        hits = Hits.concatenate([self.waiting_hits, hits])
        self.waiting_lines = lines.take(lines.appears > day)
        self.waiting_hits = hits.take(hits.appears > day)
        return lines.take(lines.appears <= day), hits.take(hits.appears <= day)
