"""Questions with an answer: at a cut-off date, what was known, and what happened in the window after it?

Features come from events strictly before the cut-off, labels from the window that begins with it. The same function
serves training (past cut-offs) and scoring (today).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis

from feature_helpers.errors import FeatureError


@dataclass(frozen=True)
class Cutoffs:
    """Cut-offs one window apart, so that no label of one reaches the labels of a later one."""

    training: tuple[date, ...]
    calibration: date
    holdout: date

    @property
    def all(self) -> tuple[date, ...]:
        return (*self.training, self.calibration, self.holdout)


def choose_cutoffs(
    first_event: date, as_of: date, *, window_days: int, min_history_days: int, max_training: int
) -> Cutoffs | None:
    """The newest window that has fully passed is held out, the one before calibrates, earlier ones train.

    Args:
        first_event: day of the oldest event.
        as_of: today; nothing of this day or later is used.
        window_days: length of a label's window.
        min_history_days: history that must precede a cut-off for it to train.
        max_training: at most so many train.

    Returns:
        None when the history is too short for one of each.
    """
    holdout, calibration, *earlier = (
        as_of - timedelta(days=window_days * count) for count in range(1, max_training + 3)
    )
    training = tuple(day for day in reversed(earlier) if (day - first_event).days >= min_history_days)
    return Cutoffs(training, calibration, holdout) if training else None


def look_back(events: ibis.Table, cutoffs: Sequence[date], *, day: str) -> ibis.Table:
    """Each cut-off with all events strictly before it: the events' columns, `cutoff_date`, and `age_days` from 1.

    Args:
        events: one row an event; an event before several cut-offs comes several times.
        cutoffs: the dates to look back from, each once.
        day: the column with an event's date.

    Raises:
        FeatureError: no cut-off is given.
    """
    dates = _one_row_each(cutoffs)
    past = events.join(dates, events[day] < dates.cutoff_date)
    return past.mutate(age_days=past.cutoff_date.delta(past[day], unit="day"))


def label_silence(
    features: ibis.Table, events: ibis.Table, *, key: str, day: str, window_days: int, name: str
) -> ibis.Table:
    """Adds a boolean `name`: no event of the same `key` from the cut-off (included) to the window's end (not included).

    Args:
        features: has `cutoff_date` and `key`.
        events: one row an event.
        key: whose events, a column of both.
        day: the column with an event's date.
        window_days: length of the window.
        name: of the new column.
    """
    dates = features.select("cutoff_date").distinct()
    end = dates.cutoff_date + ibis.interval(days=window_days)
    after = events.join(dates, [events[day] >= dates.cutoff_date, events[day] < end])
    seen = after.select("cutoff_date", key, _was_seen=True).distinct()
    joined = features.left_join(seen, ["cutoff_date", key])
    return joined.select(*features.columns, **{name: joined["_was_seen"].isnull()})


def _one_row_each(cutoffs: Sequence[date]) -> ibis.Table:
    if not cutoffs:
        raise FeatureError("no cut-off date is given", where="look_back", next_step="name at least one date")
    rows = [ibis.range(1).unnest().name("_").as_table().select(cutoff_date=ibis.literal(day)) for day in cutoffs]
    return ibis.union(*rows) if len(rows) > 1 else rows[0]
