"""Percentile ranks, and scores by rank: recency, frequency and monetary value. Ibis expressions, one value a row."""

import ibis


def percentile_rank(value: ibis.Value) -> ibis.Value:
    """The percent rank among the rows that have a value: 0 the lowest, 1 the highest, null where the value is null.

    Equal values have equal ranks. One value alone has rank 0.
    """
    rank = value.percent_rank().over(group_by=value.isnull(), order_by=value)
    return ibis.cases((value.notnull(), rank), else_=ibis.null("float64"))


def score_by_rank(value: ibis.Value, *, among: ibis.Value, scores: int = 3) -> ibis.Value:
    """A whole number from 1 to `scores` by the percent rank of `value`, more being better.

    Percent rank below 1/scores → 1, below 2/scores → 2, and so on. Equal values get equal scores; `ntile` would split
    them by chance.

    Args:
        value: what is ranked.
        among: boolean; the rows that are ranked. The others score 1.
        scores: how many scores there are.
    """
    rank = value.percent_rank().over(group_by=among, order_by=value)
    below = [(rank < place / scores, place) for place in range(1, scores)]
    score = ibis.cases(*below, else_=scores) if below else ibis.literal(1)
    return ibis.cases((among, score), else_=1).cast("int32")


def rfm_scores(
    *, days_since_last: ibis.Value, frequency: ibis.Value, spent: ibis.Value, among: ibis.Value, scores: int = 3
) -> dict[str, ibis.Value]:
    """Recency, frequency and monetary scores, each by `score_by_rank`: columns for `mutate`.

    Args:
        days_since_last: days since the last purchase; fewer is better.
        frequency: purchases in a unit of time.
        spent: money.
        among: boolean; those who ever bought. The others score 1, the lowest, in all three.
        scores: how many scores there are.
    """
    values = {"recency_score": -days_since_last, "frequency_score": frequency, "monetary_score": spent}
    return {name: score_by_rank(value, among=among, scores=scores) for name, value in values.items()}
