"""The page of activities: words and layout around the summaries, and what its script needs for every selection."""

import html
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitness.dashboard.charts import BLUE, GREEN, ORANGE, draw_shares, draw_weeks
from fitness.dashboard.summaries import (
    ALL_SPORTS,
    EVERYBODY,
    MIN_SPEED_DISTANCE_KM,
    Summary,
    list_selections,
    list_sports,
    summarize,
)
from fitness.dashboard.weeks import WEEKS, last_weeks
from headgate.pages import Chart, Page, write_page

if TYPE_CHECKING:
    import pandas as pd

PAGE, MODEL_PAGE = "dashboard", "ride_energy"
TITLE = "Cycling club"
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
SCRIPT = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")

_TOTALS = {
    "activities": ("Activities", "{:,.0f}"),
    "distance_km": ("Distance", "{:,.0f} km"),
    "hours": ("Moving time", "{:,.0f} h"),
    "climb_m": ("Climbed", "{:,.0f} m"),
    "energy_kj": ("Energy of rides", "{:,.0f} kJ"),
}
_RECORDS = {
    "distance_km": ("Longest distance", "{:,.1f} km"),
    "hours": ("Longest time", "{:,.1f} h"),
    "climb_m": ("Most climbed", "{:,.0f} m"),
    "speed_km_h": (f"Fastest over {MIN_SPEED_DISTANCE_KM} km", "{:,.1f} km/h"),
    "energy_kj": ("Most energy", "{:,.0f} kJ"),
}
_WEEKLY = {
    "distance_km": ("Distance", "{:,.1f} km", "{:,.1f} km", "km", BLUE),
    "hours": ("Moving time", "{:,.1f} h", "{:,.1f} h", "h", ORANGE),
    "activities": ("Activities", "{:,.1f}", "{:,.0f}", "", GREEN),
}
"""Title, forms of an average and of a sum, unit, colour."""
_NONE = "–"


def write_activity_page(frame: "pd.DataFrame", as_of: date, *, doubtful: int) -> Page:
    """Writes the page.

    Args:
        frame: `load_activities`.
        doubtful: how many activities were left out as doubtful.
    """
    chosen = {(athlete, sport): summarize(rows, as_of) for athlete, sport, rows in list_selections(frame)}
    everything = chosen[EVERYBODY, ALL_SPORTS]
    data = {
        "summaries": {"|".join(key): _for_script(summary, as_of) for key, summary in chosen.items()},
        "nothing": _for_script(summarize(frame.iloc[:0], as_of), as_of),
    }
    content = [
        render_navigation(PAGE),
        _render_choice(frame),
        _render_totals(describe(everything, as_of)),
        *_render_weeks(everything, as_of),
        *_render_records_and_shares(everything, as_of),
        f"<footer>{doubtful:,} doubtful activities are left out. Weeks and years are those of local dates. What an athlete "
        "keeps private adds to the totals, but holds no record here.</footer>",
        # In JSON `<` may be written by its number: nothing in the data ends the element.
        f'<script type="application/json" id="summaries">{json.dumps(data).replace("<", chr(92) + "u003c")}</script>',
    ]
    return write_page("fitness", PAGE, content, title=TITLE, as_of=as_of, style=STYLE, script=SCRIPT)


def describe(summary: Summary, as_of: date) -> dict[str, str]:
    """Every number on the page as text, by the id of the element that shows it."""
    texts = {}
    for name, (_, form) in _TOTALS.items():
        texts[f"total-{name}"] = form.format(getattr(summary.total, name))
        texts[f"year-{name}"] = f"{as_of.year}: {form.format(getattr(summary.this_year, name))}"
    for name, (_, average_form, form, _, _) in _WEEKLY.items():
        texts[f"average-{name}"] = average_form.format(summary.average(name))
        texts[f"sum-{name}"] = form.format(sum(getattr(week, name) for week in summary.weeks))
        texts[f"now-{name}"] = form.format(getattr(summary.this_week, name))
    for name, (_, form) in _RECORDS.items():
        best = summary.records.get(name)
        texts[f"record-{name}"] = form.format(best.value) if best else _NONE
        texts[f"holder-{name}"] = (
            f"{best.sport}, athlete {best.athlete_id}, {best.day:%-d %b %Y}" if best else "none yet"
        )
    texts["record-streak"] = f"{summary.longest_streak_weeks:,} weeks" if summary.longest_streak_weeks else _NONE
    return texts


def _for_script(summary: Summary, as_of: date) -> dict[str, Any]:
    weeks = {
        name: {
            "values": [round(getattr(week, name), 3) for week in summary.weeks],
            "average": round(summary.average(name), 3),
        }
        for name in _WEEKLY
    }
    shares = {"sports": list(summary.shares), "hours": [round(hours, 3) for hours in summary.shares.values()]}
    return {"texts": describe(summary, as_of), "weeks": weeks, "shares": shares}


def render_navigation(here: str) -> str:
    """Links between the pages of the team."""
    pages = {PAGE: "Activities", MODEL_PAGE: "Energy model"}
    links = (
        f'<a href="{name}.html"{" aria-current=page" if name == here else ""}>{words}</a>'
        for name, words in pages.items()
    )
    return f"<nav>{''.join(links)}</nav>"


def render_tile(label: str, value: str, note: str, *, key: str = "", note_key: str = "") -> str:
    """A number with its name above and a note below; the keys are ids of the two elements."""
    ids = [f' id="{html.escape(name)}"' if name else "" for name in (key, note_key)]
    words = [html.escape(text) for text in (label, value, note)]
    return f'<div class="tile"><span>{words[0]}</span><output{ids[0]}>{words[1]}</output><small{ids[1]}>{words[2]}</small></div>'


def _render_choice(frame: "pd.DataFrame") -> str:
    athletes = _option(EVERYBODY, "Everybody") + "".join(
        _option(str(athlete), f"Athlete {athlete}") for athlete in sorted(frame.athlete_id.unique())
    )
    sports = _option(ALL_SPORTS, "All sports")
    for group, names in list_sports(frame).items():
        inner = "".join(_option(name, name) for name in names if name != group)
        sports += f'<optgroup label="{html.escape(group)}">{_option(group, f"{group}, all")}{inner}</optgroup>'
    return (
        f'<div class="choose"><label>Athlete<select id="athlete" autocomplete="off">{athletes}</select></label>'
        f'<label>Sport<select id="sport" autocomplete="off">{sports}</select></label></div>'
    )


def _option(value: str, words: str) -> str:
    return f'<option value="{html.escape(value)}">{html.escape(words)}</option>'


def _render_totals(texts: dict[str, str]) -> str:
    tiles = (
        render_tile(label, texts[f"total-{name}"], texts[f"year-{name}"], key=f"total-{name}", note_key=f"year-{name}")
        for name, (label, _) in _TOTALS.items()
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _render_weeks(summary: Summary, as_of: date) -> Sequence[Any]:
    weeks, texts = last_weeks(as_of), describe(summary, as_of)
    last_day = weeks[-1] + timedelta(days=6)
    parts: list[Any] = [
        f'<h2 class="part">Last eight weeks</h2><p class="lead">{WEEKS} whole weeks, Monday {weeks[0]:%-d %B} to Sunday '
        f"{last_day:%-d %B %Y}. The week of the page's date is not over: it is shown apart, and counts in no average.</p>"
        '<div class="cards">'
    ]
    for name, (title, _, _, unit, colour) in _WEEKLY.items():
        values = [round(getattr(week, name), 3) for week in summary.weeks]
        parts += [
            f'<div class="card" data-chart="{name}">',
            Chart(
                draw_weeks(weeks, values, round(summary.average(name), 3), unit, colour),
                title=f"{title} ({unit})" if unit else title,
            ),
            f'<p class="average">average <output id="average-{name}">{texts[f"average-{name}"]}</output> a week, '
            f'<span id="sum-{name}">{texts[f"sum-{name}"]}</span> in all; this week so far '
            f'<span id="now-{name}">{texts[f"now-{name}"]}</span></p></div>',
        ]
    return [*parts, "</div>"]


def _render_records_and_shares(summary: Summary, as_of: date) -> Sequence[Any]:
    texts = describe(summary, as_of)
    tiles = "".join(
        render_tile(
            label, texts[f"record-{name}"], texts[f"holder-{name}"], key=f"record-{name}", note_key=f"holder-{name}"
        )
        for name, (label, _) in _RECORDS.items()
    )
    streak = render_tile(
        "Longest streak", texts["record-streak"], "in a row, with an activity in each", key="record-streak"
    )
    return [
        f'<div class="split"><h2 class="part">Achievements</h2><div class="tiles">{tiles}{streak}</div>'
        '<h2 class="part">Sports</h2><div class="card" data-chart="shares">',
        Chart(draw_shares(summary.shares), title="Shares of moving time"),
        "</div></div>",
    ]
