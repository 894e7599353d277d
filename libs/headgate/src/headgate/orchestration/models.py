"""Dagster's side of a learnt model: an asset submits its candidate here, a check warns when the version was refused."""

from typing import Any

import dagster as dg
import ibis

from headgate.models.evaluation import Candidate, Decision
from headgate.models.promotion import Outcome, submit
from headgate.models.registry import open_registry


def register(context: dg.AssetExecutionContext, candidate: Candidate) -> tuple[Outcome, dict[str, Any]]:
    """Submits a candidate to the registry of the asset's team.

    Returns:
        What became of it, and the metadata that tells a person so: decision, versions, deciding metrics, best baselines.
    """
    outcome = submit(open_registry(context.asset_key.path[0]), candidate, run_id=context.run.run_id)
    context.log.info(outcome.summary)
    metadata: dict[str, Any] = {
        "decision": outcome.decision.value,
        "summary": outcome.summary,
        "model_version": outcome.version,
        "champion_version": outcome.champion_version or 0,
    }
    for score in candidate.deciding:
        metadata[f"{score.split}_{score.metric}"] = float(score.value)
        metadata[f"{score.split}_best_baseline"] = float(score.best_baseline)
    return outcome, metadata


def baselines_check(team: str, asset: str) -> Any:
    """The check `beats_baselines` of an asset whose table has the columns of an evaluation (`EVALUATION_COLUMNS`)."""

    @dg.asset_check(
        asset=dg.AssetKey([team, asset]),
        name="beats_baselines",
        description="The version just trained is better than every baseline of its deciding metric.",
    )
    def beats_baselines(evaluation: ibis.Table) -> dg.AssetCheckResult:
        return judge_baselines(evaluation)

    return beats_baselines


def judge_baselines(evaluation: ibis.Table) -> dg.AssetCheckResult:
    """A warning and not an error: a refused version changes nothing, the champion before it goes on serving."""
    deciding = evaluation.filter(evaluation.is_deciding).to_pandas()
    rows = deciding[deciding.baseline != "champion"]
    refused = bool((deciding.decision == Decision.REFUSED).any())
    return dg.AssetCheckResult(
        passed=len(rows) > 0 and bool(rows.is_better.all()) and not refused,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "decision": str(deciding.decision.iloc[0]) if len(deciding) else "none",
            "value": float(deciding.value.iloc[0]) if len(deciding) else 0.0,
            **{f"baseline_{row.baseline}": float(row.baseline_value) for row in rows.itertuples()},
        },
    )
