"""A day's heartbeats of one product, as arrays: regular ones, and a few that are doubtful.

What belongs here: drawing them. What does not: the shape of the files (`encode`), and which of them a first delivery
lacks (`schedule`). Use is in thousandths of a vCPU and in MB (10^6 bytes); times are epoch milliseconds.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from acme.drops.plan import Plan
from acme.drops.world import PRODUCTS, REGIONS, Stream
from acme.strava.schedule import zone_offset
from acme.world import SECONDS_PER_DAY

DOUBTS = (
    "",
    "negative_usage",
    "unknown_deployment",
    "invalid_customer",
    "unknown_customer",
    "clock_skew",
    "nanoseconds",
    "duplicate_row",
)
"""What can be wrong with a heartbeat; the first means nothing."""

EVERYDAY_DOUBTS = DOUBTS[1:4]
"""These come by themselves, now and then, each 0.4 times a day and product on average."""

_EVERYDAY_RATE = 0.4
_LOST = 0.003
"""Share of heartbeats that never arrive, on days when there are many."""
_BAD_CUSTOMERS = ("", "UNKNOWN", "C-12", "c_000001", "0")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sender:
    """Who sends a heartbeat, as its row says."""

    customer: str
    deployment: str
    place: int


@dataclass(frozen=True)
class Beats:
    """Rows of one product and day; `sender` is a position in `senders`, `doubt` one in `DOUBTS`."""

    senders: list[Sender]
    sender: Ints
    ts_ms: Ints
    vcpu_milli: Ints
    memory_mb: Ints
    doubt: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.ts_ms)

    def where(self, keep: npt.NDArray[np.bool_]) -> "Beats":
        return replace(
            self,
            sender=self.sender[keep],
            ts_ms=self.ts_ms[keep],
            vcpu_milli=self.vcpu_milli[keep],
            memory_mb=self.memory_mb[keep],
            doubt=self.doubt[keep],
        )


def make_beats(plan: Plan, product: str, day: int) -> Beats:
    """Everything that a day's telemetry of a product ever holds."""
    spec = plan.spec
    rng = spec.stream(Stream.BEATS, PRODUCTS.index(product), day)
    live, level = plan.use(product, day)
    fleet = plan.fleets[product]
    customers = [chain.customer.id for chain in plan.chains[product]]
    deployments = [fleet.deployments[position] for position in live.tolist()]
    senders = [
        Sender(customers[chain], one.id, one.place)
        for one, chain in zip(deployments, fleet.chain[live].tolist(), strict=True)
    ]
    interval = spec.minutes(day) * 60
    seconds = np.arange(SECONDS_PER_DAY // interval) * interval
    offset = np.array([one.beat_s for one in deployments], np.int64)
    memory = np.array([one.memory_mb for one in deployments], np.float64)
    at = offset[:, None] + seconds[None, :]
    shape = np.stack([_working_hours(day, place) for place in range(len(REGIONS))])
    places = np.array([one.place for one in deployments], np.int64)
    hours = shape[places[:, None], at // 3_600] if len(live) else np.zeros(at.shape)
    if interval == SECONDS_PER_DAY:
        hours = np.ones(at.shape)
    daily = level * np.exp(rng.normal(0, 0.06, len(live)))
    vcpu = daily[:, None] * hours * np.exp(rng.normal(0, 0.08, at.shape))
    used_mb = vcpu * memory[:, None] * rng.uniform(0.9, 1.1, at.shape)
    arrived = rng.random(at.shape) >= (_LOST if len(seconds) > 24 else 0)
    # In the order of time, as a collector writes them.
    row, column = np.nonzero(arrived)
    order = np.argsort(at[row, column], kind="stable")
    row, column = row[order], column[order]
    beats = Beats(
        senders,
        row.astype(np.int64),
        (day * SECONDS_PER_DAY + at[row, column]) * 1_000,
        np.rint(vcpu[row, column] * 1_000).astype(np.int64),
        np.rint(used_mb[row, column]).astype(np.int64),
        np.zeros(len(row), np.int8),
    )
    counts = {kind: int(rng.poisson(_EVERYDAY_RATE)) for kind in EVERYDAY_DOUBTS}
    return add_doubts(beats, counts, rng)


def add_doubts(beats: Beats, counts: dict[str, int], rng: np.random.Generator) -> Beats:
    """The same beats, and copies of some of them with something wrong: so many of each kind, all distinct rows.

    A copy is stamped some milliseconds after the row it was taken from, which no regular one is.
    """
    clean = np.flatnonzero(beats.doubt == 0)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    if not len(clean) or not kinds:
        return beats
    senders = list(beats.senders)
    picked = rng.choice(clean, len(kinds), replace=len(kinds) > len(clean))
    sender, ts_ms = beats.sender[picked], beats.ts_ms[picked].copy()
    vcpu, memory = beats.vcpu_milli[picked].copy(), beats.memory_mb[picked]
    used = int(np.max(beats.ts_ms % 1_000, initial=0))
    for number, kind in enumerate(kinds):
        who = senders[sender[number]]
        ts_ms[number] += (used + number) % 999 + 1 if kind != "duplicate_row" else 0
        if kind == "negative_usage":
            vcpu[number] = -max(int(vcpu[number]), 1)
        elif kind == "unknown_deployment":
            senders.append(replace(who, deployment=f"dep-{who.deployment[4]}-999999-{number + 1}"))
        elif kind == "invalid_customer":
            senders.append(replace(who, customer=_BAD_CUSTOMERS[number % len(_BAD_CUSTOMERS)]))
        elif kind == "unknown_customer":
            senders.append(replace(who, customer=f"C-{999_999 - number % 1_000:06d}"))
        elif kind == "clock_skew":
            ts_ms[number] += (1 if number % 2 else -1) * 400 * SECONDS_PER_DAY * 1_000
        elif kind == "nanoseconds":
            ts_ms[number] *= 1_000_000
        if kind in ("unknown_deployment", "invalid_customer", "unknown_customer"):
            sender[number] = len(senders) - 1
    return Beats(
        senders,
        np.concatenate([beats.sender, sender]),
        np.concatenate([beats.ts_ms, ts_ms]),
        np.concatenate([beats.vcpu_milli, vcpu]),
        np.concatenate([beats.memory_mb, memory]),
        np.concatenate([beats.doubt, np.array([DOUBTS.index(kind) for kind in kinds], np.int8)]),
    )


def hourly_offsets(day: int, place: int) -> list[int]:
    """Seconds that a region's local time is ahead of UTC in each hour of a UTC day; clocks change on the full hour."""
    return [zone_offset(REGIONS[place].zone, day * SECONDS_PER_DAY + hour * 3_600) for hour in range(24)]


def _working_hours(day: int, place: int) -> npt.NDArray[np.float64]:
    """How much of the day's average is used in each hour of UTC: people work by their own clocks."""
    local = (np.arange(24) + np.array(hourly_offsets(day, place)) / 3_600) % 24
    curve = 1 + 0.45 * np.sin(2 * np.pi * (local - 8) / 24)
    return curve / curve.mean()
