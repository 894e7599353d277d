"""What the page says of each selection of customer and product: arithmetic on frames, all of it before a browser opens.

What belongs here: sums, ratios and counts. What does not: reading tables (`queries`), words (`words`), layout (`page`).
Use and entitlement are in vCPU, consumption is used ÷ entitled (1.0 is all of it), None where nothing is entitled.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from consumption_datamart.executive.quality import Quality
from consumption_datamart.executive.queries import LOOK_BACK_DAYS, TREND_DAYS
from consumption_datamart.executive.series import ALL, Selection, Series, ratio

if TYPE_CHECKING:
    import pandas as pd

CHANGE_DAYS = 30
"""A change is against the day so long before."""


@dataclass(frozen=True)
class Position:
    """What one customer uses of one product on the day of the figures.

    Args:
        used_vcpu: None where the product's telemetry of the day is missing.
        category: as `consumption_daily` has it.
        consumption_before: `CHANGE_DAYS` earlier; None where nothing was entitled, or nothing is known.
    """

    customer_id: str
    customer: str
    product: str
    used_vcpu: float | None
    entitled_vcpu: float
    category: str
    consumption_before: float | None = None

    @property
    def consumption(self) -> float | None:
        return ratio(self.used_vcpu, self.entitled_vcpu)

    @property
    def beyond_vcpu(self) -> float:
        """Used beyond what is entitled; negative where entitlement lies idle."""
        return (self.used_vcpu or 0.0) - self.entitled_vcpu


@dataclass(frozen=True)
class Renewal:
    """How one customer's subscription of one product is likely to go on.

    Args:
        tier: as `renewal_risk` has it, on the day of the figures.
        tier_before: `CHANGE_DAYS` earlier; None where there was none.
        trend_month: relative change of use in 30 days; 0.1 is a tenth more.
        forecast: consumption expected when the next subscription ends, on `ends_on`.
    """

    customer_id: str
    customer: str
    product: str
    tier: str
    tier_before: str | None
    entitled_vcpu: float
    consumption: float
    trend_month: float
    forecast: float
    ends_on: date | None


@dataclass(frozen=True)
class Summary:
    """One selection.

    Args:
        used_by_day: of each day of the trend; None where telemetry is missing.
        entitled_by_day: None where a day was not computed at all.
        doubtful_by_day: doubtful measurements that were left out.
        gaps: days whose telemetry, or some of it, is missing.
        customers: by category, customers with at least one product in it on the day.
        doubtful_lines: invoice lines that entitle to nothing because they are doubtful, and how many of them are of the
            last 30 days.
    """

    used_by_day: tuple[float | None, ...]
    entitled_by_day: tuple[float | None, ...]
    doubtful_by_day: tuple[int, ...]
    gaps: tuple[date, ...]
    customers: Mapping[str, int]
    customer_count: int
    doubtful_lines: int
    recent_lines: int

    @property
    def used_vcpu(self) -> float | None:
        return self.used_by_day[-1]

    @property
    def entitled_vcpu(self) -> float:
        return self.entitled_by_day[-1] or 0.0

    @property
    def consumption(self) -> float | None:
        return ratio(self.used_vcpu, self.entitled_vcpu)

    @property
    def consumption_before(self) -> float | None:
        """`CHANGE_DAYS` before."""
        if len(self.used_by_day) <= CHANGE_DAYS:
            return None
        place = -1 - CHANGE_DAYS
        return ratio(self.used_by_day[place], self.entitled_by_day[place])

    @property
    def change(self) -> float | None:
        """Of consumption (0.02 is two points), against `CHANGE_DAYS` before."""
        now, before = self.consumption, self.consumption_before
        return None if now is None or before is None else now - before


@dataclass(frozen=True)
class Figures:
    """All that the page shows.

    Args:
        day: of the figures; None when there is no consumption at all.
        newest: newest day there is; later than `day` where its telemetry is not complete.
        days: of the trend, oldest first.
        positions: of the day, all customers and products.
        risk_by_day: entitled vCPU by product (ALL too) and tier, of each day of the trend.
        active_by_day: customers by product, of each day of the trend; None where nobody counted.
    """

    day: date | None = None
    newest: date | None = None
    days: tuple[date, ...] = ()
    products: tuple[str, ...] = ()
    customers: Mapping[str, str] = field(default_factory=dict)
    selections: Mapping[Selection, Summary] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    renewals: tuple[Renewal, ...] = ()
    risk_by_day: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    active_by_day: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    quality: Quality = field(default_factory=Quality)


def make_figures(
    consumption: "pd.DataFrame",
    products: "pd.DataFrame",
    risk: "pd.DataFrame",
    names: "pd.DataFrame",
    lines: "pd.DataFrame",
    quality: Quality,
) -> Figures:
    """All figures, of the newest day on which every product's telemetry is there.

    Args:
        consumption: `queries.consumption_window`.
        products: `queries.product_window`.
        risk: `queries.risk_window`.
        names: `queries.customer_names`.
        lines: `queries.doubtful_lines`.
        quality: what is known of the data behind them.
    """
    if consumption.empty:
        return Figures(quality=quality)
    measured = {(row.product, row.day) for row in products.itertuples() if row.heartbeats > 0}
    names_by_id = dict(zip(names.customer_id, names["name"], strict=True))
    day = choose_day(consumption, measured)
    first = max(consumption.day.min(), day - timedelta(days=TREND_DAYS - 1))
    days = tuple(first + timedelta(days=number) for number in range((day - first).days + 1))
    series = Series(consumption, products, days, measured)
    today = consumption[consumption.day == day].sort_values(["customer_id", "product"])
    customers = {key: names_by_id.get(key, key) for key in sorted(consumption.customer_id.unique())}
    return Figures(
        day=day,
        newest=consumption.day.max(),
        days=days,
        products=series.products,
        customers=customers,
        selections=_summarize(series, today, lines, day),
        positions=tuple(
            Position(
                customer_id=row.customer_id,
                customer=customers[row.customer_id],
                product=row.product,
                used_vcpu=float(row.used_vcpu) if (row.product, day) in measured else None,
                entitled_vcpu=float(row.entitled_vcpu),
                category=row.category,
                consumption_before=series.consumption_before((row.customer_id, row.product), CHANGE_DAYS),
            )
            for row in today.itertuples()
        ),
        renewals=_list_renewals(risk, day, names_by_id),
        risk_by_day=_spread_risk(risk, days),
        active_by_day=_spread_active(products, days),
        quality=quality,
    )


def choose_day(consumption: "pd.DataFrame", measured: set[tuple[str, date]]) -> date:
    """The newest day on which there are measurements of every product; the newest of all where that is long ago."""
    newest: date = consumption.day.max()
    products = set(consumption["product"])
    for back in range(LOOK_BACK_DAYS):
        day = newest - timedelta(days=back)
        if all((product, day) in measured for product in products) and (consumption.day == day).any():
            return day
    return newest


def _summarize(series: Series, today: "pd.DataFrame", lines: "pd.DataFrame", day: date) -> dict[Selection, Summary]:
    """Every selection; one pass over each table, since there may be thousands."""
    customers: dict[Selection, dict[str, set[str]]] = {}
    for row in today.itertuples():
        for selection in _selections_of(row.customer_id, row.product):
            customers.setdefault(selection, {}).setdefault(row.category, set()).add(row.customer_id)
    doubtful: Counter[Selection] = Counter()
    recent: Counter[Selection] = Counter()
    for row in lines.itertuples():
        # A line may name a customer or a product that nobody knows: it counts among all of them.
        for selection in _selections_of(row.customer_id or "", row.product or ""):
            doubtful[selection] += int(row.line_count)
            if row.day > day - timedelta(days=CHANGE_DAYS):
                recent[selection] += int(row.line_count)
    return {
        selection: Summary(
            used_by_day=values.used,
            entitled_by_day=values.entitled,
            doubtful_by_day=values.doubtful,
            gaps=values.gaps,
            customers={name: len(who) for name, who in customers.get(selection, {}).items()},
            customer_count=len(set().union(*customers.get(selection, {}).values())),
            doubtful_lines=doubtful[selection],
            recent_lines=recent[selection],
        )
        for selection, values in series.each_selection()
    }


def _selections_of(customer: str, product: str) -> Sequence[Selection]:
    return (ALL, ALL), (ALL, product), (customer, ALL), (customer, product)


def _list_renewals(risk: "pd.DataFrame", day: date, names: Mapping[str, str]) -> tuple[Renewal, ...]:
    from math import exp

    earlier = risk[risk.day == day - timedelta(days=CHANGE_DAYS)]
    before = {(row.customer_id, row.product): row.risk_tier for row in earlier.itertuples()}
    return tuple(
        Renewal(
            customer_id=row.customer_id,
            customer=names.get(row.customer_id, row.customer_id),
            product=row.product,
            tier=row.risk_tier,
            tier_before=before.get((row.customer_id, row.product)),
            entitled_vcpu=float(row.entitled_vcpu),
            consumption=float(row.recent_consumption),
            trend_month=exp(30 * row.trend_per_day) - 1,
            forecast=float(row.forecast_consumption),
            ends_on=row.term_ends_on if isinstance(row.term_ends_on, date) else None,
        )
        for row in risk[risk.day == day].sort_values(["customer_id", "product"]).itertuples()
    )


def _spread_risk(risk: "pd.DataFrame", days: Sequence[date]) -> dict[tuple[str, str], tuple[float, ...]]:
    places = {day: number for number, day in enumerate(days)}
    sums: dict[tuple[str, str], list[float]] = {}
    for row in risk.groupby(["day", "product", "risk_tier"], as_index=False).entitled_vcpu.sum().itertuples():
        if row.day in places:
            for product in (ALL, row.product):
                by_day = sums.setdefault((product, row.risk_tier), [0.0] * len(days))
                by_day[places[row.day]] += float(row.entitled_vcpu)
    return {key: tuple(values) for key, values in sums.items()}


def _spread_active(products: "pd.DataFrame", days: Sequence[date]) -> dict[str, tuple[int | None, ...]]:
    counted = {(row.product, row.day): int(row.active_customers) for row in products.itertuples()}
    names = sorted({product for product, _ in counted})
    return {product: tuple(counted.get((product, day)) for day in days) for product in names}
