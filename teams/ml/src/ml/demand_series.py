"""Sales by product and week, counted back from a date, with the market data of the same weeks.

Weeks end the day before the date, so each is seven whole days whatever the weekday, and the next 28 days are exactly
four weeks. Summed in the engine; what comes out has one number a product and week.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WEEK_DAYS = 7
HORIZON_WEEKS = 4
HORIZON_DAYS = WEEK_DAYS * HORIZON_WEEKS
MAX_WEEKS = 208
SEASON_CODES = {"winter": 0, "spring": 1, "summer": 2, "autumn": 3}


@dataclass(frozen=True)
class Market:
    """Weekly means of `market_data`. Every array covers the panel's weeks and the `HORIZON_WEEKS` after them."""

    market_index: "np.ndarray"
    competitor_price_index: "np.ndarray"
    consumer_confidence: "np.ndarray"
    advertising_index: "np.ndarray"
    """Planned, so known for the weeks to come."""
    season: "np.ndarray"
    """Of the week's middle day, as `SEASON_CODES`."""


@dataclass(frozen=True)
class Panel:
    """Products (rows) by weeks (columns, oldest first)."""

    products: tuple[str, ...]
    category: "np.ndarray"
    """Number of each product's category; products of an unknown one share a number."""
    units: "np.ndarray"
    """Units sold."""
    price: "np.ndarray"
    """Mean price paid per unit in US dollars, NaN in a week without sales."""
    market: Market

    @property
    def weeks(self) -> int:
        return int(self.units.shape[1])

    def before(self, week: int) -> "Panel":
        """The panel as it was known when `week` began: later sales are not in it at all."""
        return replace(self, units=self.units[:, :week], price=self.price[:, :week])


def load_panel(orders: ibis.Table, products: ibis.Table, market_data: ibis.Table, as_of: date) -> Panel:
    """The panel of all whole weeks before `as_of`, at most the last 208.

    Args:
        orders: product, quantity, total_amount, order_date.
        products: product, category.
        market_data: covers the weeks of the orders and `HORIZON_DAYS` from `as_of`.
    """
    today = ibis.literal(as_of)
    past = orders.filter(orders.order_date < today)
    weeks_back = (today.delta(past.order_date, unit="day") - 1) // WEEK_DAYS
    sums = past.group_by(product=past["product"], weeks_back=weeks_back.cast("int64")).agg(
        units=past.quantity.sum().cast("float64"), paid=past.total_amount.sum().cast("float64")
    )
    sold = sums.filter(sums.weeks_back < MAX_WEEKS).to_pandas()
    known = products.select("product", "category").to_pandas()
    oldest = int(past.order_date.min().to_pyarrow().as_py().toordinal()) if len(sold) else as_of.toordinal()
    weeks = min(MAX_WEEKS, (as_of.toordinal() - oldest) // WEEK_DAYS)
    return make_panel(sold, known, market_data.to_pandas(), as_of, weeks)


def make_panel(
    sold: "pd.DataFrame", products: "pd.DataFrame", market_data: "pd.DataFrame", as_of: date, weeks: int
) -> Panel:
    """The panel from product × weeks_back sums; an incomplete oldest week is left out."""
    import numpy as np

    names = tuple(sorted(set(products["product"]) | set(sold["product"])))
    categories = dict(zip(products["product"], products["category"].fillna("").astype(str), strict=True))
    numbers = {name: number for number, name in enumerate(sorted(set(categories.values()) | {""}))}
    row = {name: number for number, name in enumerate(names)}
    units, paid = np.zeros((len(names), weeks)), np.zeros((len(names), weeks))
    whole = sold[sold.weeks_back < weeks]
    place = whole["product"].map(row).to_numpy(int), weeks - 1 - whole.weeks_back.to_numpy(int)
    units[place] = whole.units
    paid[place] = whole.paid
    return Panel(
        products=names,
        category=np.array([numbers[categories.get(name, "")] for name in names]),
        units=units,
        price=np.divide(paid, units, out=np.full_like(paid, np.nan), where=units > 0),
        market=_weekly_market(market_data, as_of, weeks),
    )


def _weekly_market(market_data: "pd.DataFrame", as_of: date, weeks: int) -> Market:
    import numpy as np

    first = as_of - timedelta(days=WEEK_DAYS * weeks)
    days = WEEK_DAYS * (weeks + HORIZON_WEEKS)
    by_day = market_data.assign(day=[day.toordinal() for day in market_data.market_date]).set_index("day")
    by_day = by_day.reindex(range(first.toordinal(), first.toordinal() + days))
    if by_day.market_index.isna().any():
        missing = date.fromordinal(int(by_day.index[by_day.market_index.isna()][0]))
        raise ValueError(f"market_data has no {missing}")

    def mean(column: str) -> "np.ndarray":
        return by_day[column].to_numpy("float64").reshape(-1, WEEK_DAYS).mean(axis=1)

    middle = by_day["season"].to_numpy().reshape(-1, WEEK_DAYS)[:, WEEK_DAYS // 2]
    return Market(
        market_index=mean("market_index"),
        competitor_price_index=mean("competitor_price_index"),
        consumer_confidence=mean("consumer_confidence"),
        advertising_index=mean("advertising_index"),
        season=np.array([SEASON_CODES[name] for name in middle]),
    )
