"""A candidate's way into the registry: scored beside the champion on the same rows, stored, and given its alias."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headgate.models.evaluation import Candidate, Decision, Duel, Score, decide, tabulate
from headgate.models.registry import ModelRegistry, StoredModel

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
    """Its rows, in `EVALUATION_COLUMNS`."""
    summary: str
    """One sentence for the run."""


def submit(registry: ModelRegistry, candidate: Candidate, *, run_id: str) -> Outcome:
    """Stores the candidate as a new version and promotes it if, and only if, `decide` says so."""
    champion = registry.find(candidate.model)
    duel = _meet(candidate, champion) if champion else None
    deciding = candidate.deciding
    decision = decide(deciding, duel)
    version = registry.store(
        candidate.model,
        candidate.payload,
        metrics={f"{score.split}.{score.metric}": score.value for score in candidate.scores},
        tags={"dagster_run_id": run_id},
        parameters=candidate.parameters,
    )
    registry.promote(candidate.model, version, decision)
    serving = version if decision is Decision.CHAMPION else champion.version if champion else None
    summary = f"{candidate.model} version {version}: {decision.value}. " + "; ".join(map(_describe, deciding))
    if champion and duel:
        values = f"{duel.candidate_value:.4f}, champion version {champion.version} {duel.champion_value:.4f}"
        summary += f"; on {duel.split} {values}"
    return Outcome(
        version=version,
        decision=decision,
        champion_version=serving,
        evaluations=tabulate(candidate, decision, duel, version=version, run_id=run_id, evaluated_at=datetime.now(UTC)),
        summary=summary,
    )


def _describe(score: Score) -> str:
    rivals = ", ".join(f"{name} {value:.4f}" for name, value in score.baselines.items())
    return f"{score.metric} on {score.split} {score.value:.4f}, against {rivals}"


def _meet(candidate: Candidate, champion: StoredModel) -> Duel | None:
    ours, theirs = candidate.score_payload(candidate.payload), candidate.score_payload(champion.payload)
    return None if ours is None or theirs is None else Duel(candidate.duel_split, ours, theirs)
