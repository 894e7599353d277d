from datetime import date

import ibis
import pytest

from ml.forecasts import build_demand_forecasts


@pytest.mark.parametrize(
    ("recent", "forecast", "change_pct", "recommendation"),
    [
        (100.0, 120.0, 20.0, "maintain"),
        (100.0, 120.01, 20.01, "increase"),
        (100.0, 80.0, -20.0, "maintain"),
        (100.0, 79.99, -20.01, "reduce"),
        (0.0, 0.4, None, "maintain"),
        (0.0, 3.0, None, "increase"),
    ],
)
def test_acts_beyond_twenty_percent(
    recent: float, forecast: float, change_pct: float | None, recommendation: str
) -> None:
    products = ibis.memtable({"product": ["pen"], "performance_tier": ["top"]})
    forecasts = ibis.memtable({"product": ["pen"], "recent_units": [recent], "forecast_units": [forecast]}).mutate(
        forecast_date=ibis.literal(date(2026, 1, 1)), horizon_days=ibis.literal(28)
    )
    (row,) = build_demand_forecasts(forecasts, products).to_pyarrow().to_pylist()
    assert row["change_units"] == pytest.approx(forecast - recent)
    assert row["change_pct"] == (None if change_pct is None else pytest.approx(change_pct))
    assert row["recommendation"] == recommendation
    assert row["performance_tier"] == "top"
