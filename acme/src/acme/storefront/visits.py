"""A day's visits to the web shop and the app: sessions of hits, some of which begin with a click of a campaign."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acme.storefront.accounts import Accounts
from acme.storefront.catalogue import Catalogue
from acme.storefront.clock import is_repeated
from acme.storefront.parties import ANONYMOUS, MOST_DEVICES
from acme.storefront.world import Columns, StorefrontSpec, Stream, draw_instants, draw_weighted
from acme.world import Ints, uniform_hash

PAGES = ("home", "search", "category", "product", "brand", "cart")
_HOME, _PRODUCT, _BRAND = 0, 3, 4
_PAGE_REACH = np.cumsum([0.10, 0.15, 0.15, 0.45, 0.05, 0.10])
_APP = 331  # purpose of a hash, apart from the streams
_APP_SHARE = 0.35
_CLICK_SHARE = 0.20
_ANONYMOUS_SHARE = 0.25
_RETURNING_SHARE = 0.25
_STAYING = 0.28
_MOST_HITS = 15


@dataclass(frozen=True)
class Hits(Columns):
    """Rows of web_hits and app_hits; -1 stands for none. `appears` is the day with which a hit becomes visible."""

    hit_id: Ints
    visitor: Ints
    instant: Ints
    page: Ints
    campaign: Ints
    product: Ints
    brand: Ints
    is_app: Ints
    appears: Ints


@dataclass(frozen=True)
class Sessions(Columns):
    """Visits, with what interested the visitor. `campaign` is -1 where no click led here."""

    visitor: Ints
    instant: Ints
    campaign: Ints
    interest: Ints
    is_app: Ints


def visits_app(spec: StorefrontSpec, visitor: Ints) -> npt.NDArray[np.bool_]:
    """Whether a visitor is one of the app: a device has one or the other."""
    return uniform_hash(spec.seed, _APP, visitor) < _APP_SHARE


def draw_visits(
    spec: StorefrontSpec,
    catalogue: Catalogue,
    accounts: Accounts,
    clicked: Sessions,
    *,
    day: int,
    count: int,
    first_id: int,
) -> tuple[Hits, Sessions]:
    """The `count` hits of a day, by time, and the sessions that they belong to.

    Args:
        spec: the world.
        catalogue: its products and campaigns.
        accounts: whose devices visit.
        clicked: recent sessions that a click led to; their visitors come back more often.
        day: which day.
        count: how many hits.
        first_id: id of the first.
    """
    rng = spec.stream(Stream.VISITS, day)
    lengths = np.minimum(rng.geometric(_STAYING, count), _MOST_HITS)
    ends = np.cumsum(lengths)
    number = int(np.searchsorted(ends, count, "left")) + 1
    session = np.repeat(np.arange(number), lengths[:number])[:count]
    sessions = _draw_sessions(spec, catalogue, accounts, clicked, day, number, rng)
    is_first = np.diff(session, prepend=-1) > 0

    campaign = np.where(is_first, sessions.campaign[session], -1)
    is_click = campaign >= 0
    interest = sessions.interest[session]
    page = np.searchsorted(_PAGE_REACH, rng.random(count) * _PAGE_REACH[-1], "right")
    landing = rng.random(count)
    campaign_brand = catalogue.campaign_brand[campaign]
    landed = np.where(landing < 0.5, _PRODUCT, np.where((landing < 0.8) & (campaign_brand >= 0), _BRAND, _HOME))
    page = np.where(is_click, landed, page)
    product = np.where((rng.random(count) < 0.6) | is_click, interest, catalogue.pick(rng.random(count)))
    brand = catalogue.brand[product]
    # A landing page about a brand is about the campaign's, whatever the visitor came to like.
    brand = np.where(is_click & (page == _BRAND), campaign_brand, brand)

    gap = 5 + rng.exponential(55, count).astype(np.int64)
    reach = np.cumsum(gap)
    offset = reach - reach[np.flatnonzero(is_first)][session]
    _, end = spec.bounds(day)
    instant = np.minimum(sessions.instant[session] + offset, end - 1)
    order = np.argsort(instant, kind="stable")
    hits = Hits(
        hit_id=np.arange(first_id, first_id + count, dtype=np.int64),
        visitor=sessions.visitor[session][order],
        instant=instant[order],
        page=page[order],
        campaign=campaign[order],
        product=np.where(page == _PRODUCT, product, -1)[order],
        brand=np.where((page == _PRODUCT) | (page == _BRAND), brand, -1)[order],
        is_app=sessions.is_app[session][order],
        appears=np.full(count, day, np.int64),
    )
    return hits, sessions


def _draw_sessions(
    spec: StorefrontSpec,
    catalogue: Catalogue,
    accounts: Accounts,
    clicked: Sessions,
    day: int,
    count: int,
    rng: np.random.Generator,
) -> Sessions:
    party = accounts.first_account[draw_weighted(accounts.reach, rng.random(count))].astype(np.int64)
    devices = accounts.devices[party]
    device = (rng.random(count) * devices).astype(np.int64)
    anonymous = ANONYMOUS + (spec.first_epoch_day + day) * 100_000_000 + np.arange(count)
    is_anonymous = (rng.random(count) < _ANONYMOUS_SHARE) | (devices == 0)
    visitor = np.where(is_anonymous, anonymous, party * MOST_DEVICES + device)
    interest_draw = rng.random(count)
    interest = catalogue.pick(interest_draw)
    returns = (rng.random(count) < _RETURNING_SHARE) & (len(clicked) > 0)
    if returns.any():
        again = (rng.random(count) * len(clicked)).astype(np.int64)
        visitor = np.where(returns, clicked.visitor[again], visitor)
    instant = draw_instants(spec, day, count, rng)
    # Who comes in the hour that happens twice comes by a click: what it was worth depends on how the hour is read.
    is_click = (rng.random(count) < _CLICK_SHARE) | is_repeated(instant)
    campaign = np.where(is_click, catalogue.pick_campaigns(day, rng.random(count)), -1)
    brand = np.where(campaign >= 0, catalogue.campaign_brand[campaign], -1)
    interest = np.where(brand >= 0, catalogue.pick_of_brand(brand, interest_draw), interest)
    if returns.any():
        # Ads follow people: half of those who return see the product that they clicked before.
        follows = (
            returns & (rng.random(count) < 0.5) & ((brand < 0) | (brand == catalogue.brand[clicked.interest[again]]))
        )
        interest = np.where(follows, clicked.interest[again], interest)
    is_app = visits_app(spec, visitor).astype(np.int64)
    return Sessions(visitor, instant, campaign, interest, is_app)
