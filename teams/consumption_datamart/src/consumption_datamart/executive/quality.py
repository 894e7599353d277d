"""How good the data are that the figures are made of: deliveries, doubtful rows, age, service levels.

What belongs here: what is known of them, and counting it. What does not: judging rows (contracts), words (`words`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

RECENT_DAYS = 30
"""Doubtful rows and missing deliveries are counted over so many days, the figures' own day included."""
MISSING, SET_ASIDE = "missing", "set_aside"
INVOICES = "invoices"


@dataclass(frozen=True)
class Absence:
    """A source's day that is in no table.

    Args:
        state: MISSING (nothing complete arrived) or SET_ASIDE (what arrived could not be read).
        reason: why it was set aside.
        is_replaced: an earlier delivery of the day is in the tables instead.
    """

    source: str
    day: date
    state: str
    reason: str = ""
    is_replaced: bool = False


@dataclass(frozen=True)
class CodeCount:
    """Rows of a table's day that a rule marked."""

    table: str
    day: date
    code: str
    rows: int


@dataclass(frozen=True)
class Promise:
    """A service level of a table, measured over its window.

    Args:
        level: `freshness`, `correctness` or `warnings`.
        words: what is promised.
        attained: percent that was good; None without enough history.
        budget_left: share of the error budget, below 0 when the promise is broken; None without enough history.
        state: `kept`, `burning`, `spent`, `too little history` or `no history`.
    """

    table: str
    level: str
    words: str
    attained: float | None
    budget_left: float | None
    state: str


@dataclass(frozen=True)
class Quality:
    """All that is known of the data behind the page.

    Args:
        newest: by source, the newest day that is loaded; empty where nothing is known of deliveries.
        absences: of any day.
        codes: of any day; days without marks may be left out.
        meanings: what a code means, by code.
        published_at: by table, when it was last published, UTC.
        promises: the service levels of the tables that the figures are made of.
    """

    newest: Mapping[str, date] = field(default_factory=dict)
    absences: Sequence[Absence] = ()
    codes: Sequence[CodeCount] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    published_at: Mapping[str, datetime] = field(default_factory=dict)
    promises: Sequence[Promise] = ()

    def recent_absences(self, last: date) -> list[Absence]:
        """Of the `RECENT_DAYS` days up to and with `last`, and of what came after; newest first."""
        first = last - timedelta(days=RECENT_DAYS - 1)
        found = [one for one in self.absences if one.day >= first]
        return sorted(found, key=lambda one: (-one.day.toordinal(), one.source))

    def count_codes(self, days: Sequence[date]) -> dict[tuple[str, str], list[int]]:
        """By table and code, rows on each of the days, most frequent first; a row with two codes counts for both."""
        places = {day: number for number, day in enumerate(days)}
        counts: dict[tuple[str, str], list[int]] = {}
        for one in self.codes:
            if one.rows and one.day in places:
                counts.setdefault((one.table, one.code), [0] * len(days))[places[one.day]] += one.rows
        return dict(sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0])))
