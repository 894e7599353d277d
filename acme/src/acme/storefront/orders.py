"""A day's orders, of one to five products each: what people buy after what they clicked.

Some buy in the session that they are in, some days after a click, some without having clicked at all; and a few lie
exactly on the edge of the 720 hours after a click. A line of an order may be written hours or days after its siblings:
it is late, and has a time of its own. Another may take long to commit: it appears with the next day and its time lies in
the past.
"""

from dataclasses import dataclass

import numpy as np

from acme.storefront.accounts import CANADA, Accounts
from acme.storefront.catalogue import Catalogue
from acme.storefront.clock import is_repeated, to_wall
from acme.storefront.parties import ANONYMOUS, MOST_DEVICES
from acme.storefront.visits import Sessions
from acme.storefront.world import (
    ATTRIBUTION_HOURS,
    LAG_HOURS,
    Columns,
    StorefrontSpec,
    Stream,
    draw_instants,
    draw_weighted,
)
from acme.world import Ints

CURRENCIES = ("usd", "cad")
KINDS = ("regular", "late", "lagged")
REGULAR, LATE, LAGGED = range(3)
_CAD_PERCENT = 136
_MOST_LINES = 5
_LINES_REACH = np.cumsum([0.42, 0.28, 0.16, 0.09, 0.05])
_IN_SESSION, _AFTER_CLICK, _SECOND_ACCOUNT = 0.35, 0.35, 0.4
_EDGE_SHARE = 0.01
_TWICE_SECONDS = 50 * 60
_LATE_SHARE = 0.05


@dataclass(frozen=True)
class Lines(Columns):
    """Rows of transactions. `kind` is a position in KINDS; `appears` is the day with which a line becomes visible."""

    order_id: Ints
    product: Ints
    account: Ints
    instant: Ints
    quantity: Ints
    revenue_cents: Ints
    tax_cents: Ints
    currency: Ints
    is_app: Ints
    kind: Ints
    appears: Ints


def draw_orders(
    spec: StorefrontSpec,
    catalogue: Catalogue,
    accounts: Accounts,
    sessions: Sessions,
    clicked: Sessions,
    *,
    day: int,
    count: int,
    first_id: int,
) -> Lines:
    """The `count` lines of a day's orders, by order.

    Args:
        spec: the world.
        catalogue: what is sold, at today's prices.
        accounts: who buys.
        sessions: today's visits.
        clicked: visits of the last weeks that a click led to.
        day: which day.
        count: how many lines.
        first_id: id of the first order.
    """
    rng = spec.stream(Stream.ORDERS, day)
    sizes = 1 + np.searchsorted(_LINES_REACH, rng.random(count) * _LINES_REACH[-1], "right")
    orders = int(np.searchsorted(np.cumsum(sizes), count, "left")) + 1
    account, instant, wanted, is_app = _draw_buyers(spec, catalogue, accounts, sessions, clicked, day, orders, rng)
    order = np.argsort(instant, kind="stable")
    account, instant, wanted, is_app = account[order], instant[order], wanted[order], is_app[order]
    products = _fill_baskets(catalogue, wanted, rng)

    of_order = np.repeat(np.arange(orders), sizes[:orders])[:count]
    position = np.arange(count) - np.searchsorted(of_order, of_order, "left")
    product = products[of_order, position]
    country = accounts.country[account][of_order]
    currency = (country == CANADA).astype(np.int64)
    percent = 100 - rng.choice([0, 10, 15, 20], orders, p=[0.7, 0.1, 0.1, 0.1])[of_order]
    quantity = 1 + np.minimum(rng.geometric(0.75, count) - 1, 5)
    price = catalogue.list_price_cents[product] * percent * np.where(currency == 1, _CAD_PERCENT, 100)
    revenue = quantity * ((price + 5_000) // 10_000)
    rate = np.array([825, 1_300, 0, 0, 0, 0])[country]
    lines = Lines(
        order_id=first_id + of_order,
        product=product,
        account=account[of_order],
        instant=instant[of_order],
        quantity=quantity,
        revenue_cents=revenue,
        tax_cents=(revenue * rate + 5_000) // 10_000,
        currency=currency,
        is_app=is_app[of_order],
        kind=np.full(count, REGULAR, np.int64),
        appears=np.full(count, day, np.int64),
    )
    return _delay(spec, lines, position, day, rng)


def _draw_buyers(
    spec: StorefrontSpec,
    catalogue: Catalogue,
    accounts: Accounts,
    sessions: Sessions,
    clicked: Sessions,
    day: int,
    count: int,
    rng: np.random.Generator,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Who buys, when, the product that they came for, and whether in the app."""
    begin, end = spec.bounds(day)
    account = draw_weighted(accounts.reach, rng.random(count))
    instant = draw_instants(spec, day, count, rng)
    draw = rng.random(count)
    wanted = catalogue.pick(draw)
    is_app = (rng.random(count) < 0.3).astype(np.int64)
    motive, liking = rng.random(count), rng.random(count)
    pick = rng.random(count)

    here = sessions.take(sessions.visitor < ANONYMOUS)
    # Those whom a click led here are a fifth, and buy almost half of the time.
    here = here.take(np.argsort(here.campaign < 0, kind="stable"))
    if len(here):
        at = np.flatnonzero(motive < _IN_SESSION)
        chosen = here.take((pick[at] ** 2 * len(here)).astype(np.int64))
        account[at] = chosen.visitor // MOST_DEVICES
        instant[at] = np.minimum(chosen.instant + 120 + (liking[at] * 1_800).astype(np.int64), end - 1)
        wanted[at] = np.where(liking[at] < 0.7, chosen.interest, wanted[at])
        is_app[at] = chosen.is_app

    known = clicked.take(clicked.visitor < ANONYMOUS)
    if len(known):
        at = np.flatnonzero((motive >= _IN_SESSION) & (motive < _IN_SESSION + _AFTER_CLICK))
        chosen = known.take((pick[at] * len(known)).astype(np.int64))
        account[at] = chosen.visitor // MOST_DEVICES
        same_brand = catalogue.pick_of_brand(catalogue.brand[chosen.interest], draw[at])
        wanted[at] = np.where(liking[at] < 0.45, chosen.interest, np.where(liking[at] < 0.75, same_brand, wanted[at]))
        edge = known.instant + ATTRIBUTION_HOURS * 3_600
        due = np.flatnonzero((edge >= begin + 1) & (edge < end - 1))[: max(1, round(count * _EDGE_SHARE))]
        due = due[:count]
        last = np.arange(count - len(due), count)
        account[last] = known.visitor[due] // MOST_DEVICES
        instant[last] = edge[due] + rng.integers(-1, 2, len(due))
        wanted[last] = known.interest[due]

    # Where an hour happens twice, some click in the first and buy in the second: by the wall's clock, before they clicked.
    soon, late = begin + 3_600 + (3_600 - _TWICE_SECONDS), begin + 2 * 3_600
    can = (here.campaign >= 0) & is_repeated(here.instant) & (here.instant > soon) & (here.instant < late)
    twice = here.take(can)
    twice = twice.take(np.arange(min(len(twice), count // 2)))
    account[: len(twice)] = twice.visitor // MOST_DEVICES
    instant[: len(twice)] = twice.instant + _TWICE_SECONDS
    wanted[: len(twice)] = twice.interest

    second = accounts.second_account[account]
    account = np.where((second >= 0) & (rng.random(count) < _SECOND_ACCOUNT), second, account)
    # Closed accounts do not buy; a neighbour does.
    account = np.where(accounts.is_active[account] == 1, account, (account + 1) % len(accounts))
    return account.astype(np.int64), instant, wanted, is_app


def _fill_baskets(catalogue: Catalogue, wanted: Ints, rng: np.random.Generator) -> Ints:
    """Five different products for each order, the wanted one first; as many are bought as the order has lines."""
    count = len(wanted)
    baskets = np.empty((count, _MOST_LINES), np.int64)
    baskets[:, 0] = wanted
    for column in range(1, _MOST_LINES):
        draw = rng.random(count)
        alike = catalogue.pick_of_brand(catalogue.brand[wanted], draw)
        product = np.where(rng.random(count) < 0.4, alike, catalogue.pick(draw))
        for _ in range(column):
            clash = (baskets[:, :column] == product[:, None]).any(axis=1)
            product = np.where(clash, (product + 1) % len(catalogue), product)
        baskets[:, column] = product
    return baskets


def _delay(spec: StorefrontSpec, lines: Lines, position: Ints, day: int, rng: np.random.Generator) -> Lines:
    """Make some lines late, and let some appear with the next day."""
    count = len(lines)
    is_late = (position > 0) & (rng.random(count) < _LATE_SHARE)
    hours = np.where(rng.random(count) < 0.6, rng.uniform(1, 12, count), rng.uniform(12, 120, count))
    lines.instant[is_late] += (hours[is_late] * 3_600).astype(np.int64)
    lines.kind[is_late] = LATE
    lines.appears[:] = np.maximum(spec.day_of_wall(to_wall(lines.instant)), day)
    hour = (to_wall(lines.instant) - spec.wall_start(day)) / 3_600
    may_lag = np.flatnonzero(~is_late & (hour >= 24 - LAG_HOURS) & (hour < LAG_HOURS))
    lagged = rng.choice(may_lag, min(max(2, round(count * 0.02)), len(may_lag) // 2), replace=False)
    lines.kind[lagged] = LAGGED
    lines.appears[lagged] = day + 1
    return lines
