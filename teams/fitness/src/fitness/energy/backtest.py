"""The back-test: every family and every rival on rides that lie ahead of what they learnt from, and of other athletes.

Two splits. `cross_validation`: at each of some origins, a group of athletes is predicted for the period from there, by
what was learnt before it from the *other* athletes; so a fold is new in time and in person. `holdout`: the newest
period, for everybody, by what was learnt before it; this very fit serves if it wins. With a single athlete there are no
others, and folds are new in time alone.

What belongs here: who is predicted from what, and the errors. What does not: fitting (`model`), promoting (`candidate`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from fitness.energy.model import FAMILIES, fit_energy_model, predict_energy
from fitness.energy.rides import TARGET, build_features, learnable
from fitness.energy.rivals import RIVALS, guess_energy
from headgate import HeadgateError

if TYPE_CHECKING:
    import pandas as pd

PERIOD_DAYS = 90
"""Length of the hold-out and of each period of cross-validation: three months."""
ORIGINS = 3
GROUPS = 4
MIN_TRAINING_RIDES = 40
MIN_HOLDOUT_RIDES = 20
HOLDOUT, CROSS_VALIDATION = "holdout", "cross_validation"
ROW_COLUMNS = (
    "split",
    "fold",
    "model",
    "activity_id",
    "athlete_id",
    "started_at",
    "distance_m",
    "actual_kj",
    "predicted_kj",
)

BANDS_KM = (0, 20, 40, 60, 100)
"""Distance bands begin at these; the last has no end."""
BAND_NAMES = (*(f"{low}–{high} km" for low, high in pairwise(BANDS_KM)), f"{BANDS_KM[-1]}+ km")


class TooFewRidesError(HeadgateError):
    """There are not enough rides with known energy to learn from and to judge on."""


@dataclass(frozen=True)
class Fold:
    """Learn from `training`, predict `test`; both are rows of the same frame."""

    split: str
    name: str
    begins: date
    training: "pd.DataFrame"
    test: "pd.DataFrame"


def holdout_begins(as_of: date) -> date:
    """The first day of the hold-out, which ends before `as_of`."""
    return as_of - timedelta(days=PERIOD_DAYS)


def split_holdout(rides: "pd.DataFrame", as_of: date) -> Fold:
    """The hold-out: all athletes, forward in time.

    Args:
        rides: as `load_rides` gives them; those without energy and those of `as_of` or later take no part.

    Raises:
        TooFewRidesError: too few rides with known energy before it, or in it.
    """
    known, begins = learnable(rides), holdout_begins(as_of)
    training, test = known[_before(known, begins)], known[~_before(known, begins) & _before(known, as_of)]
    if len(training) < MIN_TRAINING_RIDES or len(test) < MIN_HOLDOUT_RIDES:
        raise TooFewRidesError(
            f"{len(training)} rides with known energy before {begins} and {len(test)} from there to {as_of} are too few "
            "to learn from and to judge on",
            where="fitness.fct_activities, energy_kj of rides that are not doubtful",
            next_step=f"load a longer history: at least {MIN_TRAINING_RIDES} and {MIN_HOLDOUT_RIDES} are needed",
        )
    return Fold(HOLDOUT, HOLDOUT, begins, training, test)


def split_by_athlete_and_time(rides: "pd.DataFrame", as_of: date) -> Iterator[Fold]:
    """The folds of cross-validation, none of which reaches into the hold-out; oldest first.

    A fold without enough to learn from, or without anything to predict, is left out.
    """
    known = learnable(rides)
    groups = assign_groups(known.athlete_id)
    for number in range(ORIGINS, 0, -1):
        begins = holdout_begins(as_of) - timedelta(days=PERIOD_DAYS * number)
        past, period = known[_before(known, begins)], known[~_before(known, begins)]
        period = period[_before(period, begins + timedelta(days=PERIOD_DAYS))]
        for group, athletes in groups.items():
            others = past if len(groups) == 1 else past[~past.athlete_id.isin(athletes)]
            test = period[period.athlete_id.isin(athletes)]
            if len(others) >= MIN_TRAINING_RIDES and len(test):
                yield Fold(CROSS_VALIDATION, f"{begins} group {group}", begins, others, test)


def assign_groups(athlete_ids: "pd.Series") -> dict[int, list[int]]:
    """Athletes in at most `GROUPS` groups of similar numbers of rides: the most active are dealt out first."""
    athletes = athlete_ids.value_counts().sort_index().sort_values(ascending=False, kind="stable").index.tolist()
    count = min(GROUPS, len(athletes))
    return {group + 1: athletes[group::count] for group in range(count)}


def run_backtest(rides: "pd.DataFrame", as_of: date) -> "pd.DataFrame":
    """One row a fold, model and predicted ride, in `ROW_COLUMNS`; the models are `FAMILIES` and `RIVALS`.

    The hold-out's folds are its calendar months, UTC.

    Raises:
        TooFewRidesError: as `split_holdout`; or there is no fold for cross-validation.
    """
    import pandas as pd

    features = build_features(rides)
    holdout = split_holdout(rides, as_of)
    folds = list(split_by_athlete_and_time(rides, as_of))
    if not folds:
        raise TooFewRidesError(
            f"no period before the hold-out has {MIN_TRAINING_RIDES} rides of other athletes before it",
            where="fitness.fct_activities, energy_kj of rides that are not doubtful",
            next_step=f"load a longer history: {PERIOD_DAYS * (ORIGINS + 1)} days and what precedes them are judged on",
        )
    return pd.concat([_predict_fold(fold, features) for fold in (*folds, holdout)], ignore_index=True)


def _predict_fold(fold: Fold, features: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    predicted = {family: _fit_and_predict(fold, features, family) for family in FAMILIES}
    predicted |= {rival: guess_energy(rival, fold.training, fold.test) for rival in RIVALS}
    months = fold.test.started_at.dt.strftime("%Y-%m")
    known = fold.test[["activity_id", "athlete_id", "started_at", "distance_m"]].assign(
        split=fold.split, fold=months if fold.split == HOLDOUT else fold.name, actual_kj=fold.test[TARGET]
    )
    rows = [known.assign(model=model, predicted_kj=values) for model, values in predicted.items()]
    return pd.concat(rows)[list(ROW_COLUMNS)]


def _fit_and_predict(fold: Fold, features: "pd.DataFrame", family: str):  # type: ignore[no-untyped-def]
    payload = fit_energy_model(fold.training, features, family, fold.begins)
    return predict_energy(payload, fold.test, features)


def _before(rides: "pd.DataFrame", day: date) -> "pd.Series":
    """Which rides started before midnight UTC of the day."""
    import pandas as pd

    return rides.started_at < pd.Timestamp(day, tz="UTC")


def measure_mae_kj(rows: "pd.DataFrame") -> float:
    """Mean absolute error of a ride, in kilojoules."""
    return float((rows.predicted_kj - rows.actual_kj).abs().mean())


def measure_mae_pct(rows: "pd.DataFrame") -> float:
    """The sum of absolute errors as a percentage of the energy of all rides."""
    return float((rows.predicted_kj - rows.actual_kj).abs().sum() / rows.actual_kj.sum() * 100)


def distance_band(distance_m: "pd.Series") -> "pd.Series":
    """`0–20 km` … `100+ km`; the lower end belongs to the band. No distance counts as 0."""
    import pandas as pd

    return pd.cut(distance_m.fillna(0) / 1000, [*BANDS_KM, float("inf")], right=False, labels=BAND_NAMES).astype(str)
