"""Clusters of points that can be seen by eye, and the reference figures on the real birds."""

import json
import math
import re
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from headgate.environment import Settings
from headgate.pages import Chart, write_page
from ml import penguin_clusters
from ml.penguin_clusters import (
    K_MEANS,
    K_MEANS_UNSCALED,
    MIXTURE,
    ClusterError,
    assign,
    chosen_k,
    cluster,
    compare,
    k_means_bic,
    measured,
)
from ml.penguin_page import draw
from ml.penguins import judge_agreement, judge_choice


@pytest.fixture(scope="module")
def birds() -> pd.DataFrame:
    """The 344 birds as analytics publishes them; this team does not install the package that they come from."""
    return pd.read_csv(Path(__file__).parent / "penguins.csv")


@pytest.fixture(scope="module")
def selection(birds: pd.DataFrame) -> pd.DataFrame:
    return compare(measured(birds))


@pytest.fixture(scope="module")
def clusters(birds: pd.DataFrame) -> pd.DataFrame:
    return assign(measured(birds), 3)


def figures(selection: pd.DataFrame, method: str, column: str) -> list[float]:
    return [round(float(value), 3) for value in selection[selection.method == method].sort_values("k")[column]]


def test_k_is_where_the_mixture_s_bic_is_least(selection: pd.DataFrame) -> None:
    bics = figures(selection, MIXTURE, "bic")
    assert [round(bic) for bic in bics[:3]] == [2587, 2554, 2601]
    assert min(bics) == bics[1] and sorted(bics)[1] - bics[1] > 30
    assert chosen_k(selection) == 3
    assert len(selection) == 15 and selection.is_chosen.sum() == 3


def test_silhouette_alone_would_take_two(selection: pd.DataFrame) -> None:
    for method in (K_MEANS, K_MEANS_UNSCALED, MIXTURE):
        silhouettes = figures(selection, method, "silhouette")
        assert max(silhouettes) == silhouettes[0]
    assert figures(selection, K_MEANS, "silhouette")[:2] == [0.532, 0.447]


def test_agreement_with_species_at_the_chosen_k(selection: pd.DataFrame) -> None:
    chosen = selection[selection.is_chosen].set_index("method").adjusted_rand_index.round(3).to_dict()
    assert chosen == {K_MEANS: 0.793, K_MEANS_UNSCALED: 0.319, MIXTURE: 0.960}


def test_every_measured_bird_is_in_a_cluster(clusters: pd.DataFrame) -> None:
    assert len(clusters) == 342 and clusters.penguin_id.is_unique
    assert set(clusters.penguin_id) == set(range(1, 345)) - {4, 272}
    by_species = pd.crosstab(clusters.species, clusters.mixture_cluster)
    assert by_species.loc["Adelie"].tolist() == [149, 0, 2]
    assert by_species.loc["Gentoo"].tolist() == [0, 123, 0]
    assert by_species.loc["Chinstrap"].tolist() == [3, 0, 65]
    assert clusters.mixture_probability.between(1 / 3, 1).all()


def test_the_same_birds_give_the_same_clusters_in_any_order(birds: pd.DataFrame, clusters: pd.DataFrame) -> None:
    shuffled = birds.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(assign(measured(shuffled), 3), clusters)


@pytest.mark.parametrize("method", [K_MEANS, MIXTURE])
def test_three_heaps_are_found_and_numbered_from_the_left(method: str) -> None:
    heap = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.4]])
    values = np.vstack([heap + np.array([100, 0]), heap, heap + np.array([50, 80])])
    assert cluster(method, values, 3).labels.tolist() == [3] * 5 + [1] * 5 + [2] * 5


def test_bic_of_two_pairs_by_hand() -> None:
    """Points 0, 2 | 10, 12 on a line: inertia 4, variance 4 / (4 - 2) = 2; 2 means, 1 share and 1 variance are fitted."""
    log_likelihood = 4 * math.log(1 / 2) - 4 / 2 * math.log(2 * math.pi * 2) - (4 - 2) / 2
    expected = -2 * log_likelihood + 4 * math.log(4)
    assert k_means_bic(4.0, np.array([2, 2]), 1) == pytest.approx(expected)
    found = cluster(K_MEANS, np.array([[0.0], [2.0], [10.0], [12.0]]), 2)
    assert found.labels.tolist() == [1, 1, 2, 2]
    assert found.bic == pytest.approx(expected)


def test_scaling_makes_grams_and_millimetres_count_alike(birds: pd.DataFrame) -> None:
    scaled = penguin_clusters.scale(measured(birds))
    assert scaled.mean(axis=0) == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert scaled.std(axis=0) == pytest.approx([1, 1, 1, 1])


def test_too_few_birds_are_said(birds: pd.DataFrame) -> None:
    with pytest.raises(ClusterError, match="12 of 14 birds are measured") as error:
        measured(pd.concat([birds.head(13), birds[birds.penguin_id == 272]]))
    assert len(str(error.value).splitlines()) == 3


def test_the_checks_tell_good_from_bad(clusters: pd.DataFrame, selection: pd.DataFrame) -> None:
    good = judge_agreement(ibis.memtable(clusters))
    assert good.passed and good.metadata["birds"].value == 342
    mixed = clusters.assign(cluster=clusters.penguin_id % 3 + 1)
    assert not judge_agreement(ibis.memtable(mixed)).passed
    assert judge_choice(ibis.memtable(selection)).passed
    other = selection.assign(is_chosen=selection.k == 2)
    assert not judge_choice(ibis.memtable(other)).passed
    close = selection.assign(bic=selection.bic.where(selection.k != 2, selection.bic.min()))
    assert not judge_choice(ibis.memtable(close)).passed


def test_the_page_needs_no_other_host(
    tmp_path: Path, birds: pd.DataFrame, clusters: pd.DataFrame, selection: pd.DataFrame
) -> None:
    figure = draw(measured(birds), clusters, selection)
    for _ in range(2):
        page = write_page("ml", "penguin_cluster", [figure], title="Penguins", settings=Settings(home=tmp_path))
    assert page.path == tmp_path / "pages" / "dev" / "ml" / "penguin_cluster.html"
    text = page.path.read_text(encoding="utf-8")
    scripts = re.findall(r'<script src="([^"/]+)">', text)
    assert [name.split("-")[0] for name in scripts] == ["plotly", "page"]
    assert sorted(file.name for file in page.path.parent.iterdir()) == sorted(["penguin_cluster.html", *scripts])
    assert "http://" not in text and "https://" not in text
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    drawn = json.loads(data)
    assert drawn["layout"]["title"]["text"] == "342 penguins in 3 clusters"
    titles = {title["text"] for title in drawn["layout"]["annotations"]}
    assert {"k-means: agrees with species by 0.79", "Silhouette of the mixture: would take 2"} <= titles
    assert "cluster 1, Adelie" in {trace.get("name") for trace in drawn["data"]}


def test_a_label_from_data_stays_data_on_a_page(tmp_path: Path) -> None:
    figure = go.Figure(go.Bar(x=["</script><script>alert(1)</script>"], y=[1]))
    page = write_page(
        "ml", "labels", [Chart(figure, title="<b>", text="a & b")], title="</title>", settings=Settings(home=tmp_path)
    )
    text = page.path.read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text and text.count("</script>") == 3
    assert "<h2>&lt;b&gt;</h2>" in text and "<p>a &amp; b</p>" in text and "<title>&lt;/title&gt;</title>" in text
