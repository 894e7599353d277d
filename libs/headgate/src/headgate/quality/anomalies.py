"""Anomalies in the profiles of a table's partitions, found by a robust rule whose parameters are stated.

What is usual for a value is the median of the same weekday's values among the last `window` partitions, where they are
days and there is enough of that weekday; else the median of all of them. How far a value may be from it is measured in
spreads: the scaled median absolute deviation of the former values from what was usual for each of them, relative to it,
and never less than `tolerance` of it. Medians, because a former anomaly must not hide the next one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import median
from typing import Literal, NamedTuple

from headgate.quality.robust import NORMAL_SCALE

Metric = Literal["row_count", "nulls", "distinct", "sum"]


@dataclass(frozen=True)
class Parameters:
    """What the rule takes for usual. The defaults are those that `headgate bench anomalies` measures."""

    window: int = 56
    """How many partitions before the judged one are looked at: eight weeks of days."""
    minimum_history: int = 28
    """With fewer nothing is judged. With less than four weeks of days every weekend would look like an anomaly."""
    minimum_weekdays: int = 4
    """So many values of a weekday make it a season of its own; with fewer all days are one."""
    deviations: float = 5.0
    """Spreads beyond which a value is an anomaly."""
    tolerance: float = 0.02
    """The least spread, as a share of the usual value."""


DEFAULT = Parameters()


class Profile(NamedTuple):
    """One number about one partition."""

    partition_key: str
    column: str
    """Empty for `row_count`, which is about all of them."""
    metric: Metric
    value: float
    """Rows, nulls as a share of the rows (0 to 1), distinct values, or the sum in the column's unit."""
    rows: int
    """Of the partition."""


@dataclass(frozen=True)
class Anomaly:
    """A value far from what is usual."""

    partition_key: str
    column: str
    metric: Metric
    value: float
    usual: float
    deviations: float
    """Signed: above 0 when there is more than usual."""

    @property
    def words(self) -> str:
        name = f"{self.metric} of {self.column}" if self.column else self.metric
        side = "above" if self.deviations > 0 else "below"
        return f"{name} is {self.value:,.6g}, {abs(self.deviations):.1f} deviations {side} the usual {self.usual:,.6g}"


def find_anomalies(
    profiles: Iterable[Profile], partition_key: str, parameters: Parameters = DEFAULT
) -> tuple[list[Anomaly], int]:
    """The anomalies of one partition.

    Args:
        profiles: of the partition itself and of others, in any order; keys that are ISO dates have weekdays. Only
            partitions whose key sorts before it are its history.
        partition_key: the partition that is judged.
        parameters: of the rule.

    Returns:
        The anomalies, the furthest off first, and how many values had enough history to be judged.
    """
    series: dict[tuple[str, Metric], dict[str, Profile]] = defaultdict(dict)
    for profile in profiles:
        if profile.partition_key <= partition_key:
            series[profile.column, profile.metric][profile.partition_key] = profile
    anomalies, judged = [], 0
    for by_key in series.values():
        judged_one = by_key.pop(partition_key, None)
        former = [by_key[key] for key in sorted(by_key)][-parameters.window :]
        if judged_one is None or len(former) < parameters.minimum_history:
            continue
        judged += 1
        anomaly = _compare(judged_one, former, parameters)
        if anomaly is not None:
            anomalies.append(anomaly)
    return sorted(anomalies, key=lambda each: -abs(each.deviations)), judged


def _compare(profile: Profile, former: Sequence[Profile], parameters: Parameters) -> Anomaly | None:
    seasons = _seasons(former, parameters.minimum_weekdays)
    usual = seasons.get(_weekday(profile.partition_key), seasons[None])
    width = _width(profile, usual, former, seasons, parameters)
    distance = (profile.value - usual) / width
    if abs(distance) <= parameters.deviations:
        return None
    return Anomaly(profile.partition_key, profile.column, profile.metric, profile.value, usual, distance)


def _seasons(former: Sequence[Profile], minimum: int) -> dict[int | None, float]:
    """Weekday → its usual value, for those with enough history; None → the usual value of all days."""
    values: dict[int | None, list[float]] = defaultdict(list)
    for profile in former:
        values[None].append(profile.value)
        weekday = _weekday(profile.partition_key)
        if weekday is not None:
            values[weekday].append(profile.value)
    return {key: median(found) for key, found in values.items() if key is None or len(found) >= minimum}


def _width(
    profile: Profile,
    usual: float,
    former: Sequence[Profile],
    seasons: dict[int | None, float],
    parameters: Parameters,
) -> float:
    """One spread, in the value's unit: of the former values, and not below what chance and tolerance allow."""
    residuals = []
    for each in former:
        expected = seasons.get(_weekday(each.partition_key), seasons[None])
        residuals.append(abs(each.value - expected) / (abs(expected) or 1.0))
    # A median of m values lies nearer to them than the truth does: their distance to it is short by sqrt(1 - 1/m).
    groups = max(len(seasons) - 1, 1)
    correction = sqrt(len(former) / max(len(former) - groups, 1))
    relative = max(NORMAL_SCALE * median(residuals) * correction, parameters.tolerance)
    return max(relative * abs(usual), _chance(profile, usual))


def _chance(profile: Profile, usual: float) -> float:
    """What a count varies by when every row comes by chance: the square root of what is expected, at least one row."""
    if profile.metric == "nulls":
        rows = max(profile.rows, 1)
        return sqrt(max(usual * rows, 1.0)) / rows
    if profile.metric in ("row_count", "distinct"):
        return sqrt(max(usual, 1.0))
    return 1e-9


def _weekday(key: str) -> int | None:
    try:
        return date.fromisoformat(key).weekday()
    except ValueError:
        return None
