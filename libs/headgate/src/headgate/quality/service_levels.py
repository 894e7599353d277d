"""Service levels: how much of what was promised was kept, and what is left of the error budget.

A promise is a target: a percentage of hours, audits or rows that must be good. The rest is the error budget. Over the
window that ends now:

- attained = good ÷ measured,
- budget left = 1 − bad share ÷ (1 − target): 1 when nothing was bad, 0 when the target is met exactly, below 0 when broken,
- burn rate = bad share of the window's last tenth ÷ (1 − target): at 1 a budget lasts exactly one window.

Only what there is history of is measured: without any there is no share, and nothing is said to be kept. Hours and
audits are judged from `MINIMUM_HISTORY` on; before, one late minute would be all there is. The rows of a publication are
all its rows, so these are judged at once. What does not belong here: what is good (the contract's rules), where history
is kept (`headgate.lake.service_levels`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal, NamedTuple

from headgate.contract import ServiceLevel

State = Literal["no history", "too little history", "kept", "burning", "spent"]
RECENT = 10
"""The burn rate looks at the last of so many parts of the window: 3 days of 30."""
MINIMUM_HISTORY = timedelta(hours=24)
"""Since the first publication or audit there ever was. A day, because whatever runs daily has had its turn by then."""

_HOUR = timedelta(hours=1)


class Refresh(NamedTuple):
    """A publication that brought a table up to date."""

    at: datetime
    reference: datetime
    """From when its age counts: the publication itself, or the end of the newest day in the table."""


class Event(NamedTuple):
    """Something judged at a moment, once: an audit, the rows of a publication."""

    at: datetime
    bad: int
    total: int


class Tally(NamedTuple):
    """What was bad of what was measured, exactly; in hours, audits or rows."""

    bad: Fraction
    total: Fraction

    @property
    def bad_share(self) -> Fraction | None:
        """0 to 1; None where nothing was measured."""
        return self.bad / self.total if self.total else None


@dataclass(frozen=True, kw_only=True)
class Attainment:
    """One service level, measured over the window that ends at `measured_at`."""

    level: ServiceLevel
    window: timedelta
    measured_at: datetime
    unit: Literal["hours", "audits", "rows"]
    tally: Tally
    recent: Tally
    """Of the window's last tenth."""
    measured_from: datetime | None
    """When the history within the window begins; None where there is none."""

    @property
    def history(self) -> timedelta:
        """How long there is history of, within the window."""
        return self.measured_at - (self.measured_from or self.measured_at)

    @property
    def is_judged(self) -> bool:
        """Whether there is enough history for figures."""
        return bool(self.tally.total) and (self.unit == "rows" or self.history >= MINIMUM_HISTORY)

    @property
    def attained(self) -> float | None:
        """Percent that was good; None when it is not judged."""
        share = self._bad_share
        return None if share is None else float(100 * (1 - share))

    @property
    def allowed(self) -> Fraction:
        """The budget: how much of what was measured may be bad."""
        return self.tally.total * self._allowed_share

    @property
    def budget_left(self) -> float | None:
        """Share of the budget: 1 untouched, 0 or less spent; None when it is not judged."""
        left = self._left
        return None if left is None else float(left)

    @property
    def burn_rate(self) -> float | None:
        """How many times faster than allowed it is being used up; None where nothing was measured lately."""
        share = self.recent.bad_share
        return None if share is None or not self.is_judged else float(share / self._allowed_share)

    @property
    def days_left(self) -> float | None:
        """Until the budget is spent, at the burn rate; None where it is not being used up, or is spent."""
        left, share = self._left, self.recent.bad_share
        if left is None or left <= 0 or not share:
            return None
        return float(Fraction(self.window / timedelta(days=1)) * left * self._allowed_share / share)

    @property
    def state(self) -> State:
        """`spent`: nothing is left. `burning`: something is, and is used up faster than allowed."""
        if self._left is None:
            return "too little history" if self.tally.total else "no history"
        if self._left <= 0:
            return "spent"
        return "burning" if (self.burn_rate or 0) > 1 else "kept"

    @property
    def words(self) -> str:
        """The verdict in one clause, with figures."""
        name = self.level.property
        days = f"{self.window / timedelta(days=1):g} days"
        if self.state == "no history":
            return f"{name}: no history within {days}, so nothing is known of it"
        if self.budget_left is None:
            return f"{name}: too little history yet: {self.history_words}"
        return (
            f"{name}: {self.attained:.2f} % of {float(self.tally.total):,.4g} {self.unit} within {days} were good, "
            f"promised {self.level.target} %; error budget: {describe_budget(self.budget_left)}"
        )

    @property
    def history_words(self) -> str:
        """`2 minutes of the 24 hours needed`."""
        return f"{_describe_duration(self.history)} of the {_describe_duration(MINIMUM_HISTORY)} needed"

    @property
    def _allowed_share(self) -> Fraction:
        assert self.level.target is not None
        return 1 - Fraction(self.level.target) / 100

    @property
    def _bad_share(self) -> Fraction | None:
        return self.tally.bad_share if self.is_judged else None

    @property
    def _left(self) -> Fraction | None:
        share = self._bad_share
        return None if share is None else 1 - share / self._allowed_share


def describe_budget(left: float) -> str:
    """`29 % left`, or `spent 20 times over`: a share that is far below 0 is hard to read."""
    if left > 0:
        return f"{100 * left:.0f} % left" if left >= 0.01 else "less than 1 % left"
    spent = 1 - left
    times = f"{spent:,.1f}" if spent < 10 else f"{spent:,.0f}"
    return "spent" if times == "1.0" else f"spent {times} times over"


def measure_freshness(
    level: ServiceLevel, refreshes: Sequence[Refresh], *, window: timedelta, now: datetime
) -> Attainment:
    """The hours in which a table was as fresh as promised. Time passes whether or not anything is published.

    Args:
        level: with its limit.
        refreshes: all there were up to `now`, oldest first, also those before the window.
        window: before `now`. Of it, what lies after the very first refresh is measured.
        now: the end.
    """
    limit = level.limit
    assert limit is not None
    begun = refreshes[0].at if refreshes else now

    def tally(start: datetime, end: datetime) -> Tally:
        start = min(max(start, begun), end)
        late = timedelta()
        for index, refresh in enumerate(refreshes):
            until = refreshes[index + 1].at if index + 1 < len(refreshes) else end
            late += max(min(until, end) - max(refresh.at, refresh.reference + limit, start), timedelta())
        return Tally(_hours(late), _hours(end - start))

    return _attain(level, "hours", tally, window, now, begun if refreshes else None)


def measure_events(
    level: ServiceLevel,
    unit: Literal["audits", "rows"],
    events: Iterable[Event],
    *,
    window: timedelta,
    now: datetime,
) -> Attainment:
    """The share of good audits or rows among those after `now − window`, up to and with `now`."""
    known = [event for event in events if event.at <= now and event.total]
    chosen = [event for event in known if now - window < event.at]

    def tally(start: datetime, end: datetime) -> Tally:
        within = [event for event in chosen if start < event.at <= end]
        return Tally(Fraction(sum(e.bad for e in within)), Fraction(sum(e.total for e in within)))

    return _attain(level, unit, tally, window, now, min(event.at for event in known) if chosen else None)


def _attain(
    level: ServiceLevel,
    unit: Literal["hours", "audits", "rows"],
    tally: Callable[[datetime, datetime], Tally],
    window: timedelta,
    now: datetime,
    begun: datetime | None,
) -> Attainment:
    return Attainment(
        level=level,
        window=window,
        measured_at=now,
        unit=unit,
        tally=tally(now - window, now),
        recent=tally(now - window / RECENT, now),
        measured_from=None if begun is None else max(begun, now - window),
    )


def _hours(duration: timedelta) -> Fraction:
    return Fraction(duration // timedelta(microseconds=1), _HOUR // timedelta(microseconds=1))


def _describe_duration(duration: timedelta) -> str:
    """In whole hours or minutes, rounded down: what is not reached is not said to be."""
    minutes = duration // timedelta(minutes=1)
    if minutes < 1:
        return "less than a minute"
    count, unit = (minutes // 60, "hour") if minutes >= 60 else (minutes, "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"
