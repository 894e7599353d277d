"""What a forecast of a product's weekly demand may know at its origin. Arrays in, arrays out.

Sales are given relative to the product's own level (mean weekly units of the last 26 weeks), so one model serves
products that sell a hundred times as much as others. Lags of 8 and 16 weeks are there because promotions come round
every eight weeks; lags of about a year carry the season.
"""

from typing import TYPE_CHECKING

from ml.demand_series import HORIZON_WEEKS, Panel

if TYPE_CHECKING:
    import numpy as np

LEVEL_WEEKS = 26
YEAR_WEEKS = 52
_LEVEL_PRIOR_UNITS = 0.05
"""Added to every level, so that a product that never sold has one."""

SALES_FEATURES = (
    "weeks_ahead",
    "level",
    "last_1_week",
    "last_2_weeks",
    "last_4_weeks",
    "last_8_weeks",
    "last_13_weeks",
    "last_52_weeks",
    "lag_8",
    "lag_16",
    "lag_8_16_24",
    "category_last_1_week",
    "category_last_4_weeks",
    "category_lag_8",
    "category_lag_16",
    "category_lag_56",
    "category_price_last_1_week",
    "category_price_last_4_weeks",
    "category_price_lag_8",
    "category_price_lag_56",
    "category_season_of_last_year",
)
MARKET_FEATURES = (
    "market_index_change",
    "competitor_price_change",
    "consumer_confidence_change",
    "advertising_planned",
    "season",
)
FEATURES = SALES_FEATURES + MARKET_FEATURES


def level_of(panel: Panel) -> "np.ndarray":
    """Mean weekly units of each product in the last 26 weeks of the panel, plus a small prior."""
    return _mean(panel.units, panel.weeks - LEVEL_WEEKS, panel.weeks) + _LEVEL_PRIOR_UNITS


def build_features(panel: Panel, with_market: bool = True) -> "np.ndarray":
    """Shape (HORIZON_WEEKS, products, features), for the weeks after the panel's last.

    Everything about sales is from the panel; about the market: what was measured in its weeks, and for the weeks to
    come only what is planned or on the calendar (advertising and season).
    """
    import numpy as np

    names = FEATURES if with_market else SALES_FEATURES
    features = np.empty((HORIZON_WEEKS, len(panel.products), len(names)))
    shared = _at_origin(panel)
    for ahead in range(HORIZON_WEEKS):
        values: dict[str, np.ndarray | float] = {**shared, **_at_target(panel, shared, ahead)}
        if with_market:
            values |= _of_market(panel, ahead)
        for number, name in enumerate(names):
            features[ahead, :, number] = values[name]
    return features


def _at_origin(panel: Panel) -> "dict[str, np.ndarray]":
    """What is the same for every week ahead. Names with an underscore are working material, not features."""
    now, level, category = panel.weeks, level_of(panel), panel.category
    sold = _sum_by_category(panel.units, category)
    sold_level = _mean(sold, now - LEVEL_WEEKS, now) + _LEVEL_PRIOR_UNITS
    discount = _category_price(panel)
    values = {f"last_{weeks}_weeks": _mean(panel.units, now - weeks, now) / level for weeks in (2, 4, 8, 13, 52)}
    return values | {
        "level": level,
        "last_1_week": _column(panel.units, now - 1) / level,
        "category_last_1_week": (_column(sold, now - 1) / sold_level)[category],
        "category_last_4_weeks": (_mean(sold, now - 4, now) / sold_level)[category],
        "category_price_last_1_week": _column(discount, now - 1)[category],
        "category_price_last_4_weeks": _mean(discount, now - 4, now)[category],
        "_sold": sold,
        "_sold_level": sold_level,
        "_discount": discount,
    }


def _at_target(panel: Panel, shared: "dict[str, np.ndarray]", ahead: int) -> "dict[str, np.ndarray]":
    week, level, category = panel.weeks + ahead, shared["level"], panel.category
    sold, sold_level, discount = shared["_sold"], shared["_sold_level"], shared["_discount"]
    lags = [_column(panel.units, week - lag) / level for lag in (8, 16, 24)]
    # The same five weeks a year ago over the half year before them: how the category's season stood then.
    a_year_ago = panel.weeks - YEAR_WEEKS
    season = _mean(sold, week - YEAR_WEEKS - 2, min(week - YEAR_WEEKS + 3, panel.weeks))
    before_it = _mean(sold, a_year_ago - LEVEL_WEEKS, a_year_ago)
    return {
        "weeks_ahead": level * 0 + ahead + 1,
        "lag_8": lags[0],
        "lag_16": lags[1],
        "lag_8_16_24": (lags[0] + lags[1] + lags[2]) / 3,
        "category_lag_8": (_column(sold, week - 8) / sold_level)[category],
        "category_lag_16": (_column(sold, week - 16) / sold_level)[category],
        "category_lag_56": (_column(sold, week - 56) / sold_level)[category],
        "category_price_lag_8": _column(discount, week - 8)[category],
        "category_price_lag_56": _column(discount, week - 56)[category],
        "category_season_of_last_year": (season / (before_it + _LEVEL_PRIOR_UNITS))[category],
    }


def _of_market(panel: Panel, ahead: int) -> "dict[str, float]":
    now, market = panel.weeks, panel.market

    def change(series: "np.ndarray") -> float:
        """Of the last four measured weeks against the last 26."""
        known = series[:now]
        return float(known[-4:].mean() / known[-LEVEL_WEEKS:].mean() - 1)

    planned = market.advertising_index
    return {
        "market_index_change": change(market.market_index),
        "competitor_price_change": change(market.competitor_price_index),
        "consumer_confidence_change": change(market.consumer_confidence),
        "advertising_planned": float(planned[now + ahead] - planned[max(now - LEVEL_WEEKS, 0) : now].mean()),
        "season": float(market.season[now + ahead]),
    }


def _category_price(panel: Panel) -> "np.ndarray":
    """Categories by weeks: the mean price of its products, each against its median of the last year. 0.8 = 20 % off."""
    import numpy as np

    recent = np.ma.masked_invalid(panel.price[:, -YEAR_WEEKS:])
    usual = np.ma.median(recent, axis=1).filled(np.nan)  # type: ignore[no-untyped-call]
    relative = panel.price / usual[:, None]
    known = ~np.isnan(relative)
    total = _sum_by_category(np.where(known, relative, 0.0), panel.category)
    count = _sum_by_category(known.astype("float64"), panel.category)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _sum_by_category(values: "np.ndarray", category: "np.ndarray") -> "np.ndarray":
    import numpy as np

    total = np.zeros((int(category.max(initial=0)) + 1, values.shape[1]))
    np.add.at(total, category, values)
    return total


def _mean(values: "np.ndarray", start: int, stop: int) -> "np.ndarray":
    """Mean of the columns [start, stop) that exist; NaN when none does. NaN in a cell makes the mean NaN."""
    import numpy as np

    start = max(start, 0)
    return values[:, start:stop].mean(axis=1) if stop > start else np.full(len(values), np.nan)


def _column(values: "np.ndarray", number: int) -> "np.ndarray":
    import numpy as np

    return values[:, number] if 0 <= number < values.shape[1] else np.full(len(values), np.nan)
