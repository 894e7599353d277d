"""A candidate's way into the registry: scored beside the champion on the same rows, stored, and given its alias."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.evaluation import Candidate, Decision, decide, tabulate
from ml.registry import ModelRegistry

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate."""

    version: int
    decision: Decision
    champion_version: int | None
    """The version that serves now, None when no version ever beat its baselines."""
    evaluations: "pd.DataFrame"
    """Its rows of `model_evaluations`."""
    summary: str
    """One sentence for the run."""


def submit(registry: ModelRegistry, candidate: Candidate, *, run_id: str) -> Outcome:
    """Stores the candidate as a new version and promotes it if, and only if, `decide` says so."""
    champion = registry.find(candidate.model)
    champion_value = candidate.score_payload(champion.payload) if champion else None
    deciding = candidate.deciding
    decision = decide(deciding, champion_value)
    version = registry.store(
        candidate.model,
        candidate.payload,
        metrics={f"{score.split}.{score.metric}": score.value for score in candidate.scores},
        tags={"dagster_run_id": run_id, "decision": decision.value},
    )
    registry.promote(candidate.model, version, decision)
    serving = version if decision is Decision.CHAMPION else champion.version if champion else None
    rivals = ", ".join(f"{name} {value:.4f}" for name, value in deciding.baselines.items())
    against = f"; champion {champion.version} {champion_value:.4f}" if champion and champion_value is not None else ""
    return Outcome(
        version=version,
        decision=decision,
        champion_version=serving,
        evaluations=tabulate(
            candidate,
            decision,
            version=version,
            run_id=run_id,
            champion_value=champion_value,
            evaluated_at=datetime.now(UTC),
        ),
        summary=(
            f"{candidate.model} version {version}: {decision.value}. "
            f"{deciding.metric} on {deciding.split} {deciding.value:.4f}, against {rivals}{against}"
        ),
    )
