"""Who has an account, how lively they are, and what they change about themselves.

An account's number is its position, its id the number plus one. Every 33rd account is a second one of somebody who has
one already: it has no devices of its own, and its party key becomes that of the first (`parties`).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from acme.storefront.world import LAG_HOURS, Calendar, Columns, StorefrontSpec, Stream
from acme.world import SECONDS_PER_DAY, Floats, Ints, integer_hash

COUNTRIES = ("US", "CA", "MX", "GB", "DE", "FR")
CANADA = COUNTRIES.index("CA")
_COUNTRY_SHARES = (0.60, 0.24, 0.05, 0.05, 0.03, 0.03)
_OLDEST_DAYS = 900
_SECOND_EVERY = 33
_PARTNER, _IDENTITY = 311, 312  # purposes of hashes, apart from the streams
_CHANGES_PER_DAY = 0.004
_LAGGED_SHARE = 0.2
_VISITOR_SHARES = np.cumsum([0.12, 0.48, 0.28])  # 0, 1, 2 devices; the rest have 3


@dataclass(frozen=True)
class AccountStates(Columns):
    """Accounts as they stand after a change; times are wall times, `version` counts e-mail addresses, `line` phones."""

    account: Ints
    identity: Ints
    version: Ints
    phone: Ints
    surname: Ints
    country: Ints
    is_active: Ints
    created_at: Ints
    updated_at: Ints


class Accounts:
    """Everything about accounts that lasts from day to day."""

    SAVED: ClassVar[tuple[str, ...]] = (
        *("version", "phone", "surname", "country", "is_active", "created_at", "updated_at"),
        *("activity", "devices", "first_account", "second_account"),
    )

    def __init__(self, spec: StorefrontSpec) -> None:
        self._spec = spec
        empty = np.empty(0, np.int64)
        self.version, self.phone, self.surname = (empty.astype(np.int16) for _ in range(3))
        self.country, self.is_active, self.devices = (empty.astype(np.int8) for _ in range(3))
        self.created_at, self.updated_at = empty, empty
        self.activity: Floats = np.empty(0, np.float64)
        self.first_account, self.second_account = empty.astype(np.int32), empty.astype(np.int32)
        self.reach: Floats = np.empty(0, np.float64)

    def __len__(self) -> int:
        return len(self.created_at)

    def begin(self, calendar: Calendar) -> None:
        """The accounts of before the first day."""
        rng = self._spec.stream(Stream.ACCOUNTS, -1)
        count = calendar.early_accounts
        start = self._spec.wall_start(0)
        self._sign_up(np.sort(start - rng.integers(1, _OLDEST_DAYS * SECONDS_PER_DAY, count)), rng)

    def sign_up(self, day: int, count: int) -> Ints:
        """Let a day's new accounts in; returns their numbers."""
        rng = self._spec.stream(Stream.ACCOUNTS, day)
        known = len(self)
        stamp = self._spec.wall_start(day) + rng.integers(4 * 3_600, SECONDS_PER_DAY, count)
        self._sign_up(np.sort(stamp), rng)
        return np.arange(known, known + count)

    def change(self, day: int, newest: int) -> Ints:
        """Let accounts change on a day; returns their numbers. Some are stamped before `newest`, in wall time."""
        rng = self._spec.stream(Stream.ACCOUNT_CHANGES, day)
        start = self._spec.wall_start(day)
        # One that is stamped in the past must still come after the version that it replaces.
        settled = np.flatnonzero(self.updated_at < start - SECONDS_PER_DAY)
        count = min(max(4, round(len(self) * _CHANGES_PER_DAY)), len(settled))
        account = np.sort(rng.choice(settled, count, replace=False))
        kind = rng.random(count)
        self.version[account] += kind < 0.4
        self.phone[account] += (kind >= 0.4) & (kind < 0.6)
        self.surname[account] += (kind >= 0.6) & (kind < 0.65)
        moves = (kind >= 0.65) & (kind < 0.8)
        step = rng.integers(1, len(COUNTRIES), count)
        self.country[account] = np.where(moves, (self.country[account] + step) % len(COUNTRIES), self.country[account])
        self.is_active[account] ^= (kind >= 0.8).astype(np.int8)
        stamp = start + rng.integers(3_600, SECONDS_PER_DAY - 3_600, count)
        lag = LAG_HOURS * 3_600
        past = start - lag + (rng.random(count) * max(newest - start + lag, 0)).astype(np.int64)
        is_lagged = (rng.random(count) < _LAGGED_SHARE) & (newest > start - lag)
        self.updated_at[account] = np.where(is_lagged, past, stamp)
        return account

    def states(self, account: Ints) -> AccountStates:
        """Accounts as they stand now."""
        columns = {name: getattr(self, name)[account].astype(np.int64) for name in self.SAVED[:7]}
        identity = integer_hash(self._spec.seed, _IDENTITY, account).view(np.int64)
        return AccountStates(account=account, identity=identity, **columns)

    def restore(self) -> None:
        """Derive what is not saved."""
        self.reach = np.cumsum(self.activity)

    def _sign_up(self, created_at: Ints, rng: np.random.Generator) -> None:
        known, count = len(self), len(created_at)
        number = np.arange(known, known + count)
        offset = (integer_hash(self._spec.seed, _PARTNER, number) % np.uint64(20)).astype(np.int64)
        is_second = number % _SECOND_EVERY == _SECOND_EVERY - 1
        first = np.where(is_second, number - 5 - offset, number).astype(np.int32)
        devices = np.searchsorted(_VISITOR_SHARES, rng.random(count), "right")
        activity = rng.gamma(0.6, 1.0, count) + 0.02
        added = {
            "version": np.zeros(count, np.int16),
            "phone": np.zeros(count, np.int16),
            "surname": np.zeros(count, np.int16),
            "country": rng.choice(len(COUNTRIES), count, p=_COUNTRY_SHARES).astype(np.int8),
            "is_active": np.ones(count, np.int8),
            "created_at": created_at,
            "updated_at": created_at,
            "activity": activity,
            "devices": np.where(is_second, 0, devices).astype(np.int8),
            "first_account": first,
            "second_account": np.full(count, -1, np.int32),
        }
        for name, values in added.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))
        self.second_account[first[is_second]] = number[is_second]
        before = self.reach[-1] if known else 0.0
        self.reach = np.concatenate([self.reach, before + np.cumsum(activity)])
