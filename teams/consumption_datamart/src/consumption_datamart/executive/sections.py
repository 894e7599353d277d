"""The parts of the page as markup and charts. Words that depend on a selection come from `words`."""

import html
from collections.abc import Sequence
from typing import Any

from consumption_datamart.executive import charts
from consumption_datamart.executive.figures import Figures, Position, Renewal
from consumption_datamart.executive.series import ALL
from consumption_datamart.executive.sources import render_levels
from consumption_datamart.executive.words import (
    CATEGORIES,
    NO_DATA,
    NONE,
    OVER,
    TIERS,
    UNDER,
    UNENTITLED,
    UNUSED,
    describe_measurements,
    describe_trend,
    format_day,
    format_share,
    format_short_day,
    format_vcpu,
)
from consumption_datamart.star.consumption import OVER_ABOVE, UNDER_BELOW
from consumption_datamart.star.risk import FURTHEST_DAYS, HIGH_BELOW, SHRINK_BELOW, WINDOW_DAYS
from headgate.pages import Chart

SHOWN = 8
"""Rows that a ranking shows."""
FOOTER = (
    "<footer>Used is, of each deployment, the mean vCPU that it measured on the day, added up. Entitled is what the "
    "subscriptions in force on the day add up to. Consumption is used ÷ entitled; where nothing is entitled there is none. "
    f"More than entitled is above {format_share(OVER_ABOVE)}, far less is below {format_share(UNDER_BELOW)}. Use at renewal: the "
    f"trend of the last {WINDOW_DAYS} days, where it is more than noise, carried on until the next subscription ends, at most "
    f"{FURTHEST_DAYS} days; below {format_share(HIGH_BELOW)} is high risk, below "
    f"{format_share(SHRINK_BELOW)} medium. Days are UTC.</footer>"
)


def render_choice(figures: Figures) -> str:
    by_name = sorted(figures.customers.items(), key=lambda item: (item[1].casefold(), item[0]))
    customers = _option(ALL, "All customers") + "".join(_option(key, name) for key, name in by_name)
    products = _option(ALL, "All products") + "".join(_option(name, f"Product {name}") for name in figures.products)
    return (
        f'<div class="choose"><label>Customer<select id="customer" autocomplete="off">{customers}</select></label>'
        f'<label>Product<select id="product" autocomplete="off">{products}</select></label></div>'
    )


def render_tiles(figures: Figures, texts: dict[str, str]) -> str:
    any_product = "customers, of at least one product"
    consumption, used, entitled, risk = (
        render_levels(figures, key) for key in ("consumption", "used", "entitled", "risk")
    )
    tiles = (
        _tile(texts, "Consumption", "consumption", texts["consumption-note"], "consumption-note", levels=consumption),
        _tile(texts, "Used", "used", texts["used-quality"], "used-quality", levels=used),
        _tile(texts, "Entitled", "entitled", texts["entitled-quality"], "entitled-quality", levels=entitled),
        _tile(texts, "Use more than entitled", "over", any_product),
        _tile(texts, "Use far less, or nothing", "under", any_product),
        _tile(texts, "Use without being entitled", "unentitled", any_product),
        _tile(texts, "High risk at renewal", "risk", texts["risk-note"], "risk-note", levels=risk),
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(texts: dict[str, str], label: str, key: str, note: str, note_key: str = "", *, levels: str = "") -> str:
    mark = f' id="{note_key}"' if note_key else ""
    return (
        f'<div class="tile{" first" if key == "consumption" else ""}"><span>{html.escape(label)}</span>'
        f'<output id="{key}">{html.escape(texts[key])}</output><small{mark}>{html.escape(note)}</small>'
        f"{levels}</div>"
    )


def render_trend(figures: Figures) -> Sequence[Any]:
    span = f"{format_day(figures.days[0])} to {format_day(figures.days[-1])}"
    return [
        '<h2 class="part">Trend</h2><div class="card" data-chart="trend">',
        Chart(
            charts.draw_trend(figures.days, figures.selections[ALL, ALL]),
            text=f"{span}. On days with a grey band measurements have not arrived or could not be read: use is not known.",
        ),
        "</div>",
    ]


def render_rankings(figures: Figures) -> Sequence[Any]:
    lists = (
        ("over", "Use more than entitled", "Likely to buy more. Most beyond their entitlement first.", (OVER,)),
        ("under", "Use far less, or nothing", "Likely to buy less. Most idle vCPU first.", (UNDER, UNUSED)),
        ("unentitled", "Use without being entitled", "Nothing was bought. Most used first.", (UNENTITLED,)),
    )
    parts = ['<h2 class="part">Who uses how much</h2><div class="cards two">']
    for key, title, text, categories in lists:
        some = [one for one in figures.positions if one.category in categories]
        some.sort(key=lambda one: (-abs(one.beyond_vcpu), one.customer_id, one.product))
        rows = "".join(_render_position(one, number, key) for number, one in enumerate(some))
        titles = ("Used",) if key == "unentitled" else ("Used", "Entitled", "Consumption")
        table = _table(f"ranking-{key}", titles, rows, len(some))
        parts += ['</div><div class="cards uneven">'] if key == "unentitled" else []
        parts.append(f'<div class="card"><h3>{title}</h3><p>{text}</p>{table}</div>')
    parts.append('<div class="card" data-chart="portfolio">')
    chart = Chart(
        charts.draw_portfolio(figures.positions),
        title="How large, and how much in use",
        text="A dot a customer and product. Above the dotted line more is used than entitled.",
    )
    return [*parts, chart, "</div></div>"]


def _render_position(one: Position, number: int, ranking: str) -> str:
    cells = f"<td>{format_vcpu(one.used_vcpu)}</td>"
    if ranking != "unentitled":
        cells += f'<td class="wide">{format_vcpu(one.entitled_vcpu)}</td><td>{_bar(one, ranking)}</td>'
    return _row(one, number, cells)


def render_renewals(figures: Figures) -> Sequence[Any]:
    title = '<h2 class="part">Renewal risk</h2>'
    if not figures.renewals:
        return [f'{title}<p class="card" id="no-renewals">No data: no risk was computed for this day.</p>']
    order = {tier: number for number, tier in enumerate(TIERS)}
    some = sorted(
        figures.renewals, key=lambda one: (order.get(one.tier, 9), -one.entitled_vcpu, one.customer_id, one.product)
    )
    graver = [one for one in some if one.tier != list(TIERS)[-1]]
    rows = "".join(_render_renewal(one, number) for number, one in enumerate(graver))
    known = describe_measurements(figures, figures.selections[ALL, ALL])
    known = known[0].lower() + known[1:]
    titles = ("Risk", "30 days before", "Entitled", "Ends", "Now", "At renewal", "A month")
    return [
        f'{title}<div class="cards two"><div class="card" data-chart="renewals">',
        Chart(
            charts.draw_renewals(some),
            title="When subscriptions end, and how much of them will be in use",
            text="The larger the dot, the more vCPU. The lower, the likelier to be cut or not renewed.",
        ),
        '</div><div class="card" data-chart="risk">',
        Chart(
            charts.draw_risk(figures.days, {tier: figures.risk_by_day.get((ALL, tier), ()) for tier in TIERS}),
            title="How much is at risk",
            text="Entitled vCPU of all customers at high and at medium risk, by day.",
        ),
        f'</div></div><div class="card scroll below"><h3>Most at risk</h3>'
        f"<p>Gravest first, then most vCPU. Measurements of all customers: {html.escape(known)}.</p>"
        f"{_table('ranking-renewals', titles, rows, len(graver), wide=(1, 2, 4, 6))}</div>",
    ]


def _render_renewal(one: Renewal, number: int) -> str:
    before = f"{_tier(one.tier_before)}" if one.tier_before else NONE
    cells = (
        f'<td>{_tier(one.tier)}</td><td class="wide">{before}</td><td class="wide">{format_vcpu(one.entitled_vcpu)}</td>'
        f"<td>{format_short_day(one.ends_on) if one.ends_on else 'no end'}</td>"
        f'<td class="wide">{format_share(one.consumption)}</td><td>{format_share(one.forecast)}</td>'
        f'<td class="wide">{describe_trend(one)}</td>'
    )
    return _row(one, number, cells)


def render_activity(figures: Figures) -> Sequence[Any]:
    newest = {product: counts[-1] for product, counts in figures.active_by_day.items()}
    title = '<h2 class="part">Active customers</h2>'
    if all(count is None for count in newest.values()):
        return [f'{title}<p class="card" id="no-active">No data: nobody was counted on this day.</p>']
    numbers = "".join(
        f'<div><span>Product {html.escape(product)}</span><output id="active-{html.escape(product)}">'
        f"{NO_DATA if count is None else f'{count:,}'}</output></div>"
        for product, count in newest.items()
    )
    return [
        f'{title}<div class="card" data-chart="active"><div class="numbers">{numbers}</div>{render_levels(figures, "active")}',
        Chart(
            charts.draw_active(figures.days, figures.active_by_day),
            text="Customers who used the product on the day or one of the 29 days before. Doubtful measurements do not count, "
            "and days without measurements make the number too low.",
        ),
        "</div>",
    ]


def render_everything(figures: Figures) -> str:
    tiers = {(one.customer_id, one.product): one.tier for one in figures.renewals}
    some = sorted(figures.positions, key=lambda one: (one.customer.casefold(), one.customer_id, one.product))
    rows = ""
    for one in some:
        tier = tiers.get((one.customer_id, one.product))
        rows += _row(
            one,
            0,
            f"<td>{format_vcpu(one.used_vcpu)}</td><td>{format_vcpu(one.entitled_vcpu)}</td>"
            f'<td>{format_share(one.consumption)}</td><td class="wide">{format_share(one.consumption_before)}</td>'
            f'<td class="words">{html.escape(CATEGORIES.get(one.category, one.category))}</td>'
            f"<td>{_tier(tier) if tier else NONE}</td>",
        )
    titles = ("Used", "Entitled", "Consumption", "30 days before", "Status", "Risk")
    table = _table("everything", titles, rows, len(some), shown=len(some), wide=(3,))
    return (
        '<h2 class="part">Every customer and product</h2><div class="card scroll tall" tabindex="0" role="region" '
        f'aria-label="Every customer and product">{table}</div>'
    )


# --- pieces -----------------------------------------------------------------------------------------------------------


def _table(
    key: str, titles: Sequence[str], rows: str, count: int, *, shown: int = SHOWN, wide: Sequence[int] = (1,)
) -> str:
    """Rows of customers, of which the script shows the first `shown` that are chosen."""
    head = "".join(
        f'<th scope="col"{" class=wide" if number in wide and len(titles) > 1 else ""}>{title}</th>'
        for number, title in enumerate(titles)
    )
    more = max(count - shown, 0)
    return (
        f'<table id="{key}" data-rows="{shown}"{"" if count else " hidden"}>'
        f'<thead><tr><th scope="col">Customer</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="none"{" hidden" if count else ""}>Nobody.</p>'
        f'<p class="more"{"" if more else " hidden"}>and <output>{more:,}</output> more, in the table at the end</p>'
    )


def _row(one: Position | Renewal, number: int, cells: str) -> str:
    key, name, product = (html.escape(text) for text in (one.customer_id, one.customer, one.product))
    return (
        f'<tr data-customer="{key}" data-product="{product}"{" hidden" if number >= SHOWN else ""}>'
        f'<th scope="row"><button class="who" title="{key}: show this customer">{name}</button> <small>{product}</small></th>'
        f"{cells}</tr>"
    )


def _bar(one: Position, ranking: str) -> str:
    """The ratio as a bar that is full at 200 %, with a line at 100 %, and as a number."""
    share = one.consumption
    width = 0 if share is None else min(share, 2.0) * 50
    bar = f'<i class="bar {ranking}" aria-hidden="true"><b style="width:{width:.0f}%"></b></i>'
    return f"{bar}{format_share(share, missing=NO_DATA)}"


def _tier(tier: str) -> str:
    return f'<span class="pill {html.escape(tier)}">{html.escape(TIERS.get(tier, tier))}</span>'


def _option(value: str, words: str) -> str:
    return f'<option value="{html.escape(value)}">{html.escape(words)}</option>'
