"""Who is who: the keys that say which accounts and which visitors belong to one party.

A party's number is that of its first account. A visitor of a party has the number `party * 3 + device`, one whom nobody
ever resolves has a number from `ANONYMOUS` on. A key is matched hours or weeks after its owner came, and re-matched now
and then: then its row changes, and `matched_at` moves.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from acme.storefront.accounts import Accounts
from acme.storefront.world import LAG_HOURS, Columns, StorefrontSpec, Stream
from acme.world import SECONDS_PER_DAY, Ints, uniform_hash

MOST_DEVICES = 3
ANONYMOUS = 1 << 40
_ACCOUNT_DELAY, _VISITOR_DELAY, _MERGER_DELAY = 321, 322, 323  # purposes of hashes, apart from the streams
_NEVER = 1 << 30
_REMATCHED_PER_DAY = 0.0004
_LAGGED_SHARE = 0.3


@dataclass(frozen=True)
class Keys(Columns):
    """Rows of the table of keys. `owner` is the number of an account or a visitor; `matched_at` is in wall time."""

    party: Ints
    is_visitor: Ints
    owner: Ints
    matched_at: Ints


class Parties:
    """Which party each key belongs to now; -1 for one that was not matched yet."""

    SAVED: ClassVar[tuple[str, ...]] = ("account_party", "account_at", "visitor_party", "visitor_at", "resolved")

    def __init__(self, spec: StorefrontSpec) -> None:
        self._spec = spec
        self.account_party, self.visitor_party = np.empty(0, np.int32), np.empty(0, np.int32)
        self.account_at, self.visitor_at = np.empty(0, np.int64), np.empty(0, np.int64)
        self.resolved = np.empty(0, np.int8)
        """How many visitors each party has."""
        self._account_day = self._visitor_day = self._merger_day = np.empty(0, np.int64)

    def begin(self, accounts: Accounts) -> None:
        """The keys that were matched before the first day."""
        self.grow(accounts)
        for days, match in (
            (self._account_day, self._match_accounts),
            (self._visitor_day, self._match_visitors),
            (self._merger_day, self._merge),
        ):
            found = np.flatnonzero(days < 0)
            match(found, self._spec.wall_start(0) + days[found] * SECONDS_PER_DAY + found % 70_000, accounts)

    def grow(self, accounts: Accounts) -> None:
        """Make room for accounts that came since, and derive from their hashes when they will be matched."""
        known, count = len(self._account_day), len(accounts)
        number = np.arange(known, count)
        came = self._spec.day_of_wall(accounts.created_at[known:])
        chance = uniform_hash(self._spec.seed, _ACCOUNT_DELAY, number)
        account_day = np.where(chance < 0.99, came + np.searchsorted([0.7, 0.9], chance, "right"), _NEVER)
        delay = 10 + (uniform_hash(self._spec.seed, _MERGER_DELAY, number) * 80).astype(np.int64)
        is_second = accounts.first_account[known:] != number
        merger_day = np.where(is_second & (account_day < _NEVER), account_day + delay, _NEVER)
        visitor = np.arange(known * MOST_DEVICES, count * MOST_DEVICES)
        party, device = np.divmod(visitor, MOST_DEVICES)
        chance = uniform_hash(self._spec.seed, _VISITOR_DELAY, visitor)
        wait = np.where(chance < 0.35, 0, ((chance - 0.35) / 0.53 * 60).astype(np.int64))
        visitor_day = came[party - known] + wait
        visitor_day = np.where((chance < 0.88) & (device < accounts.devices[party]), visitor_day, _NEVER)
        self._account_day = np.concatenate([self._account_day, account_day])
        self._merger_day = np.concatenate([self._merger_day, merger_day])
        self._visitor_day = np.concatenate([self._visitor_day, visitor_day])
        missing = count - len(self.account_party)
        if missing > 0:
            self.account_party = np.concatenate([self.account_party, np.full(missing, -1, np.int32)])
            self.account_at = np.concatenate([self.account_at, np.zeros(missing, np.int64)])
            self.visitor_party = np.concatenate([self.visitor_party, np.full(missing * MOST_DEVICES, -1, np.int32)])
            self.visitor_at = np.concatenate([self.visitor_at, np.zeros(missing * MOST_DEVICES, np.int64)])
            self.resolved = np.concatenate([self.resolved, np.zeros(missing, np.int8)])

    def live_a_day(self, day: int, accounts: Accounts, newest: int) -> tuple[Keys, Keys]:
        """Match and re-match; returns new keys and changed ones. Some changes are stamped before `newest`."""
        self.grow(accounts)
        rng = self._spec.stream(Stream.KEYS, day)
        start = self._spec.wall_start(day)
        new_accounts = np.flatnonzero(self._account_day == day)
        stamp = start + rng.integers(4 * 3_600, SECONDS_PER_DAY, len(new_accounts))
        self._match_accounts(new_accounts, stamp, accounts)
        new_visitors = np.flatnonzero(self._visitor_day == day)
        self._match_visitors(new_visitors, start + rng.integers(3_600, SECONDS_PER_DAY, len(new_visitors)), accounts)
        new_visitors = new_visitors[self.visitor_party[new_visitors] >= 0]
        merged = np.flatnonzero(self._merger_day == day)
        self._merge(merged, start + rng.integers(3_600, SECONDS_PER_DAY, len(merged)), accounts)
        rematched = self._rematch(rng, start, accounts, newest)
        new = Keys.concatenate([self._keys(new_accounts, is_visitor=False), self._keys(new_visitors, is_visitor=True)])
        changed = Keys.concatenate([self._keys(merged, is_visitor=False), self._keys(rematched, is_visitor=True)])
        return new, changed

    def all_keys(self) -> Keys:
        """Every key, as it stands now."""
        accounts, visitors = np.flatnonzero(self.account_party >= 0), np.flatnonzero(self.visitor_party >= 0)
        return Keys.concatenate([self._keys(accounts, is_visitor=False), self._keys(visitors, is_visitor=True)])

    def _keys(self, owner: Ints, *, is_visitor: bool) -> Keys:
        party, at = (self.visitor_party, self.visitor_at) if is_visitor else (self.account_party, self.account_at)
        return Keys(party[owner].astype(np.int64), np.full(len(owner), int(is_visitor)), owner, at[owner])

    def _match_accounts(self, account: Ints, stamp: Ints, accounts: Accounts) -> None:
        self.account_party[account] = account
        self.account_at[account] = np.maximum(stamp, accounts.created_at[account])

    def _match_visitors(self, visitor: Ints, stamp: Ints, accounts: Accounts) -> None:
        # A visitor whose party was filled by re-matches meanwhile stays unresolved.
        party = visitor // MOST_DEVICES
        device = visitor % MOST_DEVICES
        for number in range(MOST_DEVICES):
            at = (device == number) & (self.resolved[party] < MOST_DEVICES)
            self.visitor_party[visitor[at]] = party[at]
            self.visitor_at[visitor[at]] = np.maximum(stamp[at], accounts.created_at[party[at]])
            self.resolved[party[at]] += 1

    def _merge(self, account: Ints, stamp: Ints, accounts: Accounts) -> None:
        self.account_party[account] = accounts.first_account[account]
        self.account_at[account] = stamp

    def _rematch(self, rng: np.random.Generator, start: int, accounts: Accounts, newest: int) -> Ints:
        """Give some visitors to another party that has room."""
        # One that is stamped in the past must still come after the version that it replaces.
        settled = np.flatnonzero((self.visitor_party >= 0) & (self.visitor_at < start - SECONDS_PER_DAY))
        count = min(max(1, round(len(settled) * _REMATCHED_PER_DAY)), len(settled))
        visitor = rng.choice(settled, count, replace=False)
        target = rng.choice(len(accounts), count, replace=False)
        has_room = (self.resolved[target] < MOST_DEVICES) & (accounts.first_account[target] == target)
        keep = has_room & (target != self.visitor_party[visitor])
        visitor, target = visitor[keep], target[keep]
        np.subtract.at(self.resolved, self.visitor_party[visitor], 1)
        self.resolved[target] += 1
        self.visitor_party[visitor] = target
        stamp = start + rng.integers(3_600, SECONDS_PER_DAY - 3_600, len(visitor))
        lag = LAG_HOURS * 3_600
        past = start - lag + (rng.random(len(visitor)) * max(newest - start + lag, 0)).astype(np.int64)
        is_lagged = (rng.random(len(visitor)) < _LAGGED_SHARE) & (newest > start - lag)
        if start // SECONDS_PER_DAY % 2:  # one every other day, also where few are re-matched
            is_lagged[:1] = newest > start - lag
        self.visitor_at[visitor] = np.where(is_lagged, past, stamp)
        return np.sort(visitor)
