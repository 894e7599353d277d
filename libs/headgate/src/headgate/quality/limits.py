"""When a warning is more than a warning: its counts held against the limits that the contract sets.

`rows` and `percent` look at one publication. `deviations` compares its share of doubtful rows with the usual share: the
median of the last `window` ones. The distance is measured in spreads: the scaled MAD, and never less than the square
root of the expected count (or one row), which is what independent rare events vary by. Only a rise is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from statistics import median
from typing import Literal, NamedTuple

from headgate.contract import Limits, Rule
from headgate.quality.robust import spread

Level = Literal["none", "alert", "error"]


class Count(NamedTuple):
    """One rule's count in one partition or publication."""

    failed_rows: int
    checked_rows: int


@dataclass(frozen=True)
class Judgement:
    """What the limits say of a count."""

    level: Level
    words: str
    """What is exceeded, or why `deviations` was not judged; empty when nothing is to be said."""


def judge(rule: Rule, count: Count, history: Sequence[Count]) -> Judgement:
    """Holds a rule's count against its limits; those of an error come first.

    Args:
        rule: a warning, with limits or without.
        count: of the partition or publication that is judged.
        history: former ones without it, the newest last.
    """
    unjudged = ""
    levels: list[tuple[Level, Limits | None]] = [("error", rule.error), ("alert", rule.alert)]
    for level, limits in levels:
        if limits is None:
            continue
        exceeded = _exceed(limits, count)
        if limits.deviations is not None:
            known = [former for former in history if former.checked_rows][-limits.window :]
            if len(known) < limits.minimum_history:
                unjudged = f"deviations not judged: {len(known)} of {limits.minimum_history} former counts are there"
            else:
                exceeded += _exceed_usual(limits.deviations, count, known)
        if exceeded:
            return Judgement(level, f"{level}: {'; '.join(exceeded)}")
    return Judgement("none", unjudged)


def _exceed(limits: Limits, count: Count) -> list[str]:
    exceeded = []
    failed, checked = count
    if limits.rows is not None and failed > limits.rows:
        exceeded.append(f"{failed:,} rows, more than {limits.rows:,}")
    # Exact, so that 5 % of 100 rows is 5 rows and not a float beside it.
    if limits.percent is not None and failed * 100 > Decimal(str(limits.percent)) * checked:
        exceeded.append(f"{100 * failed / checked:.4g} % of the rows, more than {limits.percent:g} %")
    return exceeded


def _exceed_usual(deviations: float, count: Count, history: Sequence[Count]) -> list[str]:
    shares = [former.failed_rows / former.checked_rows for former in history]
    usual = median(shares)
    expected = usual * count.checked_rows
    width = max(spread(shares, usual) * count.checked_rows, sqrt(max(expected, 1.0)))
    distance = (count.failed_rows - expected) / width
    if distance <= deviations:
        return []
    return [f"{distance:.1f} deviations above the usual {expected:,.4g} rows, more than {deviations:g}"]
