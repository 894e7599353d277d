"""The executive page as a whole: what is on it, from top to bottom, and what its script shows of each selection."""

import html
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consumption_datamart.executive import sections, sources
from consumption_datamart.executive.charts import BAND, band_edges
from consumption_datamart.executive.figures import Figures, Renewal
from consumption_datamart.executive.series import ALL, Selection
from consumption_datamart.executive.words import NONE, TIERS, count_invoice_gaps, describe, describe_quality, headline
from headgate.pages import Page, write_page

TEAM, PAGE, TITLE = "consumption_datamart", "executive", "What customers use of what they bought"
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
SCRIPT = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")

Texts = dict[str, str]


def write_executive_page(figures: Figures) -> Page:
    """Writes the page; where there is no consumption, one that says so and what is known of the data."""
    if figures.day is None:
        nothing = [
            f'<p class="headline" id="headline">{html.escape(headline(figures))}</p>',
            "<p>When there is, this page is written again.</p>",
            *sources.render_sources(figures),
        ]
        return write_page(TEAM, PAGE, nothing, title=TITLE, style=STYLE)
    texts = describe_selections(figures)
    shown = texts[ALL, ALL]
    content: list[Any] = [
        f'<p class="headline" id="headline" aria-live="polite">{html.escape(shown["headline"])}</p>',
        f'<p class="lead" id="lead">{html.escape(shown["lead"])}</p>',
        f'<p class="banner" id="quality">{html.escape(describe_quality(figures))} <a href="#data">Details</a></p>',
        sections.render_choice(figures),
        sections.render_tiles(figures, shown),
        *sections.render_trend(figures),
        *sections.render_rankings(figures),
        *sections.render_renewals(figures),
        *sections.render_activity(figures),
        *sources.render_sources(figures),
        sections.render_everything(figures),
        sections.FOOTER,
        _render_data(figures, texts),
    ]
    return write_page(TEAM, PAGE, content, title=TITLE, as_of=figures.day, style=STYLE, script=SCRIPT)


def describe_selections(figures: Figures) -> dict[Selection, Texts]:
    """The texts of every selection there is."""
    renewals: dict[Selection, list[Renewal]] = defaultdict(list)
    for one in figures.renewals:
        for customer in (ALL, one.customer_id):
            for product in (ALL, one.product):
                renewals[customer, product].append(one)
    invoice_gaps = count_invoice_gaps(figures)
    return {
        selection: describe(figures, selection, renewals.get(selection, ()), invoice_gaps)
        for selection in figures.selections
    }


def _render_data(figures: Figures, texts: dict[Selection, Texts]) -> str:
    """What the script shows, as JSON. Days are places in `days`; doubtful measurements are [day, number]."""
    places = {day: number for number, day in enumerate(figures.days)}
    data = {
        "days": [band_edges(day) for day in figures.days],
        "band": BAND,
        "selections": {
            "|".join(selection): {
                "texts": texts[selection],
                "used": _rounded(summary.used_by_day),
                "entitled": _rounded(summary.entitled_by_day),
                "doubtful": [[day, count] for day, count in enumerate(summary.doubtful_by_day) if count],
                "gaps": [places[day] for day in summary.gaps],
            }
            for selection, summary in figures.selections.items()
        },
        "risk": {
            product: {
                tier: _rounded(figures.risk_by_day.get((product, tier), (0.0,) * len(figures.days))) for tier in TIERS
            }
            for product in (ALL, *figures.products)
        },
        "nothing": dict.fromkeys(texts[ALL, ALL], NONE)
        | {"headline": "This customer has never used this product, nor been entitled to it.", "lead": ""},
    }
    # In JSON `<` may be written by its number: nothing in the data ends the element.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="figures">{text}</script>'


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 2) for value in values]
