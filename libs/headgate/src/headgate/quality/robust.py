"""Median and median absolute deviation: what is usual, undisturbed by a few wild values."""

from collections.abc import Sequence
from statistics import median

NORMAL_SCALE = 1.4826
"""Times the MAD, it estimates the standard deviation of normal values (1 / the normal quantile of 0.75)."""


def spread(values: Sequence[float], centre: float) -> float:
    """The scaled median absolute deviation from a centre, in the values' unit; 0 when more than half are alike."""
    return NORMAL_SCALE * median(abs(value - centre) for value in values)
