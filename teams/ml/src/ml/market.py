"""A stand-in for a market-data vendor: daily series computed from the date and a seed alone.

A day's values never depend on where the series starts or ends, so any two runs agree on every day they share. The
series know nothing of ACME's orders; the demand model's back-test says what they are worth (see `demand_model`).
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MARKET_SEED = 20_260_101
_EPOCH = date(2020, 1, 1).toordinal()
_SEASONS = ("winter", "spring", "summer", "autumn")


def generate_market_data(first_day: date, last_day: date, seed: int = MARKET_SEED) -> "pd.DataFrame":
    """One row a day from `first_day` to `last_day`, both included.

    Columns: market_date, market_index (100 = January 2020), competitor_price_index (100 = parity with ACME),
    season (meteorological, northern), is_weekend, advertising_index (planned spending, 0–1, known in advance),
    consumer_confidence (0–100).
    """
    import numpy as np
    import pandas as pd

    if last_day < first_day:
        raise ValueError(f"the series would end on {last_day}, before it starts on {first_day}")
    ordinals = np.arange(first_day.toordinal(), last_day.toordinal() + 1)
    days = [date.fromordinal(int(ordinal)) for ordinal in ordinals]
    age_days = ordinals - _EPOCH
    phase = 2 * np.pi * _noise(np.arange(6), seed, stream=0)
    year = 2 * np.pi * age_days / 365.25
    market = (
        100 * np.exp(0.05 * age_days / 365.25) + 4 * np.sin(year / 3.7 + phase[0]) + 1.5 * np.sin(year * 4.3 + phase[1])
    )
    competitor = 100 + 5 * np.sin(year / 2.3 + phase[2]) + 2 * np.sin(year * 2.9 + phase[3])
    confidence = 60 + 8 * np.sin(year / 4.1 + phase[4]) + 3 * np.sin(year + phase[5])
    return pd.DataFrame(
        {
            "market_date": days,
            "market_index": np.round(market + _centred(ordinals, seed, stream=1), 3),
            "competitor_price_index": np.round(competitor + _centred(ordinals, seed, stream=2), 3),
            "season": [_SEASONS[day.month % 12 // 3] for day in days],
            "is_weekend": [day.weekday() >= 5 for day in days],
            "advertising_index": np.round(_advertising(days, seed), 3),
            "consumer_confidence": np.round(confidence + _centred(ordinals, seed, stream=3), 3),
        }
    )


def _advertising(days: list[date], seed: int) -> "np.ndarray":
    """Planned by calendar and decided by week: a base, more before the holidays and in early summer."""
    import numpy as np

    mondays = np.array([(day - timedelta(days=day.weekday())).toordinal() for day in days])
    month = np.array([day.month for day in days])
    base = np.select([np.isin(month, (11, 12)), np.isin(month, (5, 6))], [0.7, 0.5], default=0.25)
    return np.clip(base + 0.2 * (_noise(mondays, seed, stream=4) - 0.5), 0, 1)


def _centred(ordinals: "np.ndarray", seed: int, stream: int) -> "np.ndarray":
    return 2 * _noise(ordinals, seed, stream) - 1


def _noise(keys: "np.ndarray", seed: int, stream: int) -> "np.ndarray":
    """Uniform in [0, 1), from (seed, stream, key) alone: the SplitMix64 mixer (Steele, Lea and Flood, 2014)."""
    import numpy as np

    with np.errstate(over="ignore"):
        x = keys.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + stream * 0xD1342543DE82EF95) % 2**64)
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) / 2**53
