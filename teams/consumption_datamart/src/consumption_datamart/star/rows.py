"""What all tables of the star have in common: which rows count, and which days are looked at."""

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir


def is_clean(table: ir.Table) -> ir.BooleanValue:
    """True of a row that no rule doubts: it counts. The others are counted beside the figures, and in none of them."""
    return table.meta__warnings.length() == 0


def days_after(day: ir.DateValue, days: int) -> ir.DateValue:
    """The day so many days later. By way of a time stamp, which is what some engines make of a date and an interval."""
    return (day + ibis.interval(days=days)).cast("timestamp").cast("date")


def of_days(table: ir.Table, days: Sequence[date], *, back: int = 0) -> ir.Table:
    """The rows of some days, and of so many days before each.

    The bounds are literals, by which the lake leaves the files of other days unread.

    Args:
        table: has a date column `day`.
        days: in any order; none gives no rows.
        back: how many days before each day are read too. Between days that lie further apart more may be read.
    """
    if not days:
        return table.filter(ibis.literal(False))
    first, last = min(days) - timedelta(days=back), max(days)
    found = table.filter(table.day.between(ibis.literal(first), ibis.literal(last)))
    is_whole = (max(days) - min(days)).days == len(set(days)) - 1
    return found if back or is_whole else found.filter(found.day.isin(sorted(set(days))))
