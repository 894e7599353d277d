"""The page's sentences, and numbers with their units, made from `figures` and `quality`.

Every text that a selection changes is here, by the id of the element that shows it. What does not belong here: markup.
"""

from collections.abc import Sequence
from datetime import date

from consumption_datamart.executive.figures import CHANGE_DAYS, Figures, Renewal, Summary
from consumption_datamart.executive.quality import INVOICES, MISSING, RECENT_DAYS, Absence, Promise, Quality
from consumption_datamart.executive.series import ALL, Selection

NO_DATA, NONE = "no data", "–"
SPACE = "\u00a0"
"""Keeps a number and its unit on one line."""

OVER, ON, UNDER, UNUSED, UNENTITLED = "over", "on", "under", "no_usage", "no_entitlement"
CATEGORIES = {
    OVER: "more than entitled",
    ON: "within entitlement",
    UNDER: "far less than entitled",
    UNUSED: "entitled, not used",
    UNENTITLED: "used, not entitled",
}
"""The categories of `consumption_daily`, in words."""
_SAYINGS = {
    OVER: "uses more than it is entitled to",
    ON: "stays within what it is entitled to",
    UNDER: "uses far less than it is entitled to",
    UNUSED: "uses nothing of what it is entitled to",
    UNENTITLED: "uses without being entitled",
}
HIGH = "high"
TIERS = {HIGH: "high", "medium": "medium", "low": "low"}
"""The tiers of `renewal_risk`, in words, gravest first."""


def format_vcpu(value: float | None) -> str:
    if value is None:
        return NO_DATA
    return f"{value:,.0f}{SPACE}vCPU" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}{SPACE}vCPU"


def format_share(value: float | None, *, missing: str = NONE) -> str:
    return missing if value is None else f"{value * 100:,.0f}{SPACE}%"


def format_day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def format_short_day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def count_of(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def describe(figures: Figures, selection: Selection, renewals: Sequence[Renewal], invoice_gaps: int) -> dict[str, str]:
    """Every text that depends on the selection, by the id of its element.

    Args:
        renewals: those of the selection.
        invoice_gaps: recent days whose invoices are in no table.
    """
    summary = figures.selections[selection]
    grave = [one for one in renewals if one.tier == HIGH]
    now = sum(one.entitled_vcpu for one in grave)
    customers = summary.customers
    return {
        "headline": headline(figures, selection),
        "lead": lead(summary, selection, grave),
        "consumption": format_share(summary.consumption, missing=_no_ratio(summary)),
        "consumption-note": _describe_change(summary),
        "used": format_vcpu(summary.used_vcpu),
        "used-quality": describe_measurements(figures, summary),
        "entitled": format_vcpu(summary.entitled_vcpu),
        "entitled-quality": describe_invoices(summary, invoice_gaps),
        "over": f"{customers.get(OVER, 0):,}",
        "under": f"{customers.get(UNDER, 0) + customers.get(UNUSED, 0):,}",
        "unentitled": f"{customers.get(UNENTITLED, 0):,}",
        "risk": f"{len(grave):,}" if figures.renewals else NO_DATA,
        "risk-note": f"{'subscription' if len(grave) == 1 else 'subscriptions'}, {format_vcpu(now)}",
    }


def headline(figures: Figures, selection: Selection = (ALL, ALL)) -> str:
    """What an executive takes home when nothing else is read."""
    if figures.day is None:
        return "There are no figures yet: no consumption has been published."
    summary, (customer, product) = figures.selections[selection], selection
    who = "customers" if customer == ALL else figures.customers[customer]
    of = "" if product == ALL else f" of Product {product}"
    when = f"On {figures.day:%A}, {format_day(figures.day)},"
    if summary.used_vcpu is None:
        return f"{when} use{of} is not known: the measurements of that day are missing."
    if summary.consumption is None:
        if summary.used_vcpu > 0:
            return f"{when} {who} used {format_vcpu(summary.used_vcpu)}{of} without being entitled to any."
        return f"{when} {who} used nothing{of} and {'were' if customer == ALL else 'was'} entitled to nothing."
    they = "they were" if customer == ALL else "it was"
    share, used = format_share(summary.consumption), format_vcpu(summary.used_vcpu).removesuffix(f"{SPACE}vCPU")
    return f"{when} {who} used {share} of what {they} entitled to{of}: {used} of {format_vcpu(summary.entitled_vcpu)}."


def lead(summary: Summary, selection: Selection, grave: Sequence[Renewal]) -> str:
    """The second sentence: who is beyond, who below, what is at risk."""
    customers = summary.customers
    if selection[0] == ALL:
        below = customers.get(UNDER, 0) + customers.get(UNUSED, 0)
        said = (
            f"Of {count_of(summary.customer_count, 'customer')}, {customers.get(OVER, 0):,} used more than they were entitled "
            f"to, {below:,} far less or nothing, and {customers.get(UNENTITLED, 0):,} used without being entitled."
        )
    elif customers:
        said = "This customer " + " and ".join(_SAYINGS.get(name, name) for name in sorted(customers)) + "."
    else:
        said = "This customer neither used it nor was entitled to it on that day."
    if grave:
        what = count_of(len(grave), "subscription is", "subscriptions are")
        said += f" {what} at high risk at renewal, {format_vcpu(sum(one.entitled_vcpu for one in grave))} in all."
    return said


def describe_measurements(figures: Figures, summary: Summary) -> str:
    """What is known of the measurements behind use."""
    recent = set(figures.days[-RECENT_DAYS:])
    missing = sum(day in recent for day in summary.gaps)
    left_out = sum(summary.doubtful_by_day[-RECENT_DAYS:])
    said = []
    if summary.used_vcpu is None:
        said.append("this day's measurements are missing")
    elif missing:
        said.append(f"measurements missing on {count_of(missing, 'day')}")
    if left_out:
        said.append(f"{count_of(left_out, 'doubtful measurement')} left out")
    if not said:
        return f"Complete and without doubt for {RECENT_DAYS} days"
    return f"In {RECENT_DAYS} days: {', '.join(said)}"


def describe_invoices(summary: Summary, invoice_gaps: int) -> str:
    """What is known of the invoice lines behind the entitlement."""
    said = [f"invoices missing of {count_of(invoice_gaps, 'day')}"] if invoice_gaps else []
    if summary.doubtful_lines:
        said.append(f"{count_of(summary.doubtful_lines, 'doubtful invoice line')} left out so far")
    text = ", ".join(said)
    return text[0].upper() + text[1:] if text else "All invoice lines without doubt"


def describe_quality(figures: Figures) -> str:
    """One sentence on all the data of the last `RECENT_DAYS` days."""
    quality, day = figures.quality, figures.day
    if day is None or not quality.newest:
        return "Nothing is known of the deliveries behind these figures."
    absent = quality.recent_absences(day)
    everything = figures.selections[ALL, ALL]
    measurements, lines = sum(everything.doubtful_by_day[-RECENT_DAYS:]), everything.recent_lines
    said = []
    if figures.newest and figures.newest > day:
        said.append(f"{format_day(figures.newest)} is not shown, because its measurements are not complete")
    missing = sum(one.state == MISSING for one in absent)
    if missing:
        said.append(f"{count_of(missing, 'delivery is', 'deliveries are')} missing")
    if aside := len(absent) - missing:
        said.append(f"{count_of(aside, 'delivery was', 'deliveries were')} set aside as unreadable")
    doubtful = [count_of(measurements, "doubtful measurement")] if measurements else []
    doubtful += [count_of(lines, "doubtful invoice line")] if lines else []
    if doubtful:
        is_one = measurements + lines == 1
        said.append(f"{' and '.join(doubtful)} {'is' if is_one else 'are'} kept out of the figures")
    if not said:
        return f"Data of the last {RECENT_DAYS} days are complete and without doubt."
    return f"Data of the last {RECENT_DAYS} days: {'; '.join(said)}."


def describe_absence(one: Absence) -> str:
    if one.state == MISSING:
        return "not arrived"
    return f"set aside: {one.reason or 'unreadable'}{'; the delivery before it is shown' if one.is_replaced else ''}"


_NAMES = {
    "invoices": "Invoices",
    "telemetry_x": "Measurements of Product X",
    "telemetry_y": "Measurements of Product Y",
    "master_data": "Registers",
    "cloud_deployment_heartbeats": "Measurements",
    "invoice_order_lines": "Invoice lines",
    "fact_usage_daily": "Use",
    "fact_entitlement_daily": "Entitlements",
    "consumption_daily": "Consumption",
    "report_active_customers_by_product_daily": "Active customers",
    "renewal_risk": "Renewal risk",
}


def name_data(name: str) -> str:
    """A source or a table in words."""
    return _NAMES.get(name, name.replace("_", " "))


_USE = ("cloud_deployment_heartbeats", "fact_usage_daily")
_RIGHTS = ("invoice_order_lines", "fact_entitlement_daily")
MADE_OF = {
    "consumption": (*_USE, *_RIGHTS, "consumption_daily"),
    "used": _USE,
    "entitled": _RIGHTS,
    "risk": (*_USE, *_RIGHTS, "consumption_daily", "renewal_risk"),
    "active": (*_USE, "report_active_customers_by_product_daily"),
}
"""Figure → the tables that it hangs on, whose service levels are told beside it."""


def describe_promises(quality: Quality, figure: str) -> tuple[str, str]:
    """The worst state among the service levels that a figure of `MADE_OF` hangs on, and a sentence on them."""
    some = [one for one in quality.promises if one.table in MADE_OF[figure]]
    for state, words in (("spent", "Service level missed"), ("burning", "Error budget running out")):
        if named := [f"{one.level} of {name_data(one.table).lower()}" for one in some if one.state == state]:
            more = f" and {count_of(len(named) - 2, 'other')}" if len(named) > 2 else ""
            return state, f"{words}: {', '.join(named[:2])}{more}"
    for state in ("no history", "too little history"):
        if not some or any(one.state == state for one in some):
            return "unknown", f"Service levels: {state}"
    left = [one.budget_left for one in some if one.budget_left is not None]
    return "kept", f"Service levels kept, {format_share(min(left))} of the error budget left"


def describe_state(one: Promise) -> str:
    return {"spent": "missed", "burning": "running out"}.get(one.state, one.state)


def name_code(code: str) -> str:
    """`customer_id__unknown` is "customer id: unknown"."""
    return code.replace("__", ": ").replace("_", " ")


def describe_trend(one: Renewal) -> str:
    percent = round(one.trend_month * 100)
    sign = "+" if percent > 0 else "\u2212" if percent < 0 else ""
    return f"{sign}{abs(percent):,}{SPACE}%"


def count_invoice_gaps(figures: Figures) -> int:
    """Days of the last `RECENT_DAYS`, and after, whose invoices are in no table."""
    if figures.day is None:
        return 0
    absent = figures.quality.recent_absences(figures.day)
    return len({one.day for one in absent if one.source == INVOICES and not one.is_replaced})


def _no_ratio(summary: Summary) -> str:
    if summary.used_vcpu is None:
        return NO_DATA
    return "not entitled" if summary.used_vcpu else NONE


def _describe_change(summary: Summary) -> str:
    if summary.change is None:
        return f"{CHANGE_DAYS} days before: {format_share(summary.consumption_before, missing=NO_DATA)}"
    points = summary.change * 100
    if abs(points) < 0.05:
        return f"as {CHANGE_DAYS} days before"
    return f"{abs(points):,.1f} points {'more' if points > 0 else 'less'} than {CHANGE_DAYS} days before"
