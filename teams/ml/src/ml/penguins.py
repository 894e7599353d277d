"""Group `ml`: the penguins of analytics in clusters, once for each of its updates (sensor `follow_penguins`)."""

from typing import Any

import dagster as dg
import ibis

from headgate import asset
from headgate.orchestration.sensors import update_sensor
from headgate.pages import write_page
from ml.penguin_clusters import K_MEANS, MIXTURE, assign, chosen_k, compare, measured
from ml.penguin_page import draw

MIN_K_MEANS_AGREEMENT = 0.79
MIN_MIXTURE_AGREEMENT = 0.95
"""Adjusted Rand indices against species; reached are 0.793 and 0.960."""
MIN_BIC_LEAD = 10.0
"""A BIC that is less by this much is very strong evidence (Kass and Raftery, 1995)."""


@asset(group_name="ml", kinds={"scikitlearn", "ducklake"})
def penguin_cluster_selection(penguins: ibis.Table) -> dg.MaterializeResult[Any]:
    """How many clusters are there? Silhouette, BIC and agreement with species of three methods at k = 2 to 6."""
    table = compare(measured(penguins.to_pandas()))
    return dg.MaterializeResult(value=table, metadata={"k": chosen_k(table)})


@asset(group_name="ml", kinds={"scikitlearn", "plotly", "ducklake"})
def penguin_cluster(penguins: ibis.Table, penguin_cluster_selection: ibis.Table) -> dg.MaterializeResult[Any]:
    """The measured birds in clusters, by k-means and by a Gaussian mixture. Species take no part in it."""
    birds, selection = measured(penguins.to_pandas()), penguin_cluster_selection.to_pandas()
    k = chosen_k(selection)
    clusters = assign(birds, k)
    page = write_page("ml", "penguin_cluster", [draw(birds, clusters, selection)], title="Penguins in clusters")
    chosen = selection[selection.is_chosen].set_index("method")
    return dg.MaterializeResult(
        value=clusters,
        metadata={
            "k": k,
            "birds": len(clusters),
            "k_means_adjusted_rand_index": float(chosen.adjusted_rand_index[K_MEANS]),
            "mixture_adjusted_rand_index": float(chosen.adjusted_rand_index[MIXTURE]),
            **page.metadata(),
        },
    )


@dg.asset_check(
    asset=dg.AssetKey(["ml", "penguin_cluster"]),
    description=f"Adjusted Rand index against species: k-means at least {MIN_K_MEANS_AGREEMENT}, "
    f"mixture at least {MIN_MIXTURE_AGREEMENT}.",
)
def agrees_with_species(clusters: ibis.Table) -> dg.AssetCheckResult:
    """The species are known here, so clusters that are nothing like them come from a fault."""
    return judge_agreement(clusters)


def judge_agreement(clusters: ibis.Table) -> dg.AssetCheckResult:
    from sklearn.metrics import adjusted_rand_score

    frame = clusters.to_pandas()
    by_k_means = float(adjusted_rand_score(frame.species, frame.cluster))
    by_mixture = float(adjusted_rand_score(frame.species, frame.mixture_cluster))
    return dg.AssetCheckResult(
        passed=len(frame) > 0 and by_k_means >= MIN_K_MEANS_AGREEMENT and by_mixture >= MIN_MIXTURE_AGREEMENT,
        metadata={"k_means": by_k_means, "mixture": by_mixture, "birds": len(frame)},
    )


@dg.asset_check(
    asset=dg.AssetKey(["ml", "penguin_cluster_selection"]),
    description=f"The mixture's BIC is less at the chosen k than at any other, by {MIN_BIC_LEAD:.0f} or more.",
)
def k_is_justified(selection: ibis.Table) -> dg.AssetCheckResult:
    """Numbers of clusters that are about as good as each other would make the choice a matter of chance."""
    return judge_choice(selection)


def judge_choice(selection: ibis.Table) -> dg.AssetCheckResult:
    mixture = selection.filter(selection.method == MIXTURE).to_pandas()
    chosen, others = mixture[mixture.is_chosen].bic, mixture[~mixture.is_chosen].bic
    lead = float(others.min() - chosen.iloc[0]) if len(chosen) == 1 and len(others) else float("-inf")
    return dg.AssetCheckResult(
        passed=lead >= MIN_BIC_LEAD,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"bic_lead": lead} if others.size and chosen.size else {},
    )


follow_penguins = update_sensor(
    "analytics.penguins", target=[penguin_cluster_selection, penguin_cluster], name="follow_penguins"
)
