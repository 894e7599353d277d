"""What the page asks of the published tables, as hand-made rows; run where the star's cases are: on the lake, DuckDB and
Snowflake's side."""

from decimal import Decimal
from typing import Any

from star.cases import Case, customer, day

from consumption_datamart.executive import queries

FIRST = day("11-01")


def line(when: str, customer_id: str | None, *codes: str) -> dict[str, Any]:
    return {"day": day(when), "customer_id": customer_id, "product": "X", "meta__warnings": list(codes)}


def _of(when: str, **values: Any) -> dict[str, Any]:
    return {"day": day(when), "customer_id": "C-000001", "product": "X", "entitled_vcpu": Decimal("12.500"), **values}


CASES = [
    Case(
        "the page starts from the newest day that there is",
        lambda days: queries.newest_day(days),
        {"days": [{"day": day(text)} for text in ("10-31", "11-02", "11-01")]},
        [{"day": day("11-02")}],
    ),
    Case(
        "of an empty table no day is the newest", lambda days: queries.newest_day(days), {"days": []}, [{"day": None}]
    ),
    Case(
        "the page reads consumption from a day on, entitlements as numbers",
        lambda consumption: queries.consumption_window(consumption, FIRST),
        {
            "consumption": [
                _of("10-31", used_vcpu=9.0, category="on", doubtful_heartbeats=1),
                _of("11-01", used_vcpu=2.0, category="under", doubtful_heartbeats=3),
            ]
        },
        [{"day": FIRST, "used_vcpu": 2.0, "entitled_vcpu": 12.5, "category": "under", "doubtful_heartbeats": 3}],
    ),
    Case(
        "the page reads products from a day on",
        lambda report: queries.product_window(report, FIRST),
        {
            "report": [
                {
                    "day": day(when),
                    "product": "X",
                    "active_customers": number,
                    "heartbeats": 9,
                    "doubtful_heartbeats": 1,
                }
                for when, number in (("10-31", 4), ("11-01", 5), ("11-02", 6))
            ]
        },
        [{"day": FIRST, "active_customers": 5}, {"day": day("11-02"), "active_customers": 6}],
    ),
    Case(
        "the page reads risk from a day on, also of a term without end",
        lambda risk: queries.risk_window(risk, FIRST),
        {
            "risk": [
                _of("10-31", risk_tier="low", forecast_consumption=0.9),
                _of("11-01", risk_tier="high", forecast_consumption=0.1),
            ]
        },
        [{"day": FIRST, "entitled_vcpu": 12.5, "risk_tier": "high", "forecast_consumption": 0.1, "term_ends_on": None}],
    ),
    Case(
        "a customer goes by its newest name since a day",
        lambda customers: queries.customer_names(customers, FIRST),
        {
            "customers": [
                {**customer("11-02", "small"), "name": "New Foods"},
                {**customer("11-01", "small"), "name": "Old Foods"},
                {**customer("10-31", "small", "C-000002"), "name": "Gone Foods"},
            ]
        },
        [{"customer_id": "C-000001", "name": "New Foods"}],
    ),
    Case(
        "a line of another SKU is held against nobody, unless something else is wrong with it",
        lambda lines: queries.doubtful_lines(lines),
        {
            "lines": [
                line("11-01", "C-000001"),
                line("11-01", "C-000001", "sku__not_vcpu"),
                line("11-01", "C-000001", "sku__not_vcpu", "row__repeated"),
                line("11-01", "C-000001", "quantity__negative"),
                line("11-02", None, "customer_id__invalid"),
            ]
        },
        [
            {"day": FIRST, "customer_id": "C-000001", "line_count": 2},
            {"day": day("11-02"), "customer_id": None, "line_count": 1},
        ],
    ),
]
