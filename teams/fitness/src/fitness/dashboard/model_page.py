"""The page of the energy model: what it says of the hold-out beside what was recorded, and where it is off."""

import html
from datetime import date
from typing import TYPE_CHECKING

from fitness.dashboard.activity_page import MODEL_PAGE, STYLE, render_navigation, render_tile
from fitness.dashboard.charts import draw_athletes, draw_calibration, draw_drift, draw_predictions, draw_residuals
from fitness.energy.backtest import (
    BAND_NAMES,
    CROSS_VALIDATION,
    HOLDOUT,
    distance_band,
    measure_mae_kj,
    measure_mae_pct,
)
from fitness.energy.drift import DRIFTED_PSI, NOTICEABLE_PSI
from fitness.energy.rivals import RIVALS
from headgate.pages import Chart, Page, write_page

if TYPE_CHECKING:
    import pandas as pd

_WORDS = {
    "physics_regression": "Physics regression",
    "boosted_trees": "Boosted trees",
    "median_rate": "Median rate × time",
    "athlete_median_rate": "Athlete's own median rate × time",
    "linear_time_climb": "Linear in time and climb",
}


def write_model_page(
    rows: "pd.DataFrame", drift: "pd.DataFrame", as_of: date, *, family: str, version: int, decision: str
) -> Page:
    """Writes the page.

    Args:
        rows: the back-test, `run_backtest`.
        drift: `measure_drift`.
        family: the one that was the candidate, with its version in the registry and what became of it.
    """
    errors = tabulate_errors(rows)
    holdout = rows[rows.split == HOLDOUT]
    chosen = holdout[holdout.model == family]
    rival = errors.loc[list(RIVALS), (HOLDOUT, "mae_kj")].idxmin()
    mae_kj, rival_kj = (float(errors.loc[name, (HOLDOUT, "mae_kj")]) for name in (family, rival))
    tiles = [
        (
            "Mean absolute error",
            f"{mae_kj:,.0f} kJ",
            f"{errors.loc[family, (HOLDOUT, 'mae_pct')]:.1f} % of the energy",
            "mae-kj",
        ),
        ("Best baseline", f"{rival_kj:,.0f} kJ", _WORDS[rival], "rival-kj"),
        ("Error saved", f"{(1 - mae_kj / rival_kj) * 100:,.0f} %", "against the best baseline", "saved"),
        ("Rides judged", f"{len(chosen):,}", f"of the 90 days before {as_of}", "rides"),
        ("Version", f"{version} · {decision}", _WORDS[family], "version"),
    ]
    content = [
        render_navigation(MODEL_PAGE),
        "<p>How much work a ride is, in kilojoules, from its distance, time, climb, speed, heart rate and temperature, without "
        "anything that a power meter says. Judged on rides that came after all it learnt from.</p>",
        f'<div class="tiles">{"".join(render_tile(label, value, note, key=key) for label, value, note, key in tiles)}</div>',
        '<h2 class="part">The newest 90 days</h2><div class="cards two"><div class="card" data-chart="predictions">',
        Chart(draw_predictions(chosen), title="Predicted against recorded", text="On the line the model is right."),
        '</div><div class="card" data-chart="residuals">',
        Chart(draw_residuals(chosen), title="Residuals", text="Above the line it said too much, below too little."),
        '</div><div class="card" data-chart="athletes">',
        Chart(
            draw_athletes(_by_athlete(holdout, family, rival), _WORDS[rival]),
            title="Error by athlete",
            text="Beside the best baseline; most wrong first.",
        ),
        '</div><div class="card" data-chart="calibration">',
        Chart(draw_calibration(_by_band(chosen)), title="Calibration by distance", text="0 % is right on average."),
        "</div></div>",
        '<h2 class="part">Models and baselines</h2><div class="card scroll">',
        _render_errors(errors, family),
        "</div>",
        '<h2 class="part">Inputs</h2><div class="card" data-chart="drift">',
        _render_drift(drift),
        "</div>",
    ]
    return write_page("fitness", MODEL_PAGE, content, title="Energy of rides", as_of=as_of, style=STYLE)


def tabulate_errors(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Errors of each model, indexed by its name; columns are (split, mae_kj | mae_pct)."""
    import pandas as pd

    records = {
        (model, split): (measure_mae_kj(part), measure_mae_pct(part))
        for (model, split), part in rows.groupby(["model", "split"])
    }
    table = pd.DataFrame.from_dict(records, orient="index", columns=["mae_kj", "mae_pct"])
    table.index = pd.MultiIndex.from_tuples(table.index)
    return table.unstack().swaplevel(axis=1)  # type: ignore[return-value]


def _by_athlete(holdout: "pd.DataFrame", family: str, rival: str) -> "pd.DataFrame":
    errors = holdout.assign(error_kj=(holdout.predicted_kj - holdout.actual_kj).abs())
    means = errors.groupby(["athlete_id", "model"]).error_kj.mean().unstack()
    counts = errors[errors.model == family].groupby("athlete_id").size()
    table = means[[family, rival]].set_axis(["model_kj", "baseline_kj"], axis=1).assign(ride_count=counts)
    return table.sort_values("model_kj", ascending=False).reset_index()


def _by_band(chosen: "pd.DataFrame") -> "pd.DataFrame":
    bands = chosen.assign(distance_band=distance_band(chosen.distance_m)).groupby("distance_band")
    sums = bands.agg(ride_count=("activity_id", "size"), actual=("actual_kj", "sum"), predicted=("predicted_kj", "sum"))
    sums = sums.reindex([name for name in BAND_NAMES if name in sums.index])
    return sums.assign(calibration=sums.predicted / sums.actual).reset_index()


def _render_errors(errors: "pd.DataFrame", family: str) -> str:
    head = "<tr><th>model</th><th>hold-out, kJ</th><th>%</th><th>other athletes, kJ</th><th>%</th></tr>"
    body = ""
    for model in errors[(HOLDOUT, "mae_kj")].sort_values().index:
        cells = "".join(
            f'<td data-cell="{model} {split} {metric}">{errors.loc[model, (split, metric)]:,.1f}</td>'
            for split in (HOLDOUT, CROSS_VALIDATION)
            for metric in ("mae_kj", "mae_pct")
        )
        row_class = ' class="chosen"' if model == family else ""
        body += f"<tr{row_class}><td>{html.escape(_WORDS[model])}</td>{cells}</tr>"
    return (
        "<section><h2>Mean absolute error of a ride</h2><p>Hold-out: the newest 90 days, for everybody. Other athletes: "
        "periods before it, for athletes that nothing was learnt from. The candidate is in bold.</p>"
        f"<table>{head}{body}</table></section>"
    )


def _render_drift(drift: "pd.DataFrame") -> Chart | str:
    title = "How far inputs have moved"
    if drift.psi.isna().all():
        counts = drift.iloc[0]
        return (
            f"<section><h2>{title}</h2><p>Not measured: {counts.recent_rides:,} rides in the last 90 days and "
            f"{counts.former_rides:,} a year before are too few to compare.</p></section>"
        )
    text = "Population stability index of the last 90 days against the same days a year before."
    return Chart(draw_drift(drift, NOTICEABLE_PSI, DRIFTED_PSI), title=title, text=text)
