"""How good a model is, beside what would have been guessed without it; and whether that is good enough to serve.

What belongs here: the shape of an evaluation and the rule of promotion. What does not: computing a metric (each model's
own module), or writing to the registry (`registry`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Payload = dict[str, Any]
"""What a model version stores: estimators, numbers, strings, lists and dicts of them."""

_SMALLER_IS_BETTER = {"brier", "log_loss", "mae", "mae_kj", "mae_pct", "wape", "calibration_error", "bias"}

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

    @property
    def best_baseline(self) -> float:
        """The value of the best baseline that takes part in the decision; NaN without any."""
        rivals = [value for name, value in self.baselines.items() if name not in self.informative]
        return (min if self.metric in _SMALLER_IS_BETTER else max)(rivals, default=float("nan"))

    def is_better_than(self, other: float) -> bool:
        return is_better(self.metric, self.value, other)


def is_better(metric: str, value: float, other: float) -> bool:
    """Strictly better; a tie is not better, nor is anything that is not a number."""
    return value < other if metric in _SMALLER_IS_BETTER else value > other


@dataclass(frozen=True)
class Candidate:
    """A trained model that asks to be promoted."""

    model: str
    payload: Payload
    scores: tuple[Score, ...]
    score_payload: Callable[[Payload], float | None]
    """The deciding metric of any version's payload on rows that neither it nor this candidate has seen in training;
    None when it cannot be computed (the version was trained for other features)."""
    duel_split: str = "holdout"
    """What those rows are called."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """How it was made, for the experiment's record."""

    @property
    def deciding(self) -> tuple[Score, ...]:
        """One or more scores of one metric; a version has to beat the baselines of each."""
        return tuple(score for score in self.scores if score.is_deciding)


@dataclass(frozen=True)
class Duel:
    """The candidate and the present champion on the very same rows."""

    split: str
    candidate_value: float
    champion_value: float


def decide(deciding: Sequence[Score], duel: Duel | None) -> Decision:
    """The rule of promotion.

    Args:
        deciding: the candidate's deciding scores with their baselines; without any it is refused.
        duel: the same metric beside the champion's; None without a comparable champion.
    """
    if not deciding or not all(_beats_rivals(score) for score in deciding):
        return Decision.REFUSED
    if duel and not is_better(deciding[0].metric, duel.candidate_value, duel.champion_value):
        return Decision.CHALLENGER
    return Decision.CHAMPION


def _beats_rivals(score: Score) -> bool:
    rivals = [value for name, value in score.baselines.items() if name not in score.informative]
    return bool(rivals) and all(score.is_better_than(value) for value in rivals)


def tabulate(
    candidate: Candidate, decision: Decision, duel: Duel | None, *, version: int, run_id: str, evaluated_at: datetime
) -> "pd.DataFrame":
    """One row a split, metric and baseline, in `EVALUATION_COLUMNS`.

    The champion that the candidate met is a baseline like the others, named `champion`.
    """
    import pandas as pd

    scores = list(candidate.scores)
    if duel:
        deciding = candidate.deciding[0]
        rows = {score.split: score.row_count for score in scores if score.split == duel.split}
        scores.append(
            Score(
                split=duel.split,
                metric=deciding.metric,
                value=duel.candidate_value,
                row_count=rows.get(duel.split, deciding.row_count),
                baselines={"champion": duel.champion_value},
                is_deciding=True,
            )
        )
    records = [
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
        for score in scores
        for name, value in score.baselines.items()
    ]
    return pd.DataFrame(records, columns=list(EVALUATION_COLUMNS))
