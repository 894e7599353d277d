"""The products ACME sells: names, categories, suppliers, prices, and what moves the demand for each.

Prices are integer cents. Who buys what is decided in `acme.orders`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acme.world import Floats, Ints, Stream, WorldSpec, year_fraction

_ADJECTIVES = (
    "Alpine", "Bright", "Cedar", "Compact", "Coral", "Daily", "Ember", "Fjord", "Granite", "Harbor",
    "Indigo", "Juniper", "Lunar", "Maple", "Nordic", "Ocean", "Prime", "Quiet", "River", "Solar",
)  # fmt: skip
# category: nouns, lowest and highest price in whole currency units, month of its season (0 to 12), strength of season
_CATEGORIES: dict[str, tuple[tuple[str, ...], int, int, float, float]] = {
    "Audio": (("Earbuds", "Headphones", "Speaker", "Turntable", "Microphone"), 25, 180, 11.5, 0.35),
    "Books": (("Atlas", "Cookbook", "Novel", "Planner", "Guide"), 8, 40, 11.0, 0.30),
    "Cycling": (("Bell", "Gloves", "Helmet", "Pump", "Tyre", "Lamp"), 10, 90, 5.5, 0.55),
    "Garden": (("Hose", "Planter", "Pruner", "Rake", "Seeds"), 6, 70, 4.5, 0.65),
    "Kitchen": (("Grinder", "Kettle", "Knife", "Pan", "Scale", "Toaster"), 15, 120, 10.5, 0.20),
    "Office": (("Chair", "Keyboard", "Mouse", "Notebook", "Pen", "Stand"), 5, 150, 8.5, 0.30),
    "Outdoor": (("Backpack", "Bottle", "Lantern", "Stove", "Tent"), 12, 190, 6.5, 0.55),
    "Toys": (("Blocks", "Kite", "Puzzle", "Robot", "Train"), 8, 60, 11.5, 0.60),
}
CATEGORIES = tuple(_CATEGORIES)
_SUPPLIER_NAMES = (
    "Aurora Trading", "Baltic Goods", "Cobalt Works", "Delta Supply", "Eastgate Imports", "Forge & Sons",
    "Grove Wholesale", "Hanse Cargo", "Iron Bridge", "Jade Route", "Keystone Stock", "Lakeside Depot",
)  # fmt: skip

PROMOTION_CYCLE_DAYS = 56
PROMOTION_DAYS = 7
PROMOTION_PERCENT = 20
PROMOTION_LIFT = 1.8
NOVEMBER_PERCENT = 25


@dataclass(frozen=True)
class Catalogue:
    """All products, one array entry each; a product's number is its position."""

    names: list[str]
    category: npt.NDArray[np.int64]
    supplier: list[str]
    retail_cents: Ints
    cost_cents: Ints
    popularity: Floats
    trend_per_year: Floats
    quantity_skew: Floats
    companions: npt.NDArray[np.int64]
    """Two products for each that its buyers soon want as well, the likelier first."""

    def __len__(self) -> int:
        return len(self.names)

    def demand(self, spec: WorldSpec, day: int) -> Floats:
        """What multiplies each product's popularity on a day: season, trend and promotion."""
        season_at = np.array([month / 12 for _, _, _, month, _ in _CATEGORIES.values()])
        strength = np.array([amplitude for *_, amplitude in _CATEGORIES.values()])
        season = 1 + strength * np.cos(2 * np.pi * (year_fraction(spec, day) - season_at))
        trend = np.exp(self.trend_per_year * (day / 365.25 - 1.1))
        lift = np.where(promoted_categories(spec, day), PROMOTION_LIFT, 1.0)
        return (season * lift)[self.category] * trend

    def price_cents(self, spec: WorldSpec, day: int) -> Ints:
        """What one unit of each product costs on a day; a promotion is rounded half up to the cent."""
        percent = np.where(promoted_categories(spec, day), PROMOTION_PERCENT, 0)
        date = spec.date_of(day)
        if date.month == 11 and date.day >= 24:
            percent = np.full_like(percent, NOVEMBER_PERCENT)
        return (self.retail_cents * (100 - percent[self.category]) + 50) // 100


def promoted_categories(spec: WorldSpec, day: int) -> npt.NDArray[np.bool_]:
    """Which categories have their week of promotion: each once in eight weeks, one after the other."""
    position = spec.date_of(day).toordinal() % PROMOTION_CYCLE_DAYS
    return np.arange(len(CATEGORIES)) == position // PROMOTION_DAYS


def make_catalogue(spec: WorldSpec) -> Catalogue:
    """The world's products, drawn once."""
    rng = spec.stream(Stream.CATALOGUE, 0)
    every_name = [
        (f"{adjective} {noun}", number, low, high)
        for number, (nouns, low, high, _, _) in enumerate(_CATEGORIES.values())
        for noun in nouns
        for adjective in _ADJECTIVES
    ]
    chosen = np.sort(rng.choice(len(every_name), size=spec.products, replace=False))
    names, category, low, high = zip(*(every_name[i] for i in chosen), strict=True)
    count = len(names)
    lowest, highest = np.array(low), np.array(high)
    # Log-uniform between the category's bounds, ending in .49 or .99.
    units = np.floor(lowest * (highest / lowest) ** rng.random(count)).astype(np.int64)
    retail_cents = units * 100 + np.where(rng.random(count) < 0.5, 49, 99)
    cost_cents = retail_cents * rng.integers(42, 78, count) // 100
    rank = rng.permutation(count)
    other = rng.integers(1, count, (count, 2))
    companions = (np.arange(count)[:, None] + other) % count
    return Catalogue(
        names=list(names),
        category=np.array(category),
        supplier=[_SUPPLIER_NAMES[i] for i in rng.integers(0, len(_SUPPLIER_NAMES), count)],
        retail_cents=retail_cents,
        cost_cents=cost_cents,
        popularity=np.asarray((rank + 4.0) ** -0.6, np.float64),
        trend_per_year=np.clip(rng.normal(0, 0.35, count), -0.8, 0.8),
        quantity_skew=rng.uniform(0.1, 0.45, count),
        companions=companions,
    )
