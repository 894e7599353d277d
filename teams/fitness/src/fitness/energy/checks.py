"""What a contract cannot say about the energy model: checks over several rows or tables."""

import dagster as dg
import ibis

from fitness.energy.backtest import BAND_NAMES
from fitness.energy.drift import DRIFTED_PSI, NOTICEABLE_PSI
from headgate.orchestration.models import baselines_check

MAX_CALIBRATION_ERROR = 0.15
"""A distance band whose predicted energy is off by more than this share of the recorded is no chance: a band of 50 rides
with errors of 15 % each is off by 2 %."""
MIN_BAND_RIDES = 30

energy_beats_baselines = baselines_check("fitness", "ride_energy_model")


@dg.asset_check(
    asset=dg.AssetKey(["fitness", "ride_energy_evaluation"]),
    description=f"On the hold-out, predicted and recorded energy of each distance band of at least {MIN_BAND_RIDES} rides differ "
    f"by at most {MAX_CALIBRATION_ERROR:.0%}.",
)
def is_calibrated_by_distance(evaluation: ibis.Table) -> dg.AssetCheckResult:
    """An average that is right for long rides and wrong for short ones would hide it."""
    return judge_calibration(evaluation)


def judge_calibration(evaluation: ibis.Table) -> dg.AssetCheckResult:
    newest = evaluation.filter(evaluation.model_version == evaluation.model_version.max())
    rows = newest.filter(newest.is_candidate, newest.split == "holdout")
    bands = (
        rows.group_by("distance_band")
        .agg(rides=rows.ride_count.sum(), predicted=rows.predicted_kj.sum(), actual=rows.actual_kj.sum())
        .to_pandas()
        .set_index("distance_band")
        .reindex([name for name in BAND_NAMES])
        .dropna()
    )
    judged = bands[bands.rides >= MIN_BAND_RIDES]
    ratios = judged.predicted / judged.actual
    return dg.AssetCheckResult(
        passed=len(judged) > 0 and bool((abs(ratios - 1) <= MAX_CALIBRATION_ERROR).all()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={f"calibration {band}": float(ratio) for band, ratio in ratios.items()},
    )


@dg.asset_check(
    asset=dg.AssetKey(["fitness", "ride_energy_drift"]),
    description=f"The stability index of every input is at most {DRIFTED_PSI}; above {NOTICEABLE_PSI} it has moved noticeably.",
)
def inputs_have_not_drifted(drift: ibis.Table) -> dg.AssetCheckResult:
    """A model knows nothing of rides unlike those it learnt from."""
    return judge_drift(drift)


def judge_drift(drift: ibis.Table) -> dg.AssetCheckResult:
    """Passes without a judgement, and says so, when there are too few rides to compare."""
    rows = drift.to_pandas()
    measured = rows.dropna(subset=["psi"])
    return dg.AssetCheckResult(
        passed=len(rows) > 0 and bool((measured.psi <= DRIFTED_PSI).all()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "measured_inputs": len(measured),
            "recent_rides": int(rows.recent_rides.max()) if len(rows) else 0,
            "noticeable_inputs": ", ".join(measured[measured.psi > NOTICEABLE_PSI].feature) or "none",
            **{f"psi {row.feature}": float(row.psi) for row in measured.itertuples()},
        },
    )
