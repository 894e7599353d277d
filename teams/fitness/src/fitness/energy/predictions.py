"""What the champion says of rides it has not learnt from: those since its training, and those whose energy nobody knows."""

from datetime import date
from typing import TYPE_CHECKING

from fitness.energy.model import predict_rides
from fitness.energy.rides import TARGET
from headgate.models.evaluation import Payload

if TYPE_CHECKING:
    import pandas as pd

PREDICTION_COLUMNS = (
    "activity_id",
    "athlete_id",
    "started_at",
    "distance_m",
    "predicted_energy_kj",
    "recorded_energy_kj",
    "model_version",
    "as_of_date",
)


def predict_new_rides(payload: Payload, rides: "pd.DataFrame", *, version: int, as_of: date) -> "pd.DataFrame":
    """One row a ride before `as_of` that is new to the model, in `PREDICTION_COLUMNS`.

    A ride is new when it started on or after the day the model was trained before, or has no known energy.

    Args:
        payload: a version of the energy model.
        rides: as `load_rides` gives them.
    """
    import pandas as pd

    trained_before = pd.Timestamp(payload["trained_before"], tz="UTC")
    is_new = (rides.started_at >= trained_before) | ~(rides[TARGET] > 0)
    new = rides[is_new & (rides.started_at < pd.Timestamp(as_of, tz="UTC"))]
    return new.assign(
        predicted_energy_kj=predict_rides(payload, rides, new) if len(new) else new[TARGET],
        recorded_energy_kj=new[TARGET].where(new[TARGET] > 0),
        model_version=version,
        as_of_date=as_of,
    )[list(PREDICTION_COLUMNS)]
