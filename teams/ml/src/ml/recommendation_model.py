"""The recommender: a weighted sum of the three parts. Its weights are tuned on three months and judged on the next.

The split is by time and the same for everybody: what a part is made of lies before the date, what is to be found after.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product as combinations
from typing import TYPE_CHECKING

import ibis

from feature_helpers import sample_by_key
from headgate import HeadgateError
from ml.evaluation import Candidate, Payload, Score
from ml.recommendation_parts import PARTS, build_parts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RECOMMENDATION_MODEL = "ml.product_recommendation"
TOP_K = 5
TEST_DAYS = 28
TUNING_SPLITS = 3
"""One month is too few: its best weights lost to the customer's own repeats on the next, by chance."""
MAX_JUDGED_CUSTOMERS = 20_000
"""Of more customers who bought in a judged month a fixed sample is judged; all active ones get recommendations."""
_SCORE_DECIMALS = 12
"""The engine adds in any order: beyond this the same score may differ from run to run, and ties must stay ties."""
_REPEAT_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)
_COMPANION_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)


class NobodyBoughtError(HeadgateError):
    """There are no purchases to judge recommendations by."""


@dataclass(frozen=True)
class Split:
    """Candidates as of a date, sorted by customer and product, and whether they were bought in the 28 days from it."""

    customer: "np.ndarray"
    """Number of the candidate's customer, 0 and up."""
    parts: "np.ndarray"
    """Candidates by `PARTS`."""
    is_bought: "np.ndarray"
    bought: "np.ndarray"
    """Distinct products each customer bought, candidates or not; every customer bought at least one."""


def train_recommendation_model(orders: ibis.Table, as_of: date) -> Candidate:
    """Tunes the weights on three periods of 28 days that ended 28 days before `as_of`, and judges them on the last 28.

    Raises:
        NobodyBoughtError: no customer who was active at a split bought anything in the 28 days after it.
    """
    judged, *tuning = (load_split(orders, as_of - timedelta(days=n * TEST_DAYS)) for n in range(1, TUNING_SPLITS + 2))
    weights = tune_weights(tuning)
    payload: Payload = {"parts": list(PARTS), "weights": [float(weight) for weight in weights]}
    return Candidate(
        model=RECOMMENDATION_MODEL,
        payload=payload,
        scores=tuple(_score(payload, judged)),
        score_payload=lambda other: _recall_of(other, judged),
        duel_split="last_28_days",
    )


def load_split(orders: ibis.Table, split: date) -> Split:
    """The split of all customers who were active at the date and bought something in the 28 days from it."""
    until = split + timedelta(days=TEST_DAYS)
    after = orders.filter((orders.order_date >= split) & (orders.order_date < until))
    buyers = int(after.customer_id.nunique().to_pyarrow().as_py() or 0)
    after = sample_by_key(after, "customer_id", MAX_JUDGED_CUSTOMERS / max(buyers, 1))
    bought = after.select("customer_id", "product").distinct()
    parts = build_parts(orders, split, customers=bought.select("customer_id").distinct())
    frame, truth = parts.order_by("customer_id", "product").to_pandas(), bought.to_pandas()
    if not frame.customer_id.isin(truth.customer_id).any():
        raise NobodyBoughtError(
            f"no active customer bought anything from {split} to {until}",
            where="analytics.order_data",
            next_step="load orders up to the run's date, or set the run's tag headgate/as_of to a date they reach",
        )
    return make_split(frame, truth)


def make_split(parts: "pd.DataFrame", bought: "pd.DataFrame") -> Split:
    """From candidates (customer_id, product, `PARTS`; sorted) and what was bought (customer_id, product; distinct)."""
    import numpy as np

    marked = parts.merge(bought.assign(is_bought=True), on=["customer_id", "product"], how="left")
    customers, customer = np.unique(marked.customer_id.to_numpy(), return_inverse=True)
    return Split(
        customer=customer,
        parts=marked[list(PARTS)].to_numpy("float64"),
        is_bought=marked.is_bought.notna().to_numpy(),
        bought=bought.groupby("customer_id").size().reindex(customers).to_numpy(),
    )


def tune_weights(splits: list[Split]) -> tuple[float, float, float]:
    """The weights of (repeat, companion, popular = 1) with the best mean recall; of equal ones the smallest win."""
    import numpy as np

    def rank(weights: tuple[float, float, float]) -> tuple[float, float]:
        return float(np.mean([measure_recall(split, weights) for split in splits])), -sum(weights)

    grid = [(repeat, companion, 1.0) for repeat, companion in combinations(_REPEAT_WEIGHTS, _COMPANION_WEIGHTS)]
    return max(grid, key=rank)


def measure_recall(split: Split, weights: tuple[float, ...], k: int = TOP_K) -> float:
    """Recall@k: of the distinct products a customer bought, the share among their k recommendations; the mean."""
    return float((_count_hits(split, weights, k) / split.bought).mean())


def measure_hit_rate(split: Split, weights: tuple[float, ...], k: int = TOP_K) -> float:
    """The share of customers who bought at least one of their k recommendations."""
    return float((_count_hits(split, weights, k) > 0).mean())


def build_recommendations(parts: ibis.Table, payload: Payload, as_of: date) -> ibis.Table:
    """The k best products of every active customer: customer_id, as_of_date, place (1 is best), product, score, and the
    part that weighs most as its reason."""
    repeat, companion, popular = (
        parts[part] * weight for part, weight in zip(payload["parts"], payload["weights"], strict=True)
    )
    scored = parts.select(
        "customer_id",
        "product",
        score=(repeat + companion + popular).round(_SCORE_DECIMALS),
        reason=ibis.cases(
            ((repeat >= companion) & (repeat >= popular), "repeat"),
            (companion >= popular, "companion"),
            else_="popular",
        ),
    )
    order = [ibis.desc(scored.score), scored["product"]]
    ranked = scored.mutate(place=ibis.row_number().over(group_by="customer_id", order_by=order) + 1)
    return ranked.filter(ranked.place <= TOP_K).select(
        "customer_id",
        "product",
        "score",
        "reason",
        as_of_date=ibis.literal(as_of),
        place=ranked.place.cast("int32"),
    )


def _count_hits(split: Split, weights: tuple[float, ...], k: int) -> "np.ndarray":
    """How many of its k best candidates each customer bought; of equal scores the product first by name wins."""
    import numpy as np

    score = np.round(split.parts @ np.asarray(weights), _SCORE_DECIMALS)
    order = np.lexsort((-score, split.customer))  # stable, and rows are sorted by product
    customer = split.customer[order]
    starts = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]])
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    hits = split.is_bought[order] & (place < k)
    return np.bincount(customer, weights=hits, minlength=len(split.bought))


def _score(payload: Payload, split: Split) -> list[Score]:
    rules = {"recent_popular": (0.0, 0.0, 1.0), "own_repeats_then_popular": (1000.0, 0.0, 1.0)}
    return [
        Score(
            split="last_28_days",
            metric=metric,
            value=measure(split, tuple(payload["weights"])),
            row_count=len(split.bought),
            baselines={name: measure(split, weights) for name, weights in rules.items()},
            is_deciding=metric == "recall_at_5",
            informative=frozenset({"own_repeats_then_popular"}),
        )
        for metric, measure in (("recall_at_5", measure_recall), ("hit_rate_at_5", measure_hit_rate))
    ]


def _recall_of(payload: Payload, split: Split) -> float | None:
    if payload.get("parts") != list(PARTS):
        return None
    return measure_recall(split, tuple(payload["weights"]))
