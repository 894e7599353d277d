"""The picture of the penguins' clusters, a page that needs no network."""

from typing import TYPE_CHECKING

from ml.penguin_clusters import K_MEANS, MIXTURE

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito's, which people with any colour vision can tell apart."""
_SYMBOLS = ("circle", "diamond", "square", "cross", "x", "star")


def draw(birds: "pd.DataFrame", clusters: "pd.DataFrame", selection: "pd.DataFrame") -> "go.Figure":
    """Bill length against flipper length for both methods, and the figures that the number of clusters rests on.

    Colour is the cluster, the symbol is the species.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    mixture = selection[selection.method == MIXTURE]
    agreement = selection[selection.is_chosen].set_index("method").adjusted_rand_index
    titles = (
        f"k-means: agrees with species by {agreement[K_MEANS]:.2f}",
        f"Gaussian mixture: by {agreement[MIXTURE]:.2f} (adjusted Rand index)",
        "BIC of the mixture: least is chosen",
        f"Silhouette of the mixture: would take {mixture.k[mixture.silhouette.idxmax()]}",
    )
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles, row_heights=[0.65, 0.35], vertical_spacing=0.14)
    joined = birds.merge(clusters.drop(columns="species"), on="penguin_id")
    symbols = dict(zip(sorted(joined.species.unique()), _SYMBOLS, strict=False))
    for column, labels in enumerate(("cluster", "mixture_cluster"), start=1):
        for (number, species), group in joined.groupby([labels, "species"]):
            figure.add_trace(
                go.Scatter(
                    x=group.bill_length_mm,
                    y=group.flipper_length_mm,
                    mode="markers",
                    marker={"color": _COLOURS[number - 1], "symbol": symbols[species], "size": 7, "opacity": 0.8},
                    name=f"cluster {number}, {species}",
                    customdata=group[["penguin_id"]],
                    hovertemplate="bird %{customdata[0]}: bill %{x} mm, flipper %{y} mm<extra>%{fullData.name}</extra>",
                    showlegend=column == 1,
                ),
                row=1,
                col=column,
            )
    for column, criterion in enumerate(("bic", "silhouette"), start=1):
        colours = [_COLOURS[0] if chosen else "#bbbbbb" for chosen in mixture.is_chosen]
        bars = go.Bar(x=mixture.k, y=mixture[criterion], marker={"color": colours}, showlegend=False)
        figure.add_trace(bars, row=2, col=column)
    figure.update_xaxes(title_text="bill length (mm)", row=1)
    figure.update_yaxes(title_text="flipper length (mm)", row=1)
    figure.update_xaxes(title_text="number of clusters", row=2)
    bics = mixture.bic
    figure.update_yaxes(range=[bics.min() - 50, bics.max() + 20], row=2, col=1)  # differences count, not the height
    figure.update_layout(
        title=f"{len(joined)} penguins in {joined.cluster.nunique()} clusters", template="plotly_white", height=850
    )
    return figure
