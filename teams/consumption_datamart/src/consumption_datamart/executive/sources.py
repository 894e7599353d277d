"""The part of the page that tells how good the data are, and the line beside each figure that leads to it.

What belongs here: markup of deliveries, doubtful rows, ages and service levels. What does not: the figures (`sections`), words.
"""

import html
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from consumption_datamart.executive import charts
from consumption_datamart.executive.figures import Figures
from consumption_datamart.executive.quality import RECENT_DAYS
from consumption_datamart.executive.words import (
    NO_DATA,
    SPACE,
    count_of,
    describe_absence,
    describe_promises,
    describe_state,
    format_short_day,
    name_code,
    name_data,
)
from headgate.pages import Chart
from headgate.quality.service_levels import MINIMUM_HISTORY, describe_budget

CODE_DAYS = 60
"""Days of doubtful rows that are drawn."""
SHOWN = 16
"""Deliveries that are listed."""


def render_levels(figures: Figures, key: str) -> str:
    """What is promised of the tables behind a figure, and whether it was kept; it leads to the table of all promises."""
    state, words = describe_promises(figures.quality, key)
    return f'<small class="levels {state}" id="{key}-levels"><a href="#levels">{html.escape(words)}</a></small>'


def render_sources(figures: Figures) -> Sequence[Any]:
    quality, day = figures.quality, figures.day
    parts: list[Any] = ['<h2 class="part" id="data">The data behind these figures</h2><div class="cards two">']
    days = figures.days[-CODE_DAYS:]
    counts = quality.count_codes(days)
    parts.append('<div class="card" data-chart="codes">')
    if counts:
        parts.append(
            Chart(
                charts.draw_codes(days, counts),
                title="Doubtful rows by reason and day",
                text="They are kept and marked, and count as neither used nor entitled. A row with two reasons is in both.",
            )
        )
        rows = "".join(
            f'<tr><td><i class="swatch" style="background:{charts.code_colour(number)}"></i>'
            f"{html.escape(quality.meanings.get(code, name_code(code)))}</td>"
            f"<td>{html.escape(name_data(table))}</td><td>{sum(values[-RECENT_DAYS:]):,}</td></tr>"
            for number, ((table, code), values) in enumerate(counts.items())
        )
        table = _plain_table("codes", ("Reason", "Of", f"{RECENT_DAYS} days"), rows)
        parts.append(f'<div class="scroll">{table}</div>')
    else:
        none = "None." if quality.newest else f"{NO_DATA.capitalize()}."
        parts.append(f"<h3>Doubtful rows by reason and day</h3><p>{none}</p>")
    newest = "".join(
        f"<tr><td>{html.escape(name_data(source))}</td><td>{format_short_day(last)}</td></tr>"
        for source, last in sorted(quality.newest.items())
    )
    absent = quality.recent_absences(day) if day else list(quality.absences)
    missing = "".join(
        f"<tr><td>{html.escape(name_data(one.source))}</td><td>{format_short_day(one.day)}</td>"
        f"<td>{html.escape(describe_absence(one))}</td></tr>"
        for one in absent[:SHOWN]
    )
    published = "".join(
        f"<tr><td>{html.escape(name_data(table))}</td><td>{at:%H:%M} UTC, {format_short_day(at)}</td></tr>"
        for table, at in quality.published_at.items()
    )
    none = f"<p>None in the last {RECENT_DAYS} days.</p>" if quality.newest else f"<p>{NO_DATA.capitalize()}.</p>"
    more = f"<p>and {count_of(len(absent) - SHOWN, 'more')}</p>" if len(absent) > SHOWN else ""
    return [
        *parts,
        '</div><div class="card scroll"><h3>Deliveries that are missing or were set aside</h3>',
        (_plain_table("absent", ("Source", "Day", "What became of it"), missing) if missing else none) + more,
        "<h3>Newest day of each source</h3>",
        _plain_table("sources", ("Source", "Newest day"), newest) if newest else f"<p>{NO_DATA.capitalize()}.</p>",
        "<h3>Tables</h3>",
        _plain_table("tables", ("Table", "Published"), published) if published else f"<p>{NO_DATA.capitalize()}.</p>",
        "</div></div>",
        _render_levels(figures),
    ]


def _render_levels(figures: Figures) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name_data(one.table))}</td><td>{html.escape(one.level)}</td>"
        f'<td class="wide">{html.escape(one.words)}</td>'
        f'<td class="wide">{NO_DATA if one.attained is None else f"{one.attained:.1f}{SPACE}%"}</td>'
        f"<td>{NO_DATA if one.budget_left is None else describe_budget(one.budget_left).replace(' %', f'{SPACE}%')}</td>"
        f'<td><span class="pill {html.escape(one.state)}">{html.escape(describe_state(one))}</span></td></tr>'
        for one in figures.quality.promises
    )
    titles = ("Table", "Level", "Promise", "Attained", "Error budget", "State")
    table = _plain_table("levels", titles, rows, wide=(2, 3)) if rows else f'<p id="levels">{NO_DATA.capitalize()}.</p>'
    return (
        '<div class="card scroll below"><h3>Service levels</h3><p>What the contract of each table promises, and what is left '
        "of its error budget; when it is spent, the promise is missed. Freshness and correctness are judged from "
        f"{MINIMUM_HISTORY // timedelta(hours=1)} hours of history on.</p>{table}</div>"
    )


def _plain_table(key: str, titles: Sequence[str], rows: str, *, wide: Sequence[int] = ()) -> str:
    head = "".join(
        f'<th scope="col"{" class=wide" if number in wide else ""}>{title}</th>' for number, title in enumerate(titles)
    )
    return f'<table class="plain" id="{key}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
