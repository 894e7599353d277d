"""Have the inputs moved away from what was learnt from? The population stability index of every numeric feature.

PSI = Σ (recent − former) · ln(recent / former) over bins that hold a tenth of the former rides each, and one for missing
values. By the usual rule of thumb (Siddiqi, Credit Risk Scorecards, 2006) below 0.1 nothing has changed, and above 0.25
much has. A year goes round, so a season is compared with the same one of the year before: winters are always colder than
what was learnt from all year.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from fitness.energy.rides import NUMERIC_FEATURES, build_features

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RECENT_DAYS = 90
YEAR_DAYS = 364
MIN_RIDES = 200
"""By chance alone two samples of one distribution differ by about (bins − 1) · (1/n + 1/m): by 0.09 at 200 rides each, but by
0.36 at 50."""
NOTICEABLE_PSI = 0.1
DRIFTED_PSI = 0.25
_BINS = 10
_SMALLEST_SHARE = 0.001

DRIFT_COLUMNS = ("feature", "psi", "level", "former_from", "former_rides", "recent_from", "recent_rides", "as_of_date")


def measure_drift(rides: "pd.DataFrame", as_of: date) -> "pd.DataFrame":
    """One row a feature, in `DRIFT_COLUMNS`: the 90 days before `as_of` against the same 90 days a year before.

    psi is null and level `too_few` when either side has less than `MIN_RIDES` rides.
    """
    import pandas as pd

    features = build_features(rides)
    recent_from = as_of - timedelta(days=RECENT_DAYS)
    former_from = recent_from - timedelta(days=YEAR_DAYS)
    recent = features[_between(rides, recent_from, as_of)]
    former = features[_between(rides, former_from, former_from + timedelta(days=RECENT_DAYS))]
    enough = min(len(recent), len(former)) >= MIN_RIDES
    records = []
    for feature in NUMERIC_FEATURES:
        psi = population_stability_index(former[feature].to_numpy(), recent[feature].to_numpy()) if enough else None
        records.append((feature, psi, _level(psi), former_from, len(former), recent_from, len(recent), as_of))
    return pd.DataFrame(records, columns=list(DRIFT_COLUMNS)).astype({"psi": "float64"})


def population_stability_index(former: "np.ndarray", recent: "np.ndarray") -> float:
    """0 for equal distributions; NaN counts as a value of its own.

    Args:
        former: numbers the bins are made from, at least one.
        recent: numbers compared with them, at least one.
    """
    import numpy as np

    edges: Any = (
        np.unique(np.nanquantile(former, np.linspace(0, 1, _BINS + 1)[1:-1])) if not np.isnan(former).all() else []
    )
    ours, theirs = (_shares(values, np.asarray(edges)) for values in (recent, former))
    return float(((ours - theirs) * np.log(ours / theirs)).sum())


def _shares(values: "np.ndarray", edges: "np.ndarray") -> "np.ndarray":
    import numpy as np

    # An edge belongs to the bin below it: so a feature of zeros and ones has two bins, however rare the ones are.
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, np.nan_to_num(values), side="left"))
    counts = np.bincount(bins, minlength=len(edges) + 2)
    return np.maximum(counts / len(values), _SMALLEST_SHARE)


def _level(psi: float | None) -> str:
    if psi is None:
        return "too_few"
    return "drifted" if psi > DRIFTED_PSI else "noticeable" if psi > NOTICEABLE_PSI else "stable"


def _between(rides: "pd.DataFrame", begin: date, end: date) -> "pd.Series":
    import pandas as pd

    return (rides.started_at >= pd.Timestamp(begin, tz="UTC")) & (rides.started_at < pd.Timestamp(end, tz="UTC"))
