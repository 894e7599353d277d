"""What customers live through: all that the rule of entitlement has to cope with, and what can be learnt from use."""

from collections import Counter
from datetime import date

import pytest

from acme.drops.plan import Plan
from acme.drops.subscriptions import add_months
from acme.drops.world import DropsSpec, day_number, read_spec
from acme.source import day_date
from tests.drops.conftest import SIZE, TODAY


def make_plan(*, customers: int, days: int, later: int = 0) -> Plan:
    spec: DropsSpec = read_spec(SIZE | {"customers": customers, "days": days, "origin": TODAY.isoformat()})
    return Plan(spec, first=spec.first, until=spec.last + later)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(customers=200, days=700)


def test_subscriptions_do_all_that_they_can(plan: Plan) -> None:
    chains = [chain for found in plan.chains.values() for chain in found]
    kinds = Counter(line.line_type for chain in chains for line in chain.lines)
    assert all(kinds[kind] > 20 for kind in ("new", "renewal", "upgrade", "credit"))
    starts = Counter(day_date(grant.line.start).day for chain in chains for grant in chain.grants)
    assert len(starts) == 31
    lines = {line.key: line for chain in chains for line in chain.lines}
    for chain in chains:
        for line in chain.lines:
            assert bool(line.replaces) == (line.line_type in ("upgrade", "credit"))
            if line.line_type == "credit":
                sold = lines[line.replaces]
                assert line.quantity == -sold.quantity and -sold.amount_cents < line.amount_cents < 0
                assert sold.start < line.start == line.order_day
            elif line.line_type == "upgrade":
                assert line.quantity > lines[line.replaces].quantity
    overlaps = sum(
        one.line.start < other.line.start < min(one.end, one.ended_on)
        for chain in chains
        for one, other in zip(chain.grants, chain.grants[1:], strict=False)
    )
    assert overlaps > 20


def test_who_orders_is_in_the_register(plan: Plan) -> None:
    ordered = [(line.order_day, c.customer.since) for found in plan.chains.values() for c in found for line in c.lines]
    newcomers = [(day, since) for day, since in ordered if since > plan.spec.first]
    assert len(newcomers) > 100 and all(day >= since for day, since in newcomers)


def test_a_longer_horizon_changes_no_day() -> None:
    short, long = make_plan(customers=40, days=100), make_plan(customers=40, days=100, later=400)
    for product in ("X", "Y"):
        for day in range(short.first, short.until):
            (live, level), (live_long, level_long) = short.use(product, day), long.use(product, day)
            assert live.tolist() == live_long.tolist() and level.tolist() == level_long.tolist()
    for day in range(short.first, short.until):
        assert short.lines(day) == long.lines(day)
    assert sum(len(long.lines(day)) for day in range(short.until, long.until)) > 20
    assert len(long.customers) > len(short.customers)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 15), 12, date(2027, 11, 15)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_months_end_as_calendars_do(start: date, months: int, end: date) -> None:
    assert day_date(add_months(day_number(start), months)) == end


def test_who_uses_little_renews_less(plan: Plan) -> None:
    """Half a year before the end already; and in the last weeks those who leave use less and less."""
    renewed: dict[bool, list[bool]] = {True: [], False: []}
    fading = []
    for chain in (chain for found in plan.chains.values() for chain in found):
        if chain.customer.number <= 4:
            continue
        for one in chain.grants:
            if one.line.line_type == "new" and one is not chain.grants[0] or one.ended_by or one.end > plan.until:
                continue
            ratio = chain.level(one.end - 150) / one.line.quantity
            goes_on = any(other.line.start > one.end - 30 for other in chain.grants)
            renewed[ratio < 0.5].append(goes_on)
            if not goes_on and ratio > 0:
                fading.append(chain.level(one.end - 12) / chain.level(one.end - 150))
    shares = {low: sum(found) / len(found) for low, found in renewed.items()}
    assert min(len(found) for found in renewed.values()) > 20
    assert shares[False] > shares[True] + 0.15
    assert sum(one < 0.5 for one in fading) > 0.8 * len(fading) > 10
