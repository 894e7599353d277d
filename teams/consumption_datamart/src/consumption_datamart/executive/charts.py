"""The figures of the page, in one manner: quiet axes, few colours, no words that the page says already."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from consumption_datamart.executive.figures import Position, Renewal, Summary
from consumption_datamart.executive.series import ratio
from consumption_datamart.executive.words import (
    CATEGORIES,
    ON,
    OVER,
    TIERS,
    UNDER,
    UNENTITLED,
    UNUSED,
    name_code,
    name_data,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, ORANGE, GREEN, GREY, PURPLE, RED = "#0b6fa4", "#c25700", "#17795c", "#8593a1", "#7b4f9d", "#b3362b"
"""Told apart with any colour vision, and 4.5:1 on white but for grey; after Okabe and Ito."""
CATEGORY_COLOURS = {OVER: ORANGE, UNDER: BLUE, UNUSED: GREY, UNENTITLED: PURPLE}
TIER_COLOURS = dict(zip(TIERS, (RED, "#d99000", GREEN), strict=True))
_CODE_COLOURS = (ORANGE, BLUE, PURPLE, "#c7a21c", GREEN, "#56a9d6", "#7a5c43", "#d06c9b", GREY, "#4c5a68")
_LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
_INK, _QUIET, _GRID, _GAP = "#33414f", "#5b6876", "#e6eaee", "#dfe4e9"
BAND = {
    "type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "fillcolor": _GAP, "line": {"width": 0},
}  # fmt: skip
"""Behind a day whose use is not known; x0 and x1 are `band_edges`."""


def draw_trend(days: Sequence[date], summary: Summary) -> "go.Figure":
    """Used and entitled, consumption, doubtful measurements, one above the other by day; the page's script replaces all."""
    import plotly.graph_objects as go

    line = {"mode": "lines", "connectgaps": False}
    shares = [
        None if (share := ratio(used, entitled)) is None else share * 100
        for used, entitled in zip(summary.used_by_day, summary.entitled_by_day, strict=True)
    ]
    figure = go.Figure(
        [
            go.Scatter(
                x=list(days),
                y=list(summary.entitled_by_day),
                name="entitled",
                line={"color": GREY, "width": 2, "shape": "hv"},
                fill="tozeroy",
                fillcolor="rgba(133,147,161,0.14)",
                hovertemplate="entitled <b>%{y:,.0f} vCPU</b><extra></extra>",
                **line,
            ),
            go.Scatter(
                x=list(days),
                y=list(summary.used_by_day),
                name="used",
                line={"color": BLUE, "width": 2.5},
                hovertemplate="used <b>%{y:,.1f} vCPU</b><extra></extra>",
                **line,
            ),
            go.Scatter(
                x=list(days),
                y=shares,
                name="consumption",
                yaxis="y2",
                showlegend=False,
                line={"color": BLUE, "width": 2.5},
                hovertemplate="consumption <b>%{y:,.1f} %</b><extra></extra>",
                **line,
            ),
            go.Bar(
                x=list(days),
                y=list(summary.doubtful_by_day),
                name="doubtful",
                yaxis="y3",
                showlegend=False,
                marker={"color": ORANGE},
                hovertemplate="<b>%{y:,}</b> doubtful measurements left out<extra></extra>",
            ),
        ]
    )
    figure.update_layout(
        hovermode="x unified",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        xaxis={"type": "date", "showgrid": False, "anchor": "y3", "hoverformat": "%A, %-d %B %Y"},
        yaxis={"domain": [0.56, 0.97], "rangemode": "tozero", "tickformat": ",", "nticks": 6, "ticksuffix": " vCPU"},
        yaxis2={"domain": [0.21, 0.47], "ticksuffix": " %", "rangemode": "tozero", "nticks": 5},
        yaxis3={"domain": [0, 0.12], "rangemode": "tozero", "nticks": 3, "tickformat": ",d", **_whole(2)},
        annotations=[_heading("Consumption: used ÷ entitled", 0.48), _heading("Doubtful measurements left out", 0.13)],
    )
    full = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "y0": 100, "y1": 100}
    bands = [dict(BAND, x0=x0, x1=x1) for x0, x1 in map(band_edges, summary.gaps)]
    figure.update_layout(shapes=[full | {"line": {"color": _INK, "dash": "dot", "width": 1}}, *bands])
    return _finish(figure, 560)


def band_edges(day: date) -> tuple[str, str]:
    """Half a day on either side of a day's point."""
    return f"{day - timedelta(days=1)}T12:00", f"{day}T12:00"


def draw_portfolio(positions: Sequence[Position]) -> "go.Figure":
    """A dot a customer and product: how much it is entitled to, and how much of that it uses."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for category, colour in {**CATEGORY_COLOURS, ON: GREEN}.items():
        some = [one for one in positions if one.category == category and one.consumption is not None]
        figure.add_scatter(
            x=[one.entitled_vcpu for one in some],
            y=[round((one.consumption or 0) * 100, 1) for one in some],
            mode="markers",
            name=CATEGORIES[category],
            marker={"color": colour, "size": 9, "opacity": 0.75, "line": {"color": "white", "width": 1}},
            customdata=[[one.customer, one.product, one.customer_id] for one in some],
            hovertemplate="<b>%{customdata[0]}</b>, Product %{customdata[1]}<br>%{y:,.0f} % of %{x:,.0f} vCPU<extra></extra>",
            cliponaxis=False,
        )
    figure.add_hline(100, line={"color": _INK, "dash": "dot", "width": 1})
    ticks = [first * 10**power for power in range(5) for first in (1, 2, 5)]
    figure.update_xaxes(
        type="log", title_text="entitled (vCPU)", tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks]
    )
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero", title_text="used of what is entitled")
    figure.update_layout(showlegend=True, legend=_LEGEND)
    return _finish(figure, 420)


def draw_active(days: Sequence[date], active: Mapping[str, Sequence[int | None]]) -> "go.Figure":
    """Active customers by product and day."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for (product, counts), colour in zip(active.items(), (BLUE, ORANGE, GREEN, PURPLE, GREY), strict=False):
        figure.add_scatter(
            x=list(days),
            y=list(counts),
            mode="lines",
            name=f"Product {product}",
            meta=product,
            line={"color": colour, "width": 2.5, "shape": "hv"},
            hovertemplate="<b>%{y:,}</b> customers<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(showgrid=False, hoverformat="%-d %B %Y")
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=6, **_whole(5))
    figure.update_layout(showlegend=True, hovermode="x unified", legend=_LEGEND)
    return _finish(figure, 300)


def code_colour(number: int) -> str:
    """Of the so manieth code, from 0."""
    return _CODE_COLOURS[number % len(_CODE_COLOURS)]


def draw_codes(days: Sequence[date], counts: Mapping[tuple[str, str], Sequence[int]]) -> "go.Figure":
    """Doubtful rows by table and code, and day; the table below the chart is its key."""
    import plotly.graph_objects as go

    figure = go.Figure(
        [
            go.Bar(
                x=list(days),
                y=list(values),
                name=f"{name_data(table)}: {name_code(code)}",
                meta=f"{table}.{code}",
                marker={"color": code_colour(number)},
                hovertemplate="<b>%{y:,}</b> rows<extra>%{fullData.name}</extra>",
            )
            for number, ((table, code), values) in enumerate(counts.items())
        ]
    )
    figure.update_xaxes(showgrid=False, type="date")
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=5, **_whole(4))
    figure.update_layout(barmode="stack", bargap=0.25, showlegend=False)
    return _finish(figure, 260)


def draw_renewals(renewals: Sequence[Renewal]) -> "go.Figure":
    """A bubble a subscription: when it ends, and how much of it is expected to be used then."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for tier, colour in TIER_COLOURS.items():
        some = [one for one in renewals if one.tier == tier and one.ends_on and one.forecast is not None]
        figure.add_scatter(
            x=[one.ends_on for one in some],
            y=[round((one.forecast or 0) * 100, 1) for one in some],
            mode="markers",
            name=f"{TIERS[tier]} risk",
            marker={
                "color": colour,
                "opacity": 0.7,
                "size": [one.entitled_vcpu for one in some],
                "sizemode": "area",
                "sizeref": 2 * max((one.entitled_vcpu for one in renewals), default=1.0) / 34**2,
                "sizemin": 4,
                "line": {"color": "white", "width": 1},
            },
            cliponaxis=False,
            customdata=[[one.customer, one.product, one.customer_id, one.entitled_vcpu] for one in some],
            hovertemplate="<b>%{customdata[0]}</b>, Product %{customdata[1]}<br>%{customdata[3]:,.0f} vCPU end on "
            "%{x|%-d %B %Y}<br>%{y:,.0f} % expected to be in use<extra></extra>",
        )
    figure.add_hline(100, line={"color": _INK, "dash": "dot", "width": 1})
    figure.update_xaxes(showgrid=False, type="date")
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero", title_text="use expected at renewal")
    figure.update_layout(showlegend=True, legend=_LEGEND | {"itemsizing": "constant"})
    return _finish(figure, 400)


def draw_risk(days: Sequence[date], vcpu: Mapping[str, Sequence[float]]) -> "go.Figure":
    """Entitled vCPU at risk by tier and day, the low tier left out."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for tier in list(TIERS)[:-1]:
        figure.add_scatter(
            x=list(days),
            y=list(vcpu.get(tier) or (0.0,) * len(days)),
            mode="lines",
            name=f"{TIERS[tier]} risk",
            meta=tier,
            stackgroup="risk",
            line={"color": TIER_COLOURS[tier], "width": 1.5},
            hovertemplate="<b>%{y:,.0f} vCPU</b><extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(showgrid=False, hoverformat="%-d %B %Y", type="date")
    figure.update_yaxes(rangemode="tozero", tickformat=",", ticksuffix=" vCPU", nticks=6)
    figure.update_layout(showlegend=True, hovermode="x unified", legend=_LEGEND)
    return _finish(figure, 400)


def _heading(text: str, y: float) -> dict[str, Any]:
    return {
        "text": text, "xref": "paper", "yref": "paper", "x": 0, "y": y, "xanchor": "left", "yanchor": "bottom",
        "showarrow": False, "font": {"size": 13, "color": _QUIET},
    }  # fmt: skip


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
    quiet = {"size": 12, "color": _QUIET}
    figure.update_xaxes(gridcolor=_GRID, automargin=True, fixedrange=True, title_font=quiet)
    figure.update_yaxes(gridcolor=_GRID, automargin=True, fixedrange=True, title_font=quiet)
    return figure


def _whole(least: int) -> dict[str, Any]:
    """An axis of counts that reaches so far at least. On a shorter one ticks are parts of one, rounded to the same number."""
    return {"autorangeoptions": {"include": least}}
