"""What customers bought, for how long, and what they use of it: a chain of terms for each customer and product.

A term is drawn as a whole when it starts, so a longer horizon adds terms and changes none. What does not belong here: the
dumps in which the lines arrive (`invoices`), and single heartbeats (`telemetry`).
"""

import calendar
import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from acme.drops.population import Customer
from acme.drops.world import EDGE_DAYS, PRODUCTS, SKUS, DropsSpec, Sku, Stream, day_number
from acme.source import day_date

_SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 256)
_TERMS = (12, 12, 12, 12, 6, 24, 36)
_KINDS = ("over", "steady", "under", "idle")
_KIND_SHARES = (0.24, 0.46, 0.26, 0.04)
_RATIOS = {"over": (0.95, 1.4), "steady": (0.65, 1.0), "under": (0.15, 0.55), "idle": (0.0, 0.0)}
_GROWTH = {"over": (0.0004, 0.0016), "steady": (-0.0004, 0.0005), "under": (-0.0012, 0.0004), "idle": (0.0, 0.0)}
"""Growth of use per day, in logarithms."""
_UPGRADES = {"over": 0.5, "steady": 0.12, "under": 0.03, "idle": 0.0}
_CREDITS = {"over": 0.02, "steady": 0.04, "under": 0.14, "idle": 0.2}
_FOREVER = 10**6
LOOK_AHEAD = 60
"""A term is ordered at most this many days before it starts."""


@dataclass(frozen=True)
class Line:
    """An invoice's line. `replaces` is the line that an upgrade or a credit ends, as `invoice/line`."""

    invoice: str
    number: int
    order_day: int
    customer: str
    sku: str
    product: str
    line_type: str
    quantity: int
    term_months: int | None
    start: int
    amount_cents: int
    replaces: str = ""

    @property
    def key(self) -> str:
        return f"{self.invoice}/{self.number}"


@dataclass
class Grant:
    """What a line entitles to: `quantity` vCPU on each day from `start` up to, without, `end`, or an earlier `ended_on`."""

    line: Line
    end: int
    ended_on: int = _FOREVER
    ended_by: str = ""


@dataclass
class _Phase:
    """vCPU in use from a day on: `level × exp(growth × days)`."""

    start: int
    level: float
    growth: float


@dataclass
class Chain:
    """All that one customer bought and uses of one product."""

    customer: Customer
    product: str
    start: int = 0
    lines: list[Line] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    phases: list[_Phase] = field(default_factory=list)
    fade_from: int = _FOREVER
    silent_from: int = _FOREVER
    invoices: int = 0

    def demand(self, first: int, days: int) -> npt.NDArray[np.float64]:
        """vCPU in use on each of `days` days from `first` on."""
        day = np.arange(first, first + days)
        used = np.zeros(days)
        for phase in self.phases:
            since = day >= phase.start
            used[since] = phase.level * np.exp(phase.growth * (day[since] - phase.start))
        fading = day >= self.fade_from
        used[fading] *= np.exp(-(day[fading] - self.fade_from) / 25)
        used[day >= self.silent_from] = 0
        return used

    def level(self, day: int) -> float:
        """`demand` of a single day, without arrays: the plan asks for thousands."""
        if day >= self.silent_from:
            return 0.0
        used = 0.0
        for phase in self.phases:
            if day >= phase.start:
                used = phase.level * math.exp(phase.growth * (day - phase.start))
        return used * (math.exp(-(day - self.fade_from) / 25) if day >= self.fade_from else 1.0)


def make_chain(spec: DropsSpec, customer: Customer, product: str, horizon: int) -> Chain:
    """The chain with every term that is ordered before `horizon`."""
    rng = spec.stream(Stream.CHAINS, customer.number, PRODUCTS.index(product))
    chain = Chain(customer, product)
    if customer.number <= len(EDGE_DAYS):
        return _make_edge(spec, chain)
    kind = str(rng.choice(_KINDS, p=_KIND_SHARES))
    quantity = int(rng.choice(_SIZES))
    start = customer.since + int(rng.integers(0, 45))
    chain.start = start
    chain.phases.append(_Phase(start, quantity * rng.uniform(*_RATIOS[kind]), rng.uniform(*_GROWTH[kind])))
    line_type = "new"
    while start <= horizon + LOOK_AHEAD:
        end, quantity, goes_on = _add_term(chain, rng, kind, line_type, start, quantity)
        if not goes_on:
            break
        # Some renew late and use without a right for some days, some early and have both.
        start = end + int(rng.choice([0, int(rng.integers(1, 21)), -int(rng.integers(1, 15))], p=[0.78, 0.1, 0.12]))
        level = min(max(chain.level(start), 0.05 * quantity), 2.5 * quantity)
        chain.phases.append(_Phase(start, level, rng.uniform(*_GROWTH[kind])))
        line_type = "renewal"
    return chain


def add_months(day: int, months: int) -> int:
    """The same day so many months later, or that month's last."""
    old = day_date(day)
    year, month = divmod(old.year * 12 + old.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return day_number(old.replace(year=year, month=month + 1, day=min(old.day, last)))


def _add_term(
    chain: Chain, rng: np.random.Generator, kind: str, line_type: str, start: int, quantity: int
) -> tuple[int, int, bool]:
    """One term and what happens in it; its end, the next one's quantity, and whether there is a next one."""
    sku = _vcpu_sku(chain.product, rng.random() < 0.3)
    months = int(rng.choice(_TERMS))
    ordered = max(start - int(rng.integers(0, 22)), chain.customer.since)  # nobody orders who is in no register
    grant = _sell(chain, ordered, sku, line_type, quantity, months, start)
    if rng.random() < 0.4:
        _sell_other(chain, grant.line, int(rng.integers(1, 6)))
    happens, when = rng.random(), start + round((grant.end - start) * rng.uniform(0.2, 0.8))
    more, tail = rng.uniform(0.2, 0.5), int(rng.choice([0, int(rng.integers(5, 41))], p=[0.7, 0.3]))
    churns, fades, rests = rng.random(), int(rng.integers(60, 130)), rng.random()
    if happens < _UPGRADES[kind]:
        quantity = _whole(quantity * (1 + 2 * more))
        upgrade = _sell(chain, when, sku, "upgrade", quantity, months, when, replaces=grant.line.key)
        grant.ended_on, grant.ended_by = when, upgrade.line.key
        grant = upgrade
    elif happens > 1 - _CREDITS[kind]:
        _credit(chain, grant, when)
        chain.silent_from = when + tail
        return when, quantity, False
    elif rests < 0.25:
        _sell(chain, when, sku, "new", _whole(quantity * more), 12, when)
        chain.phases.append(_Phase(when, chain.level(when) * (1 + more / 2), chain.phases[-1].growth))
    ratio = chain.level(grant.end - fades) / quantity
    if churns < min(max(0.05 + 0.7 * (0.65 - ratio), 0.04), 0.6):
        chain.fade_from = grant.end - fades
        chain.silent_from = grant.end - 10 + (tail if tail > 20 else 0)
        return grant.end, quantity, False
    fitted = _whole(chain.level(grant.end) / 0.85) if rests < 0.5 else quantity
    return grant.end, max(fitted, _whole(quantity / 2)), True


def _make_edge(spec: DropsSpec, chain: Chain) -> Chain:
    """A customer whose use ends on an exact day, and whose subscription does not."""
    chain.start = add_months(spec.last, -7)
    _sell(chain, chain.start, _vcpu_sku(chain.product, False), "new", 64, 24, chain.start)
    chain.phases.append(_Phase(chain.start, 40.0, 0.0))
    chain.silent_from = spec.last - EDGE_DAYS[chain.customer.number - 1]
    return chain


def _sell(
    chain: Chain, order_day: int, sku: Sku, line_type: str, quantity: int, months: int, start: int, replaces: str = ""
) -> Grant:
    chain.invoices += 1
    line = Line(
        f"INV-{chain.customer.number:06d}-{chain.product}{chain.invoices:03d}",
        1,
        order_day,
        chain.customer.id,
        sku.sku,
        chain.product,
        line_type,
        quantity,
        months,
        start,
        quantity * months * sku.price_cents,
        replaces,
    )
    chain.lines.append(line)
    chain.grants.append(Grant(line, add_months(start, months)))
    return chain.grants[-1]


def _sell_other(chain: Chain, beside: Line, quantity: int) -> None:
    """A second line of an invoice, with a SKU that entitles to no vCPU."""
    sku = next(one for one in SKUS if one.product == chain.product and not one.is_vcpu)
    amount = quantity * (beside.term_months or 0) * sku.price_cents
    chain.lines.append(
        Line(
            beside.invoice,
            2,
            beside.order_day,
            beside.customer,
            sku.sku,
            chain.product,
            "new",
            quantity,
            beside.term_months,
            beside.start,
            amount,
        )
    )


def _credit(chain: Chain, grant: Grant, day: int) -> None:
    """A line that takes a subscription back from `day` on, with the money for the days that are left."""
    sold = grant.line
    back = sold.amount_cents * (grant.end - day) // (grant.end - sold.start)
    chain.invoices += 1
    invoice = f"INV-{chain.customer.number:06d}-{chain.product}{chain.invoices:03d}"
    credit = Line(
        invoice,
        1,
        day,
        sold.customer,
        sold.sku,
        sold.product,
        "credit",
        -sold.quantity,
        sold.term_months,
        day,
        -back,
        sold.key,
    )
    chain.lines.append(credit)
    grant.ended_on, grant.ended_by = day, credit.key


def _vcpu_sku(product: str, premium: bool) -> Sku:
    standard, better = (sku for sku in SKUS if sku.product == product and sku.is_vcpu)
    return better if premium else standard


def _whole(quantity: float) -> int:
    """A quantity one can buy: multiples of four."""
    return max(4, round(quantity / 4) * 4)
