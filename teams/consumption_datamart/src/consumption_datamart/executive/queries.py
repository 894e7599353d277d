"""What the page asks of the published tables: Ibis expressions, so that the engine sends what is shown and not what is stored.

What belongs here: choosing rows and columns. What does not: arithmetic for the page (`figures`). Every expression runs on each
engine that the team's tables are on.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import pandas as pd

TREND_DAYS = 180
"""Days that the trend shows."""
LOOK_BACK_DAYS = 14
"""A newest day whose telemetry is not complete is passed over, but no further back than this."""

HARMLESS = "sku__not_vcpu"
"""Marks lines of SKUs that are no vCPU SKUs; alone, it says nothing against a line."""


def newest_day(table: ibis.Table) -> ibis.Table:
    """The newest day of a table that has a `day`; null of an empty one: day."""
    return table.agg(day=table.day.max())


def window_start(newest: date) -> date:
    """The first day that the page reads when `newest` is the newest there is."""
    return newest - timedelta(days=TREND_DAYS + LOOK_BACK_DAYS - 1)


def consumption_window(consumption_daily: ibis.Table, first: date) -> ibis.Table:
    """Consumption from a day on: day, customer_id, product, used_vcpu, entitled_vcpu, category, doubtful_heartbeats."""
    rows = consumption_daily.filter(consumption_daily.day >= first)
    return rows.select(
        "day",
        "customer_id",
        "product",
        "used_vcpu",
        "category",
        "doubtful_heartbeats",
        entitled_vcpu=rows.entitled_vcpu.cast("float64"),
    )


def product_window(report_active_customers_by_product_daily: ibis.Table, first: date) -> ibis.Table:
    """Products from a day on: day, product, active_customers, heartbeats, doubtful_heartbeats."""
    report = report_active_customers_by_product_daily
    rows = report.filter(report.day >= first)
    return rows.select("day", "product", "active_customers", "heartbeats", "doubtful_heartbeats")


def risk_window(renewal_risk: ibis.Table, first: date) -> ibis.Table:
    """Risk from a day on: day, customer_id, product, risk_tier, entitled_vcpu, term_ends_on, recent_consumption,
    trend_per_day, forecast_consumption."""
    rows = renewal_risk.filter(renewal_risk.day >= first)
    return rows.select(
        "day",
        "customer_id",
        "product",
        "risk_tier",
        "term_ends_on",
        "recent_consumption",
        "trend_per_day",
        "forecast_consumption",
        entitled_vcpu=rows.entitled_vcpu.cast("float64"),
    )


def customer_names(dim_customer_daily: ibis.Table, first: date) -> ibis.Table:
    """Customers by their newest name since a day: customer_id, name."""
    rows = dim_customer_daily.filter(dim_customer_daily.day >= first)
    return rows.group_by("customer_id").agg(name=rows.name.argmax(rows.day))


def doubtful_lines(invoice_order_lines: ibis.Table) -> ibis.Table:
    """Lines that entitle to nothing because they are doubtful, over the whole history: day, customer_id, product, line_count."""
    lines = invoice_order_lines
    marks = lines.meta__warnings.length()
    harmless = lines.meta__warnings.contains(HARMLESS)
    rows = lines.filter((marks > 0) & ~((marks == 1) & harmless))
    return rows.group_by("day", "customer_id", "product").agg(line_count=rows.count())


def fetch(expression: ibis.Table) -> "pd.DataFrame":
    """The rows in memory; dates are `datetime.date`."""
    return expression.to_pyarrow().to_pandas(date_as_object=True)
