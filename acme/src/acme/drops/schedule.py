"""When a day's files arrive: on time, days late, or first with a gap and later once more, whole.

Everything follows from the seed, the source and the day, so what arrives on a day needs no memory of the days before.
"""

from dataclasses import replace

import numpy as np

from acme.drops.subscriptions import Line
from acme.drops.telemetry import Beats
from acme.drops.world import MASTER, SOURCES, DropsSpec, Stream

LONGEST_DELAY = 8
"""A day's last delivery arrives at most this many days after the first could have."""

_LATE, _RESTATED = 0.06, 0.08


def delays(spec: DropsSpec, source: str, day: int) -> list[int]:
    """Days after the day's own end at which it is delivered: `[0]`, or late `[2]`, or twice `[0, 3]`."""
    if source == MASTER:
        return [0]
    rng = _stream(spec, source, day, 0)
    first = int(rng.integers(1, 4)) if rng.random() < _LATE else 0
    again = int(rng.integers(1, LONGEST_DELAY - 3))
    return [first, first + again] if rng.random() < _RESTATED else [first]


def due(spec: DropsSpec, day: int) -> list[tuple[str, int, bool]]:
    """What arrives when a day has passed: source, the day it is about, and whether it is whole."""
    found = []
    for source in SOURCES:
        for about in range(max(day - LONGEST_DELAY, spec.first), day + 1):
            when = delays(spec, source, about)
            if day - about in when:
                found.append((source, about, day - about == when[-1]))
    return found


def is_whole(spec: DropsSpec, source: str, about: int, today: int) -> bool | None:
    """Whether what has arrived of a day before `today` is whole; None when nothing has."""
    when = [about + delay for delay in delays(spec, source, about)]
    return None if when[0] >= today else when[-1] < today


def hold_back_beats(spec: DropsSpec, source: str, day: int, beats: Beats) -> Beats:
    """A first delivery with a gap: some deployments were cut off from some hour on."""
    rng = _stream(spec, source, day, 1)
    count = len(beats.senders)
    cut_off = rng.permutation(count)[: max(1, count // 25)]
    from_ms = (day * 86_400 + int(rng.integers(0, 20)) * 3_600) * 1_000 if spec.minutes(day) < 120 else 0
    is_late = np.isin(beats.sender, cut_off) & (beats.ts_ms >= from_ms) & (beats.doubt == 0)
    return beats.where(~is_late)


def hold_back_lines(lines: list[Line]) -> list[Line]:
    """A first delivery with a gap: the last third of the lines is missing, and the first one's amount is wrong."""
    kept = lines[: len(lines) - (len(lines) + 2) // 3]
    return [replace(line, amount_cents=line.amount_cents + 1_000) if not n else line for n, line in enumerate(kept)]


def _stream(spec: DropsSpec, source: str, day: int, purpose: int) -> np.random.Generator:
    return spec.stream(Stream.DELIVERY, SOURCES.index(source), day, purpose)
