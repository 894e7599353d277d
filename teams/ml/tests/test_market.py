from datetime import date

import pandas as pd
import pytest

from ml.market import generate_market_data


def test_a_day_is_the_same_whatever_the_series_covers() -> None:
    long = generate_market_data(date(2024, 1, 1), date(2026, 12, 31)).set_index("market_date")
    short = generate_market_data(date(2025, 6, 7), date(2025, 6, 9)).set_index("market_date")
    pd.testing.assert_frame_equal(long.loc[short.index], short)
    assert short.is_weekend.tolist() == [True, True, False]
    assert short.season.tolist() == ["summer"] * 3


def test_another_seed_is_another_market() -> None:
    first, last = date(2025, 1, 1), date(2025, 1, 31)
    one, other = generate_market_data(first, last, seed=1), generate_market_data(first, last, seed=2)
    assert (one.market_index != other.market_index).all()
    assert (one.season == other.season).all()


def test_covers_every_day_within_its_bounds() -> None:
    year = generate_market_data(date(2024, 1, 1), date(2024, 12, 31))
    assert len(year) == 366
    assert year.advertising_index.between(0, 1).all()
    assert year.consumer_confidence.between(0, 100).all()
    assert year.competitor_price_index.between(80, 120).all()


def test_refuses_to_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        generate_market_data(date(2025, 1, 2), date(2025, 1, 1))
