"""How good a model is, beside what would have been guessed without it; and whether that is good enough to serve.

What belongs here: the shape of an evaluation and the rule of promotion. What does not: computing a metric (each model's
own module), or writing to the registry (`registry`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Payload = dict[str, Any]
"""What a model version stores: estimators, numbers, strings, lists and dicts of them."""

_SMALLER_IS_BETTER = {"brier", "log_loss", "mae", "wape", "calibration_error", "bias"}

EVALUATION_COLUMNS = (
    "model",
    "model_version",
    "run_id",
    "split",
    "metric",
    "value",
    "baseline",
    "baseline_value",
    "is_better",
    "is_deciding",
    "decision",
    "row_count",
    "evaluated_at",
)


class Decision(StrEnum):
    """What became of a freshly trained version."""

    CHAMPION = "champion"
    """Better than every baseline, and than the champion before it (or there was none): it serves from now on."""
    CHALLENGER = "challenger"
    """Better than every baseline, but not than the champion, which stays."""
    REFUSED = "refused"
    """Not better than some baseline: never promoted."""


@dataclass(frozen=True)
class Score:
    """One metric on one split, with the same metric of every baseline on the very same rows.

    A baseline named in `informative` is shown but decides nothing (an ablation of the model, for instance).
    """

    split: str
    metric: str
    value: float
    row_count: int
    baselines: Mapping[str, float] = field(default_factory=dict)
    is_deciding: bool = False
    informative: frozenset[str] = frozenset()

    def is_better_than(self, other: float) -> bool:
        """Strictly better; a tie is not better, nor is anything that is not a number."""
        return self.value < other if self.metric in _SMALLER_IS_BETTER else self.value > other


@dataclass(frozen=True)
class Candidate:
    """A trained model that asks to be promoted."""

    model: str
    payload: Payload
    scores: tuple[Score, ...]
    score_payload: Callable[[Payload], float | None]
    """The deciding metric of any version's payload on this candidate's hold-out, None when it cannot be computed (the
    version was trained for other features)."""

    @property
    def deciding(self) -> Score:
        (score,) = (score for score in self.scores if score.is_deciding)
        return score


def decide(deciding: Score, champion_value: float | None) -> Decision:
    """The rule of promotion.

    Args:
        deciding: the candidate's deciding score with its baselines.
        champion_value: the same metric of the present champion on the same rows; None without a comparable one.
    """
    rivals = [value for name, value in deciding.baselines.items() if name not in deciding.informative]
    if not rivals or not all(deciding.is_better_than(value) for value in rivals):
        return Decision.REFUSED
    if champion_value is not None and not deciding.is_better_than(champion_value):
        return Decision.CHALLENGER
    return Decision.CHAMPION


def tabulate(
    candidate: Candidate,
    decision: Decision,
    *,
    version: int,
    run_id: str,
    champion_value: float | None,
    evaluated_at: datetime,
) -> "pd.DataFrame":
    """One row a split, metric and baseline, in the columns of the contract `model_evaluations`.

    The champion before this version appears as the baseline `champion` of the deciding metric.
    """
    import pandas as pd

    rows = []
    for score in candidate.scores:
        baselines = dict(score.baselines)
        if score.is_deciding and champion_value is not None:
            baselines["champion"] = champion_value
        for name, value in baselines.items():
            rows.append(
                {
                    "model": candidate.model,
                    "model_version": version,
                    "run_id": run_id,
                    "split": score.split,
                    "metric": score.metric,
                    "value": float(score.value),
                    "baseline": name,
                    "baseline_value": float(value),
                    "is_better": score.is_better_than(value),
                    "is_deciding": score.is_deciding and name not in score.informative,
                    "decision": decision.value,
                    "row_count": score.row_count,
                    "evaluated_at": evaluated_at,
                }
            )
    return pd.DataFrame(rows, columns=list(EVALUATION_COLUMNS))
