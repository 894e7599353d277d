"""The figures of both pages, in one manner: quiet axes, few colours, no words that the page says already."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

BLUE, ORANGE, GREEN, GREY, RED = "#0b6fa4", "#d9730d", "#1b8a6b", "#9aa7b4", "#b3362b"
"""Told apart with any colour vision, also in print; after Okabe and Ito."""
SHARE_COLOURS = (BLUE, ORANGE, GREEN, "#8b5fa8", "#56a9d6", "#c7a21c", "#7a5c43", "#d06c9b", GREY, "#4c5a68")
_INK, _GRID = "#33414f", "#e6eaee"


def draw_weeks(weeks: Sequence[date], values: Sequence[float], average: float, unit: str, colour: str) -> "go.Figure":
    """Bars of the eight weeks and the line of their average. The page's script replaces both on another selection."""
    import plotly.graph_objects as go

    days = [week.isoformat() for week in weeks]
    labels = [f"{week:%-d}<br>{week:%b}" for week in weeks]
    spans = [f"{week:%-d %b} – {week + timedelta(days=6):%-d %b %Y}" for week in weeks]
    figure = go.Figure(
        [
            go.Bar(
                x=labels,
                y=list(values),
                marker={"color": colour, "cornerradius": 3},
                customdata=spans,
                meta=days,
                name="week",
                hovertemplate="%{customdata}<br><b>%{y:,.1f} " + unit + "</b><extra></extra>",
            ),
            go.Scatter(
                x=labels,
                y=[average] * len(weeks),
                mode="lines",
                line={"color": _INK, "dash": "dash", "width": 1.5},
                name="average",
                hovertemplate="average of eight weeks<br><b>%{y:,.1f} " + unit + "</b><extra></extra>",
            ),
        ]
    )
    figure.update_layout(bargap=0.25, yaxis={"rangemode": "tozero", "tickformat": ",", "nticks": 6})
    figure.update_xaxes(type="category", showgrid=False, tickangle=0)
    return _finish(figure, 250)


def draw_shares(hours: Mapping[str, float]) -> "go.Figure":
    """Shares of the moving time by sport."""
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Pie(
            labels=list(hours),
            values=list(hours.values()),
            hole=0.58,
            sort=False,
            direction="clockwise",
            marker={"colors": list(SHARE_COLOURS), "line": {"color": "white", "width": 2}},
            texttemplate="%{percent:.0%}",
            textposition="inside",
            textfont={"color": "white"},
            insidetextorientation="horizontal",
            hovertemplate="%{label}<br><b>%{value:,.1f} h</b>, %{percent}<extra></extra>",
        )
    )
    # Two columns at any width: of one, a phone's would be too long to be shown whole.
    legend = {"orientation": "h", "y": -0.05, "entrywidth": 0.5, "entrywidthmode": "fraction", "font": {"size": 12}}
    figure.update_layout(showlegend=True, legend=legend, uniformtext={"minsize": 11, "mode": "hide"})
    return _finish(figure, 380)


def draw_predictions(rows: "pd.DataFrame") -> "go.Figure":
    """Predicted against recorded energy, a dot a ride of the hold-out; on the line the model is right."""
    import plotly.graph_objects as go

    top = float(max(rows.actual_kj.max(), rows.predicted_kj.max())) * 1.04
    line = go.Scatter(
        x=[0, top], y=[0, top], mode="lines", line={"color": GREY, "dash": "dash"}, hoverinfo="skip", name="right"
    )
    figure = go.Figure([line, _dots(rows, rows.predicted_kj, BLUE)])
    figure.update_xaxes(title_text="recorded (kJ)", range=[0, top])
    figure.update_yaxes(title_text="predicted (kJ)", range=[0, top])
    return _finish(figure, 400)


def draw_residuals(rows: "pd.DataFrame") -> "go.Figure":
    """Predicted less recorded energy over the recorded; below zero the model says too little."""
    import plotly.graph_objects as go

    top = float(rows.actual_kj.max()) * 1.04
    line = go.Scatter(
        x=[0, top], y=[0, 0], mode="lines", line={"color": GREY, "dash": "dash"}, hoverinfo="skip", name="right"
    )
    figure = go.Figure([line, _dots(rows, rows.predicted_kj - rows.actual_kj, ORANGE)])
    figure.update_xaxes(title_text="recorded (kJ)", range=[0, top])
    figure.update_yaxes(title_text="predicted − recorded (kJ)", zeroline=False)
    return _finish(figure, 400)


def draw_athletes(errors: "pd.DataFrame", baseline: str) -> "go.Figure":
    """Mean absolute error by athlete, beside the best baseline's.

    Args:
        errors: athlete_id, model_kj, baseline_kj, ride_count; in the order they are drawn, from the top.
    """
    import plotly.graph_objects as go

    names = [f"Athlete {athlete}" for athlete in errors.athlete_id]
    bars: list[tuple[str, Any, str]] = [(baseline, errors.baseline_kj, GREY), ("model", errors.model_kj, BLUE)]
    figure = go.Figure(
        [
            go.Bar(
                y=names,
                x=values,
                orientation="h",
                name=name,
                marker={"color": colour, "cornerradius": 3},
                customdata=errors.ride_count,
                hovertemplate="%{y}: <b>%{x:,.0f} kJ</b> over %{customdata} rides<extra>%{fullData.name}</extra>",
            )
            for name, values, colour in bars
        ]
    )
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"}
    figure.update_layout(barmode="group", bargap=0.3, showlegend=True, legend=legend)
    figure.update_xaxes(title_text="mean absolute error (kJ)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return _finish(figure, max(300, 90 + 34 * len(errors)))


def draw_calibration(bands: "pd.DataFrame") -> "go.Figure":
    """Predicted over recorded energy by distance band, in percent of what is right.

    Args:
        bands: distance_band, calibration, ride_count.
    """
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Bar(
            x=bands.distance_band,
            y=(bands.calibration - 1) * 100,
            marker={"color": GREEN, "cornerradius": 3},
            text=[f"{count:,}<br>ride{'s' * (count != 1)}" for count in bands.ride_count],
            textposition="outside",
            textfont={"size": 11},
            constraintext="none",
            cliponaxis=False,
            hovertemplate="%{x}: <b>%{y:+.1f} %</b><extra></extra>",
        )
    )
    reach = max(10.0, float(abs((bands.calibration - 1) * 100).max()) * 1.3) if len(bands) else 10.0
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(title_text="predicted over recorded", ticksuffix=" %", range=[-reach, reach], zeroline=True)
    return _finish(figure, 330)


def draw_drift(drift: "pd.DataFrame", noticeable: float, drifted: float) -> "go.Figure":
    """The stability index of each input, with both thresholds."""
    import plotly.graph_objects as go

    rows = drift.dropna(subset=["psi"]).sort_values("psi")
    colours = [RED if psi > drifted else ORANGE if psi > noticeable else BLUE for psi in rows.psi]
    figure = go.Figure(
        go.Bar(
            y=rows.feature.str.replace("_", " "),
            x=rows.psi,
            orientation="h",
            marker={"color": colours},
            hovertemplate="%{y}: <b>%{x:.3f}</b><extra></extra>",
        )
    )
    for threshold, word in ((noticeable, "noticeable"), (drifted, "drifted")):
        figure.add_vline(
            threshold,
            line={"color": GREY, "dash": "dot"},
            annotation={"text": word, "font": {"size": 11}},
            annotation_position="top",
        )
    figure.update_xaxes(
        rangemode="tozero", range=[0, max(drifted * 1.2, float(rows.psi.max()) * 1.1 if len(rows) else 0)]
    )
    figure.update_yaxes(showgrid=False)
    return _finish(figure, 420).update_layout(margin={"t": 24})


def _dots(rows: "pd.DataFrame", values: "pd.Series", colour: str) -> "go.Scatter":
    import plotly.graph_objects as go

    return go.Scatter(
        x=rows.actual_kj.round(1),
        y=values.round(1),
        mode="markers",
        marker={"color": colour, "size": 6, "opacity": 0.45},
        customdata=list(zip(rows.athlete_id, (rows.distance_m / 1000).round(1), strict=True)),
        hovertemplate="Athlete %{customdata[0]}, %{customdata[1]} km<br>%{x:,.0f} kJ: <b>%{y:,.0f} kJ</b><extra></extra>",
        name="rides",
    )


def _finish(figure: "go.Figure", height: int) -> "go.Figure":
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
    )
    if figure.layout.showlegend is None:
        figure.update_layout(showlegend=False)
    figure.update_xaxes(gridcolor=_GRID, automargin=True, fixedrange=True)
    figure.update_yaxes(gridcolor=_GRID, automargin=True, fixedrange=True)
    return figure
