"""The rules of the star as hand-made rows: what goes in, what comes out. Every engine runs all of them.

A case is a function over tables, rows for these, and the rows that it must make. `test_queries` runs them on the lake; the suite
of `snowflake/` runs the same on Snowflake's side, so this module needs nothing but Ibis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir

from consumption_datamart.star import activity, consumption, dimensions, entitlement, risk, rows, usage

Rows = list[dict[str, Any]]

SCHEMAS = {
    "heartbeats": {
        "day": "date",
        "customer_id": "string",
        "deployment_id": "string",
        "product": "string",
        "vcpu": "float64",
        "memory_gb": "float64",
        "meta__warnings": "array<string>",
    },
    "lines": {
        "day": "date",
        "invoice_id": "string",
        "line_number": "int32",
        "customer_id": "string",
        "sku": "string",
        "product": "string",
        "line_type": "string",
        "quantity": "decimal(18, 3)",
        "term_months": "int32",
        "start_date": "date",
        "replaces": "string",
        "meta__file": "string",
        "meta__warnings": "array<string>",
    },
    "usage": {
        "day": "date",
        "deployment_id": "string",
        "customer_id": "string",
        "product": "string",
        "used_vcpu": "float64",
        "heartbeats": "int64",
    },
    "entitlement": {
        "day": "date",
        "customer_id": "string",
        "product": "string",
        "entitled_vcpu": "decimal(18, 3)",
        "next_end_on": "date",
        "last_end_on": "date",
    },
    "doubtful": {"day": "date", "customer_id": "string", "product": "string", "doubtful_heartbeats": "int64"},
    "days": {"day": "date"},
    "chosen": {"day": "date", "registered_on": "date"},
    "products": {
        "day": "date",
        "sku": "string",
        "product": "string",
        "is_vcpu": "boolean",
        "list_price": "decimal(18, 2)",
    },
    "deployments": {
        "day": "date",
        "deployment_id": "string",
        "customer_id": "string",
        "product": "string",
        "cloud": "string",
        "region": "string",
        "created_on": "date",
        "retired_on": "date",
    },
    "customers": {
        "day": "date",
        "customer_id": "string",
        "name": "string",
        "segment": "string",
        "country": "string",
        "customer_since": "date",
    },
    "consumption": {
        "day": "date",
        "customer_id": "string",
        "product": "string",
        "used_vcpu": "float64",
        "entitled_vcpu": "decimal(18, 3)",
        "category": "string",
        "doubtful_heartbeats": "int64",
        "next_end_on": "date",
    },
    "report": {
        "day": "date",
        "product": "string",
        "active_customers": "int64",
        "heartbeats": "int64",
        "doubtful_heartbeats": "int64",
    },
    "risk": {
        "day": "date",
        "customer_id": "string",
        "product": "string",
        "entitled_vcpu": "decimal(18, 3)",
        "term_ends_on": "date",
        "recent_consumption": "float64",
        "trend_per_day": "float64",
        "forecast_consumption": "float64",
        "risk_tier": "string",
    },
}
"""Table → its columns, in Ibis' types."""


@dataclass(frozen=True)
class Case:
    """One rule.

    Args:
        name: what must hold.
        query: tables by name → the result.
        tables: name → rows; a column that a row leaves out is null.
        expected: rows with the columns that matter, in the order of all their values.
    """

    name: str
    query: Callable[..., ir.Table]
    tables: dict[str, Rows]
    expected: Rows


def day(text: str) -> date:
    """`11-05` of 2026, or a whole date."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def days(first: str, last: str) -> Rows:
    start, end = day(first), day(last)
    return [{"day": start + timedelta(days=number)} for number in range((end - start).days + 1)]


# --- usage -----------------------------------------------------------------------------------------------------------


def beat(when: str, vcpu: float, *codes: str, **given: Any) -> dict[str, Any]:
    usual = {"customer_id": "C-000001", "deployment_id": "dep-x-1", "product": "X", "memory_gb": 2 * vcpu}
    return {**usual, **given, "day": day(when), "vcpu": vcpu, "meta__warnings": list(codes)}


USAGE = [
    Case(
        "a day's use is the mean of its heartbeats, by deployment",
        lambda heartbeats: usage.usage_by_day(heartbeats),
        {
            "heartbeats": [
                beat("11-01", 1.0),
                beat("11-01", 2.5),
                beat("11-01", 4.0, deployment_id="dep-x-2"),
                beat("11-02", 8.125),
            ]
        },
        [
            {
                "day": day("11-01"),
                "deployment_id": "dep-x-1",
                "used_vcpu": 1.75,
                "peak_vcpu": 2.5,
                "used_memory_gb": 3.5,
                "heartbeats": 2,
                "doubtful_heartbeats": 0,
            },
            {
                "day": day("11-01"),
                "deployment_id": "dep-x-2",
                "used_vcpu": 4.0,
                "peak_vcpu": 4.0,
                "used_memory_gb": 8.0,
                "heartbeats": 1,
                "doubtful_heartbeats": 0,
            },
            {
                "day": day("11-02"),
                "deployment_id": "dep-x-1",
                "used_vcpu": 8.125,
                "peak_vcpu": 8.125,
                "used_memory_gb": 16.25,
                "heartbeats": 1,
                "doubtful_heartbeats": 0,
            },
        ],
    ),
    Case(
        "doubtful heartbeats are counted beside the figures, and make no row alone",
        lambda heartbeats: usage.usage_by_day(heartbeats),
        {
            "heartbeats": [
                beat("11-01", 3.0),
                beat("11-01", -500.0, "vcpu__negative"),
                beat("11-01", 9.0, "ts__outside_day", "row__repeated"),
                beat("11-01", 7.0, "deployment_id__unknown", deployment_id="dep-x-999"),
            ]
        },
        [{"deployment_id": "dep-x-1", "used_vcpu": 3.0, "peak_vcpu": 3.0, "heartbeats": 1, "doubtful_heartbeats": 2}],
    ),
    Case(
        "doubtful heartbeats are counted by customer, unknown and missing ones too",
        lambda heartbeats: usage.doubtful_by_customer(heartbeats),
        {
            "heartbeats": [
                beat("11-01", 3.0),
                beat("11-01", -1.0, "vcpu__negative"),
                beat("11-01", 1.0, "customer_id__invalid", customer_id=None),
                beat("11-01", 1.0, "deployment_id__unknown", deployment_id="dep-x-9"),
            ]
        },
        [
            {"customer_id": "C-000001", "product": "X", "doubtful_heartbeats": 2},
            {"customer_id": None, "product": "X", "doubtful_heartbeats": 1},
        ],
    ),
]

# --- entitlement -----------------------------------------------------------------------------------------------------


def line(invoice: str, start: str, months: int | None, quantity: int, *codes: str, **given: Any) -> dict[str, Any]:
    usual = {
        "day": day(start),
        "line_number": 1,
        "customer_id": "C-000001",
        "sku": "X-VCPU-STD",
        "product": "X",
        "line_type": "new",
        "replaces": None,
        "meta__file": "a",
    }
    sold = {"invoice_id": invoice, "start_date": day(start), "term_months": months, "quantity": Decimal(quantity)}
    return {**usual, **sold, **given, "meta__warnings": list(codes)}


def terms(lines: ir.Table) -> ir.Table:
    return entitlement.end_terms(entitlement.read_terms(lines))


def entitled(lines: ir.Table, days: ir.Table) -> ir.Table:
    return entitlement.entitlement_by_day(terms(lines), days)


def right(when: str, vcpu: int, **given: Any) -> dict[str, Any]:
    return {"day": day(when), "entitled_vcpu": Decimal(vcpu), **given}


ENTITLEMENT = [
    Case(
        "a term that starts mid-month ends before the same day so many months later",
        entitled,
        {"lines": [line("I-1", "01-15", 3, 10)], "days": days("01-14", "01-15") + days("04-14", "04-15")},
        [right("01-15", 10, next_end_on=day("04-15")), right("04-14", 10, next_end_on=day("04-15"))],
    ),
    Case(
        "a month without that day ends the term on its last one, in leap years too",
        terms,
        {
            "lines": [
                line("I-1", "2026-01-31", 1, 1),
                line("I-2", "2024-01-31", 1, 1),
                line("I-3", "2024-02-29", 12, 1),
                line("I-4", "2026-11-30", 15, 1),
                line("I-5", "2026-12-31", 12, 1),
                line("I-6", "2026-08-31", 6, 1),
            ]
        },
        [
            {"invoice_id": "I-1", "ends_on": day("2026-02-28")},
            {"invoice_id": "I-2", "ends_on": day("2024-02-29")},
            {"invoice_id": "I-3", "ends_on": day("2025-02-28")},
            {"invoice_id": "I-4", "ends_on": day("2028-02-29")},
            {"invoice_id": "I-5", "ends_on": day("2027-12-31")},
            {"invoice_id": "I-6", "ends_on": day("2027-02-28")},
        ],
    ),
    Case(
        "overlapping subscriptions add up, by customer and product",
        entitled,
        {
            "lines": [
                line("I-1", "01-01", 12, 10),
                line("I-2", "03-01", 1, 5),
                line("I-3", "03-01", 12, 7, product="Y", sku="Y-VCPU-STD"),
                line("I-4", "03-01", 12, 9, customer_id="C-000002"),
            ],
            "days": days("03-31", "04-01"),
        },
        [
            {
                "day": day("03-31"),
                "customer_id": "C-000001",
                "product": "X",
                "entitled_vcpu": Decimal(15),
                "subscriptions": 2,
                "next_end_on": day("04-01"),
                "last_end_on": day("2027-01-01"),
            },
            {
                "day": day("03-31"),
                "customer_id": "C-000001",
                "product": "Y",
                "entitled_vcpu": Decimal(7),
                "subscriptions": 1,
                "next_end_on": day("2027-03-01"),
                "last_end_on": day("2027-03-01"),
            },
            {
                "day": day("03-31"),
                "customer_id": "C-000002",
                "product": "X",
                "entitled_vcpu": Decimal(9),
                "subscriptions": 1,
                "next_end_on": day("2027-03-01"),
                "last_end_on": day("2027-03-01"),
            },
            {
                "day": day("04-01"),
                "customer_id": "C-000001",
                "product": "X",
                "entitled_vcpu": Decimal(10),
                "subscriptions": 1,
                "next_end_on": day("2027-01-01"),
                "last_end_on": day("2027-01-01"),
            },
            {
                "day": day("04-01"),
                "customer_id": "C-000001",
                "product": "Y",
                "entitled_vcpu": Decimal(7),
                "subscriptions": 1,
                "next_end_on": day("2027-03-01"),
                "last_end_on": day("2027-03-01"),
            },
            {
                "day": day("04-01"),
                "customer_id": "C-000002",
                "product": "X",
                "entitled_vcpu": Decimal(9),
                "subscriptions": 1,
                "next_end_on": day("2027-03-01"),
                "last_end_on": day("2027-03-01"),
            },
        ],
    ),
    Case(
        "an upgrade ends the line it names on its own start",
        entitled,
        {
            "lines": [
                line("I-1", "01-01", 12, 10),
                line("I-2", "06-01", 12, 16, line_type="upgrade", replaces="I-1/1"),
            ],
            "days": days("05-31", "06-01"),
        },
        [right("05-31", 10, last_end_on=day("06-01")), right("06-01", 16, last_end_on=day("2027-06-01"))],
    ),
    Case(
        "a credit entitles to nothing and ends the line it names on its day",
        entitled,
        {
            "lines": [
                line("I-1", "01-01", 12, 10),
                line("I-2", "01-01", 12, 3, line_number=2),
                line("I-3", "06-01", 12, -10, line_type="credit", replaces="I-1/1"),
            ],
            "days": days("05-31", "06-01"),
        },
        [right("05-31", 13, subscriptions=2), right("06-01", 3, subscriptions=1)],
    ),
    Case(
        "a credit after the end changes nothing, and neither does one that arrived doubtful",
        entitled,
        {
            "lines": [
                line("I-1", "01-01", 1, 10),
                line("I-2", "06-01", 1, -10, line_type="credit", replaces="I-1/1"),
                line("I-3", "01-01", 12, 4),
                line("I-4", "01-20", 12, -4, "customer_id__unknown", line_type="credit", replaces="I-3/1"),
            ],
            "days": days("01-31", "02-01"),
        },
        [right("01-31", 14), right("02-01", 4)],
    ),
    Case(
        "a line without end entitles for ever, unless something ends it",
        entitled,
        {
            "lines": [line("I-1", "01-01", None, 10), line("I-2", "01-01", 1, 2)],
            "days": days("01-31", "02-01") + days("2035-01-01", "2035-01-01"),
        },
        [
            right("01-31", 12, next_end_on=day("02-01"), last_end_on=None),
            right("02-01", 10, next_end_on=None, last_end_on=None),
            right("2035-01-01", 10, next_end_on=None, last_end_on=None),
        ],
    ),
    Case(
        "doubtful lines entitle to nothing; nor do those of SKUs without vCPU, which are marked too",
        entitled,
        {
            "lines": [
                line("I-1", "01-01", 12, 10),
                line("I-2", "01-01", 12, 99, "sku__not_vcpu", sku="X-SUPPORT"),
                line("I-3", "01-01", 12, 99, "sku__unknown", sku="X-VCPU-LEGACY-1"),
                line("I-4", "01-01", 12, -5, "quantity__negative"),
            ],
            "days": days("02-01", "02-01"),
        },
        [right("02-01", 10, subscriptions=1)],
    ),
    Case(
        "a line that is in two dumps counts once",
        entitled,
        {
            "lines": [line("I-1", "01-01", 12, 10), {**line("I-1", "01-01", 12, 10), "day": day("01-05")}],
            "days": days("02-01", "02-01"),
        },
        [right("02-01", 10, subscriptions=1)],
    ),
]

# --- consumption -----------------------------------------------------------------------------------------------------


def used(when: str, vcpu: float, customer: str = "C-000001", **given: Any) -> dict[str, Any]:
    usual = {"product": "X", "deployment_id": f"dep-{customer}", "heartbeats": 10}
    return {**usual, **given, "day": day(when), "customer_id": customer, "used_vcpu": vcpu}


def may_use(when: str, vcpu: int, customer: str = "C-000001", **given: Any) -> dict[str, Any]:
    usual = {"product": "X", "next_end_on": day("2026-12-31"), "last_end_on": day("2026-12-31")}
    return {**usual, **given, "day": day(when), "customer_id": customer, "entitled_vcpu": Decimal(vcpu)}


def told(customer: str, used_vcpu: float, vcpu: int, ratio: float | None, category: str) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "used_vcpu": used_vcpu,
        "entitled_vcpu": Decimal(vcpu),
        "consumption": ratio,
        "category": category,
    }


CONSUMPTION = [
    Case(
        "every kind of customer, at the edges; nothing is divided by zero",
        consumption.consumption_by_day,
        {
            "usage": [
                used("11-01", 5.0, "C-000001"),
                used("11-01", 6.0, "C-000002"),
                used("11-01", 10.0, "C-000003"),
                used("11-01", 10.5, "C-000004"),
                used("11-01", 3.0, "C-000006"),
                used("11-01", 0.0, "C-000007"),
                used("11-01", 0.0, "C-000008"),
            ],
            "entitlement": [may_use("11-01", 10, f"C-00000{number}") for number in (1, 2, 3, 4, 5, 8)],
            "doubtful": [],
        },
        [
            told("C-000001", 5.0, 10, 0.5, "under"),
            told("C-000002", 6.0, 10, 0.6, "on"),
            told("C-000003", 10.0, 10, 1.0, "on"),
            told("C-000004", 10.5, 10, 1.05, "over"),
            told("C-000005", 0.0, 10, 0.0, "no_usage"),
            told("C-000006", 3.0, 0, None, "no_entitlement"),
            told("C-000007", 0.0, 0, None, "no_entitlement"),
            told("C-000008", 0.0, 10, 0.0, "no_usage"),
        ],
    ),
    Case(
        "deployments add up; days and products stay apart; doubtful heartbeats stand beside",
        consumption.consumption_by_day,
        {
            "usage": [
                used("11-01", 1.5),
                used("11-01", 2.0, deployment_id="other", heartbeats=5),
                used("11-01", 4.0, product="Y"),
                used("11-02", 8.0),
            ],
            "entitlement": [may_use("11-01", 7), may_use("11-02", 8)],
            "doubtful": [
                {"day": day("11-01"), "customer_id": "C-000001", "product": "X", "doubtful_heartbeats": 3},
                {"day": day("11-01"), "customer_id": "C-999999", "product": "X", "doubtful_heartbeats": 9},
                {"day": day("11-01"), "customer_id": None, "product": "X", "doubtful_heartbeats": 9},
            ],
        },
        [
            {
                "day": day("11-01"),
                "product": "X",
                "used_vcpu": 3.5,
                "consumption": 0.5,
                "deployments": 2,
                "heartbeats": 15,
                "doubtful_heartbeats": 3,
                "next_end_on": day("12-31"),
            },
            {
                "day": day("11-01"),
                "product": "Y",
                "used_vcpu": 4.0,
                "consumption": None,
                "deployments": 1,
                "heartbeats": 10,
                "doubtful_heartbeats": 0,
                "next_end_on": None,
            },
            {
                "day": day("11-02"),
                "product": "X",
                "used_vcpu": 8.0,
                "consumption": 1.0,
                "deployments": 1,
                "heartbeats": 10,
                "doubtful_heartbeats": 0,
                "next_end_on": day("12-31"),
            },
        ],
    ),
]

# --- activity --------------------------------------------------------------------------------------------------------

ACTIVITY = [
    Case(
        "active are those of 30 days: 29 days before counts, 30 days before does not",
        activity.count_active,
        {
            "usage": [used("10-03", 1.0, "C-000029"), used("10-02", 1.0, "C-000030"), used("11-01", 1.0, "C-000000")],
            "days": days("10-31", "11-01"),
        },
        [
            {"day": day("10-31"), "product": "X", "active_customers": 2},
            {"day": day("11-01"), "product": "X", "active_customers": 2},
        ],
    ),
    Case(
        "a customer counts once however often and wherever it was used; none by a deployment that used nothing",
        activity.count_active,
        {
            "usage": [
                *(used(when, 1.0) for when in ("10-20", "10-25", "11-01")),
                used("11-01", 2.0, deployment_id="other"),
                used("11-01", 2.0, product="Y"),
                used("11-01", 0.0, "C-000002"),
            ],
            "days": days("11-01", "11-01") + days("11-30", "12-01"),
        },
        [
            {"day": day("11-01"), "product": "X", "active_customers": 1},
            {"day": day("11-01"), "product": "Y", "active_customers": 1},
            {"day": day("11-30"), "product": "X", "active_customers": 1},
            {"day": day("11-30"), "product": "Y", "active_customers": 1},
        ],
    ),
    Case(
        "the report has a row for each product, also for one that nobody uses",
        activity.activity_by_day,
        {
            "products": [
                {"day": day("11-01"), "sku": sku, "product": sku[0]}
                for sku in ("X-VCPU-STD", "X-SUPPORT", "Y-VCPU-STD")
            ],
            "usage": [used("11-01", 1.5), used("10-31", 9.0, "C-000002"), used("11-01", 2.0, deployment_id="other")],
            "entitlement": [may_use("11-01", 10), may_use("11-01", 5, "C-000003")],
            "doubtful": [
                {"day": day("11-01"), "customer_id": None, "product": "X", "doubtful_heartbeats": 2},
                {"day": day("11-01"), "customer_id": "C-000001", "product": "X", "doubtful_heartbeats": 1},
            ],
            "days": days("11-01", "11-01"),
        },
        [
            {
                "day": day("11-01"),
                "product": "X",
                "active_customers": 2,
                "customers_using": 1,
                "entitled_customers": 2,
                "used_vcpu": 3.5,
                "entitled_vcpu": Decimal(15),
                "heartbeats": 20,
                "doubtful_heartbeats": 3,
            },
            {
                "day": day("11-01"),
                "product": "Y",
                "active_customers": 0,
                "customers_using": 0,
                "entitled_customers": 0,
                "used_vcpu": 0.0,
                "entitled_vcpu": Decimal(0),
                "heartbeats": 0,
                "doubtful_heartbeats": 0,
            },
        ],
    ),
]

# --- dimensions ------------------------------------------------------------------------------------------------------


def customer(when: str, segment: str, who: str = "C-000001") -> dict[str, Any]:
    about = {"name": "Alpine Foods", "country": "DE", "customer_since": day("2025-01-01")}
    return {**about, "day": day(when), "customer_id": who, "segment": segment}


DIMENSIONS = [
    Case(
        "attributes are those of the day's register; a day without one has another's",
        lambda customers, chosen: dimensions.attributes_by_day(customers, chosen, "customer_id"),
        {
            "customers": [
                customer("11-01", "small"),
                customer("11-03", "large"),
                customer("11-03", "small", "C-000002"),
                customer("11-03", "small", "C-000002"),
            ],
            "chosen": [
                {"day": day("11-01"), "registered_on": day("11-01")},
                {"day": day("11-02"), "registered_on": day("11-01")},
                {"day": day("11-03"), "registered_on": day("11-03")},
            ],
        },
        [
            {"day": day("11-01"), "customer_id": "C-000001", "segment": "small", "registered_on": day("11-01")},
            {"day": day("11-02"), "customer_id": "C-000001", "segment": "small", "registered_on": day("11-01")},
            {"day": day("11-03"), "customer_id": "C-000001", "segment": "large", "registered_on": day("11-03")},
            {"day": day("11-03"), "customer_id": "C-000002", "segment": "small", "registered_on": day("11-03")},
        ],
    ),
    Case(
        "a price list keeps what a SKU cost on the day",
        lambda products, chosen: dimensions.attributes_by_day(products, chosen, "sku"),
        {
            "products": [
                {
                    "day": day(when),
                    "sku": sku,
                    "product": "X",
                    "is_vcpu": sku != "X-SUPPORT",
                    "list_price": Decimal(price),
                }
                for when, sku, price in (
                    ("11-01", "X-VCPU-STD", "9.50"),
                    ("11-02", "X-VCPU-STD", "9.90"),
                    ("11-02", "X-SUPPORT", "100"),
                )
            ],
            "chosen": [{"day": day(when), "registered_on": day(when)} for when in ("11-01", "11-02")],
        },
        [
            {"day": day("11-01"), "sku": "X-VCPU-STD", "is_vcpu": True, "list_price": Decimal("9.5")},
            {"day": day("11-02"), "sku": "X-SUPPORT", "is_vcpu": False, "list_price": Decimal(100)},
            {"day": day("11-02"), "sku": "X-VCPU-STD", "is_vcpu": True, "list_price": Decimal("9.9")},
        ],
    ),
    Case(
        "a deployment belongs to whom it belonged to on the day, and is retired from its day on",
        lambda deployments, chosen: dimensions.attributes_by_day(deployments, chosen, "deployment_id"),
        {
            "deployments": [
                {"day": day(when), "deployment_id": "dep-1", "customer_id": who, "product": "X", "retired_on": retired}
                for when, who, retired in (("11-01", "C-000001", None), ("11-02", "C-000002", day("11-02")))
            ],
            "chosen": [{"day": day(when), "registered_on": day(when)} for when in ("11-01", "11-02")],
        },
        [
            {"day": day("11-01"), "deployment_id": "dep-1", "customer_id": "C-000001", "retired_on": None},
            {"day": day("11-02"), "deployment_id": "dep-1", "customer_id": "C-000002", "retired_on": day("11-02")},
        ],
    ),
]

# --- rows ------------------------------------------------------------------------------------------------------------


def seen(*texts: str, back: int = 0) -> Callable[[ir.Table], ir.Table]:
    return lambda days: rows.of_days(days, [day(text) for text in texts], back=back)


_SPREAD: dict[str, Rows] = {"days": [{"day": day(text)} for text in ("10-01", "10-02", "10-05", "11-01")]}
ROWS = [
    Case(
        "of days that lie apart these alone are read",
        seen("10-01", "10-05"),
        _SPREAD,
        [{"day": day("10-01")}, {"day": day("10-05")}],
    ),
    Case(
        "of days in a row all are read", seen("10-01", "10-02"), _SPREAD, [{"day": day("10-01")}, {"day": day("10-02")}]
    ),
    Case(
        "29 days before a day are read too",
        seen("11-01", back=29),
        _SPREAD,
        [{"day": day("10-05")}, {"day": day("11-01")}],
    ),
]

# --- risk ------------------------------------------------------------------------------------------------------------


def course(customer_id: str, use: Callable[[int], float], *, ends: str | None, first: int = 0) -> Rows:
    """Consumption of the 30 days from 1 October on, 100 vCPU being entitled; `use` is of the day's number, 0 to 29."""
    return [
        {
            "day": day("10-01") + timedelta(days=number),
            "customer_id": customer_id,
            "product": "X",
            "used_vcpu": use(number),
            "entitled_vcpu": Decimal(100),
            "next_end_on": day(ends) if ends else None,
        }
        for number in range(first, 30)
    ]


RISK = [
    Case(
        "steady use stays what it is; one wild day moves nothing",
        risk.risk_by_day,
        {
            "consumption": course("C-000001", lambda number: 5_000.0 if number == 27 else 80.0, ends="11-29"),
            "days": days("10-30", "10-30"),
        },
        [
            {
                "customer_id": "C-000001",
                "days_to_end": 30,
                "observed_days": 30,
                "recent_consumption": 0.8,
                "trend_per_day": 0.0,
                "forecast_vcpu": 80.0,
                "forecast_consumption": 0.8,
                "outlook": "steady",
                "risk_tier": "low",
            }
        ],
    ),
    Case(
        "use that halves in 20 days is carried on to the end of the term",
        lambda consumption, days: risk.risk_by_day(consumption, days).mutate(
            forecast=ibis._.forecast_consumption.round(4),
            halved=(ibis._.trend_per_day * -20 / 0.6931471805599453).round(6),
        ),
        {
            # In the first third 100, in the last 50; the middle of the last is 4.5 days before the day.
            "consumption": course("C-000001", lambda number: 100.0 if number < 15 else 50.0, ends="11-14"),
            "days": days("10-30", "10-30"),
        },
        # 0.5 × e^(−(ln 2 ÷ 20 − 0.008) × (15 + 4.5))
        [
            {
                "days_to_end": 15,
                "recent_vcpu": 50.0,
                "halved": 1.0,
                "forecast": 0.2973,
                "outlook": "shrink",
                "risk_tier": "high",
            }
        ],
    ),
    Case(
        "a drift of less than 0.8 % a day is told, and not carried on",
        lambda consumption, days: risk.risk_by_day(consumption, days).mutate(trend=ibis._.trend_per_day.round(6)),
        {
            # 100 in the first third, 88 in the last: 0.64 % a day.
            "consumption": course("C-000001", lambda number: 100.0 if number < 15 else 88.0, ends="12-29"),
            "days": days("10-30", "10-30"),
        },
        [{"trend": -0.006392, "forecast_consumption": 0.88, "outlook": "steady", "risk_tier": "low"}],
    ),
    Case(
        "growth is told; a term without end is looked at 90 days ahead; who stopped has nothing left",
        lambda consumption, days: risk.risk_by_day(consumption, days).mutate(
            forecast=ibis._.forecast_consumption.round(4)
        ),
        {
            "consumption": course("C-000001", lambda number: 40.0 if number < 15 else 80.0, ends=None)
            + course("C-000002", lambda number: 40.0 if number < 15 else 0.0, ends="10-31"),
            "days": days("10-30", "10-30"),
        },
        # 0.8 × e^((ln 2 ÷ 20 − 0.008) × 94.5)
        [
            {
                "customer_id": "C-000001",
                "days_to_end": None,
                "forecast": 9.9341,
                "outlook": "grow",
                "risk_tier": "low",
            },
            {"customer_id": "C-000002", "days_to_end": 1, "forecast": 0.0, "outlook": "shrink", "risk_tier": "high"},
        ],
    ),
    Case(
        "who is new has no trend yet, and nobody sees later days",
        risk.risk_by_day,
        {
            "consumption": [
                *course("C-000001", lambda number: float(number), ends="11-29", first=25),
                {**course("C-000001", lambda number: 0.0, ends="11-29")[-1], "day": day("10-31")},
            ],
            "days": days("10-30", "10-30"),
        },
        [{"observed_days": 5, "recent_vcpu": 27.0, "trend_per_day": 0.0, "forecast_vcpu": 27.0, "risk_tier": "high"}],
    ),
]

CASES = [*USAGE, *ENTITLEMENT, *CONSUMPTION, *ACTIVITY, *DIMENSIONS, *ROWS, *RISK]


def comparable(rows: Rows, columns: list[str]) -> list[tuple[str, ...]]:
    """Rows as texts in order: numbers to nine places, the same whichever type an engine has for them."""
    return sorted(tuple(_text(row[column]) for column in columns) for row in rows)


def _text(value: Any) -> str:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{float(value) + 0.0:.9f}"
    return str(value)[:10] if isinstance(value, date) else str(value)
