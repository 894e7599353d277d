"""What a person would guess without a model: rules that the model has to beat on the same rides."""

from typing import TYPE_CHECKING

from fitness.energy.rides import TARGET

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RIVALS = ("median_rate", "athlete_median_rate", "linear_time_climb")


def guess_energy(rival: str, past: "pd.DataFrame", rides: "pd.DataFrame") -> "np.ndarray":
    """Kilojoules of each ride by one of `RIVALS`, which know nothing but `past`, rides whose energy is known.

    - `median_rate`: the median of kJ/s over all past rides, times the moving time
    - `athlete_median_rate`: the same, but the athlete's own median where they have a past
    - `linear_time_climb`: least squares in moving time and elevation gain
    """
    import numpy as np

    rates = past[TARGET] / past.moving_time_s
    if rival == "median_rate":
        return rates.median() * rides.moving_time_s.to_numpy()  # type: ignore[no-any-return]
    if rival == "athlete_median_rate":
        own = rides.athlete_id.map(rates.groupby(past.athlete_id).median()).fillna(rates.median())
        return (own * rides.moving_time_s).to_numpy()  # type: ignore[no-any-return]
    if rival == "linear_time_climb":
        coefficients, *_ = np.linalg.lstsq(_design(past), past[TARGET].to_numpy(), rcond=None)
        return _design(rides) @ coefficients  # type: ignore[no-any-return]
    raise ValueError(f"there is no rival {rival!r}")


def _design(rides: "pd.DataFrame") -> "np.ndarray":
    import numpy as np

    columns = (np.ones(len(rides)), rides.moving_time_s / 3600, rides.elevation_gain_m.fillna(0))
    return np.column_stack(columns)
