"""Clusters of penguins: k-means and a Gaussian mixture on four scaled measures, and how many clusters there are.

What belongs here: the computation, on plain frames. What does not: assets (`penguins`), drawing (`penguin_page`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_helpers import standardise
from headgate import HeadgateError
from ml.threads import limit_threads

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MEASURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
CLUSTER_COUNTS = range(2, 7)
K_MEANS, K_MEANS_UNSCALED, MIXTURE = "k_means", "k_means_unscaled", "gaussian_mixture"

_SEED = 20_260_101
_K_MEANS_STARTS, _MIXTURE_STARTS = 20, 5
"""Each keeps the best of its starts. More of the mixture change nothing at k = 2 to 5, and take 0.1 s each."""


class ClusterError(HeadgateError):
    """The birds cannot be clustered."""


@dataclass(frozen=True)
class Clustering:
    """One method at one k.

    Args:
        labels: 1 to k for each bird, ordered by the mean of the birds' first measure, so that a number keeps its meaning.
        probabilities: how sure the mixture is of each bird's label; 1 for k-means.
        bic: Bayesian information criterion, less is better; comparable within one scaling.
    """

    labels: "np.ndarray"
    probabilities: "np.ndarray"
    bic: float


def measured(birds: "pd.DataFrame") -> "pd.DataFrame":
    """The birds that have all four measures, by `penguin_id`.

    Raises:
        ClusterError: too few to be clustered.
    """
    found = birds.dropna(subset=list(MEASURES)).sort_values("penguin_id", ignore_index=True)
    if len(found) <= 2 * max(CLUSTER_COUNTS):
        raise ClusterError(
            f"{len(found)} of {len(birds)} birds are measured, which is too few for {max(CLUSTER_COUNTS)} clusters",
            where="analytics.penguins",
            next_step="look at what analytics published last, in its _publications",
        )
    return found


def scale(birds: "pd.DataFrame") -> "np.ndarray":
    """The measures with mean 0 and variance 1: unscaled, grams outweigh millimetres and body mass decides alone."""
    return standardise(birds[list(MEASURES)])


def cluster(method: str, values: "np.ndarray", k: int) -> Clustering:
    """Cluster the rows of `values`; the same values give the same labels."""
    with limit_threads():
        return _cluster_mixture(values, k) if method == MIXTURE else _cluster_k_means(values, k)


def compare(birds: "pd.DataFrame") -> "pd.DataFrame":
    """Every method at every k, in the columns of the contract `penguin_cluster_selection`.

    The number of clusters is the one of the mixture's least BIC. The species decide nothing; the adjusted Rand index says
    afterwards how well each agrees with them.
    """
    import pandas as pd
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    scaled = scale(birds)
    spaces = {K_MEANS: scaled, K_MEANS_UNSCALED: birds[list(MEASURES)].to_numpy(dtype=float), MIXTURE: scaled}
    rows: list[dict[str, Any]] = []
    for method, values in spaces.items():
        for k in CLUSTER_COUNTS:
            found = cluster(method, values, k)
            rows.append(
                {
                    "method": method,
                    "k": k,
                    "silhouette": float(silhouette_score(values, found.labels)),
                    "bic": found.bic,
                    "adjusted_rand_index": float(adjusted_rand_score(birds.species, found.labels)),
                }
            )
    table = pd.DataFrame(rows)
    mixtures = table[table.method == MIXTURE]
    return table.assign(is_chosen=table.k == int(mixtures.loc[mixtures.bic.idxmin(), "k"]))


def chosen_k(selection: "pd.DataFrame") -> int:
    """The number of clusters that `compare` chose."""
    (k,) = selection[selection.is_chosen].k.unique()
    return int(k)


def assign(birds: "pd.DataFrame", k: int) -> "pd.DataFrame":
    """The clusters of measured birds, in the columns of the contract `penguin_cluster`."""
    scaled = scale(birds)
    by_k_means, by_mixture = cluster(K_MEANS, scaled, k), cluster(MIXTURE, scaled, k)
    return birds[["penguin_id", "species"]].assign(
        cluster=by_k_means.labels, mixture_cluster=by_mixture.labels, mixture_probability=by_mixture.probabilities
    )


def k_means_bic(inertia: float, sizes: "np.ndarray", dimensions: int) -> float:
    """k-means read as a mixture of equal round clouds: the BIC of Pelleg and Moore, X-means (2000).

    Args:
        inertia: sum of squared distances of the points to their centres.
        sizes: number of points in each cluster.
        dimensions: of a point.
    """
    import numpy as np

    n, k = int(sizes.sum()), len(sizes)
    variance = inertia / (dimensions * (n - k))
    log_likelihood = float(
        (sizes * np.log(sizes / n)).sum() - n * dimensions / 2 * np.log(2 * np.pi * variance) - dimensions * (n - k) / 2
    )
    parameters = k * dimensions + (k - 1) + 1
    return -2 * log_likelihood + parameters * float(np.log(n))


def _cluster_k_means(values: "np.ndarray", k: int) -> Clustering:
    import numpy as np
    from sklearn.cluster import KMeans

    model = KMeans(k, n_init=_K_MEANS_STARTS, random_state=_SEED).fit(values)
    bic = k_means_bic(float(model.inertia_), np.bincount(model.labels_), values.shape[1])
    return Clustering(_ordered(model.labels_, values), np.ones(len(values)), bic)


def _cluster_mixture(values: "np.ndarray", k: int) -> Clustering:
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(k, covariance_type="full", n_init=_MIXTURE_STARTS, random_state=_SEED).fit(values)
    return Clustering(
        _ordered(model.predict(values), values), model.predict_proba(values).max(axis=1), float(model.bic(values))
    )


def _ordered(labels: "np.ndarray", values: "np.ndarray") -> "np.ndarray":
    """Labels from 1, in the order of the clusters' means of the first measure."""
    import numpy as np

    found = np.unique(labels)
    means = [values[labels == label, 0].mean() for label in found]
    rank = {label: place + 1 for place, label in enumerate(found[np.argsort(means)])}
    return np.array([rank[label] for label in labels], dtype=np.int64)
