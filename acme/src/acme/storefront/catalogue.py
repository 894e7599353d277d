"""The products, whose prices and names change, and the campaigns that lead to them.

Prices are integer cents. A product's number is its position; products are sorted by brand.
"""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np

from acme.storefront.world import LAG_HOURS, Columns, StorefrontSpec, Stream, draw_weighted
from acme.world import SECONDS_PER_DAY, Floats, Ints

BRANDS = (
    "Alderway", "Borealis", "Cedarline", "Driftwood", "Emberly", "Foxglove",
    "Granite Peak", "Harborside", "Ironwood", "Juniper & Co", "Kestrel", "Lakeshore",
)  # fmt: skip
CATEGORIES = ("apparel", "camping", "cycling", "footwear", "kitchen", "lighting")
PLATFORMS = ("google_ads", "facebook_ads")
_NOUNS = {
    "apparel": ("Jacket", "Beanie", "Fleece", "Gloves"),
    "camping": ("Tent", "Stove", "Hammock", "Cooler"),
    "cycling": ("Helmet", "Pump", "Pannier", "Bell"),
    "footwear": ("Boots", "Sandals", "Gaiters", "Trainers"),
    "kitchen": ("Kettle", "Skillet", "Mug", "Grinder"),
    "lighting": ("Lantern", "Headlamp", "Lamp", "Torch"),
}
_ADJECTIVES = ("Trail", "Ridge", "Summit", "Coast", "Meadow", "Canyon", "Glacier", "Valley", "Dune", "Forest")
_PRICES = (9, 240)
_CHANGED_SHARE = 0.02
_RENAMED_SHARE = 0.2
_LAGGED_SHARE = 0.3


@dataclass(frozen=True)
class Campaign:
    """What is advertised, where. `brand` is None for campaigns of the whole shop; the last day is included."""

    campaign_id: str
    platform: str
    name: str
    brand: str | None
    tracking_code: str
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True)
class ProductStates(Columns):
    """Products as they stand after a change: `product` is the number, `updated_at` in wall time."""

    product: Ints
    list_price_cents: Ints
    cost_cents: Ints
    version: Ints
    updated_at: Ints


class Catalogue:
    """Everything about products: what lasts, and what changes from day to day."""

    SAVED: ClassVar[tuple[str, ...]] = ("list_price_cents", "cost_cents", "version", "updated_at")

    def __init__(self, spec: StorefrontSpec) -> None:
        self._spec = spec
        rng = spec.stream(Stream.CATALOGUE, 0)
        count = spec.products
        self.brand: Ints = np.sort(np.arange(count) % len(BRANDS))
        self.category: Ints = rng.integers(0, len(CATEGORIES), count)
        kinds = zip(self.category, _draws(rng, count, 4), strict=True)
        nouns = [_NOUNS[CATEGORIES[category]][draw] for category, draw in kinds]
        adjectives = [_ADJECTIVES[draw] for draw in _draws(rng, count, len(_ADJECTIVES))]
        self.names = [f"{BRANDS[b]} {a} {n}" for b, a, n in zip(self.brand, adjectives, nouns, strict=True)]
        self.skus = [f"{BRANDS[b][:3].upper()}-{i + 1:04}" for i, b in enumerate(self.brand)]
        self.popularity: Floats = np.asarray((rng.permutation(count) + 4.0) ** -0.7, np.float64)
        low, high = _PRICES
        units = np.floor(low * (high / low) ** rng.random(count)).astype(np.int64)
        self.list_price_cents: Ints = units * 100 + np.where(rng.random(count) < 0.5, 49, 99)
        self.cost_cents: Ints = self.list_price_cents * rng.integers(40, 75, count) // 100
        self.version: Ints = np.zeros(count, np.int64)
        self.updated_at: Ints = np.full(count, spec.wall_start(-1) + 9 * 3_600)
        self._reach = np.cumsum(self.popularity)
        self.campaigns = _make_campaigns(spec)
        brands = [BRANDS.index(c.brand) if c.brand else -1 for c in self.campaigns]
        self.campaign_brand: Ints = np.array(brands)
        self._campaign_weight: Floats = rng.gamma(2.0, 1.0, len(brands)) * np.where(self.campaign_brand < 0, 2.0, 1.0)

    def __len__(self) -> int:
        return len(self.brand)

    def change(self, day: int, newest: int) -> ProductStates:
        """Let prices and names change on a day; some changes are stamped before `newest`, in wall time."""
        rng = self._spec.stream(Stream.PRODUCT_CHANGES, day)
        count = max(2, round(len(self) * _CHANGED_SHARE))
        start = self._spec.wall_start(day)
        # One that is stamped in the past must still come after the version that it replaces.
        settled = np.flatnonzero(self.updated_at < start - SECONDS_PER_DAY)
        product = np.sort(rng.choice(settled, min(count, len(settled)), replace=False))
        is_lagged = (rng.random(len(product)) < _LAGGED_SHARE) & (newest > start - LAG_HOURS * 3_600)
        stamp = start + rng.integers(3_600, SECONDS_PER_DAY - 3_600, len(product))
        past = start - LAG_HOURS * 3_600 + (rng.random(len(product)) * (newest - start + LAG_HOURS * 3_600))
        is_renamed = rng.random(len(product)) < _RENAMED_SHARE
        factor = rng.integers(88, 115, len(product))
        self.version[product] += is_renamed
        price = np.maximum(self.list_price_cents[product] * factor // 100, 199)
        self.list_price_cents[product] = np.where(is_renamed, self.list_price_cents[product], price)
        self.updated_at[product] = np.where(is_lagged, past.astype(np.int64), stamp)
        return self.states(product)

    def states(self, product: Ints) -> ProductStates:
        return ProductStates(
            product,
            *(getattr(self, name)[product] for name in ("list_price_cents", "cost_cents", "version", "updated_at")),
        )

    def pick(self, draw: Floats) -> Ints:
        """A product for each draw in [0, 1), by popularity."""
        return draw_weighted(self._reach, draw)

    def pick_of_brand(self, brand: Ints, draw: Floats) -> Ints:
        """A product of each brand, by popularity; of any where the brand is negative."""
        reach = np.concatenate([[0.0], self._reach])
        low = np.where(brand < 0, 0.0, reach[np.searchsorted(self.brand, brand, "left")])
        high = np.where(brand < 0, reach[-1], reach[np.searchsorted(self.brand, brand, "right")])
        return np.minimum(np.searchsorted(self._reach, low + draw * (high - low), "right"), len(self) - 1)

    def pick_campaigns(self, day: int, draw: Floats) -> Ints:
        """A campaign that runs on a day for each draw in [0, 1)."""
        today = self._spec.date_of(day)
        runs = [
            (c.starts_on is None or c.starts_on <= today) and (c.ends_on is None or today <= c.ends_on)
            for c in self.campaigns
        ]
        return draw_weighted(np.cumsum(self._campaign_weight * np.array(runs)), draw)


def _draws(rng: np.random.Generator, count: int, choices: int) -> list[int]:
    return [int(value) for value in rng.integers(0, choices, count)]


def _make_campaigns(spec: StorefrontSpec) -> list[Campaign]:
    """For each brand one campaign on each platform all the time; for the shop two, and one in each holiday season."""
    found: list[Campaign] = []

    def add(
        platform: str, name: str, brand: str | None, starts_on: date | None = None, ends_on: date | None = None
    ) -> None:
        number = len(found) + 1
        campaign_id = (
            f"{17_000_000_000 + 7_919 * number}"
            if platform == "google_ads"
            else f"{23_850_000_000_000_000 + 104_729 * number}"
        )
        code = f"{'ggl' if platform == 'google_ads' else 'fbk'}-{number:03}"
        found.append(Campaign(campaign_id, platform, name, brand, code, starts_on, ends_on))

    for brand in BRANDS:
        add("google_ads", f"{brand} Search", brand)
        add("facebook_ads", f"{brand} Feed", brand)
    for platform in PLATFORMS:
        add(platform, "Everything Outdoors", None)
    for year in range(spec.first_day.year, spec.origin.year + 3):
        for platform in PLATFORMS:
            add(platform, f"Holiday {year}", None, date(year, 11, 15), date(year, 12, 26))
            add(platform, f"Summer Trails {year}", BRANDS[year % len(BRANDS)], date(year, 6, 1), date(year, 8, 15))
    return found
