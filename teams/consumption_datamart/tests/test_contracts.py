"""The rules of the lake tables' contracts on small frames: the same validation that the gate and the schedule use."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate.contract import load_contract, load_contracts
from headgate.testing import find_violations

CONTRACTS = Path(__file__).parents[1] / "contracts"
DAY = date(2026, 10, 25)
MIDNIGHT = datetime(2026, 10, 25, tzinfo=UTC)

COMES = {"day": DAY, "meta__delivery": 1, "meta__file": "f", "meta__warnings": []}
BEAT = COMES | {
    "ts": MIDNIGHT,
    "product": "X",
    "customer_id": "C-000001",
    "deployment_id": "dep-1",
    "cloud": "aws",
    "region": "eu-central-1",
    "vcpu": 1.5,
    "memory_gb": 6.0,
}
LINE = COMES | {
    "invoice_id": "I-1",
    "line_number": 1,
    "order_date": DAY,
    "customer_id": "C-000001",
    "sku": "X-VCPU-STD",
    "product": "X",
    "line_type": "new",
    "quantity": 10.0,
    "term_months": 12,
    "start_date": DAY,
    "amount": 95.0,
    "currency": "USD",
    "sales_channel": "direct",
    "replaces": None,
}


def broken(table: str, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Rule → how many rows break it."""
    contract = load_contract(CONTRACTS / f"{table}.odcs.yaml")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create table rows ({', '.join(f'{one.name} {one.sql_type}' for one in contract.columns)})")
        for row in rows:
            connection.execute(
                f"insert into rows by name select {', '.join(f'? as {name}' for name in row)}", [*row.values()]
            )
        found = find_violations(connection.execute("from rows").to_arrow_table(), contract)
    return {one.rule.name: one.failed_rows for one in found}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"customer_id": None}, "customer_id__invalid"),
        ({"customer_id": "C-1"}, "customer_id__invalid"),
        ({"vcpu": -0.001}, "vcpu__negative"),
        ({"memory_gb": -1.0}, "vcpu__negative"),
        ({"ts": MIDNIGHT - timedelta(milliseconds=1)}, "ts__outside_day"),
        ({"ts": MIDNIGHT + timedelta(days=1)}, "ts__outside_day"),
        ({"deployment_id": None}, "fields__missing"),
        ({"product": "Z"}, "product__allowed_values"),
    ],
)
def test_a_heartbeat_that_is_not_right_is_found(change: dict[str, Any], rule: str) -> None:
    edges = [BEAT, BEAT | {"ts": MIDNIGHT + timedelta(days=1, milliseconds=-1), "vcpu": 0.0}]
    assert broken("cloud_deployment_heartbeats", edges) == {}
    assert broken("cloud_deployment_heartbeats", [*edges, BEAT | change]) == {rule: 1}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"customer_id": "nobody"}, "customer_id__invalid"),
        ({"quantity": -1.0}, "quantity__negative"),
        ({"term_months": None}, "term_months__missing"),
        ({"line_type": "gift"}, "line_type__unknown"),
        ({"amount": None}, "fields__missing"),
    ],
)
def test_an_invoice_line_that_is_not_right_is_found(change: dict[str, Any], rule: str) -> None:
    good = [LINE, LINE | {"line_type": "credit", "quantity": -5.0, "amount": -47.5, "replaces": "I-0/1"}]
    assert broken("invoice_order_lines", good) == {}
    assert broken("invoice_order_lines", [*good, LINE | change]) == {rule: 1}


def test_every_table_promises_what_can_be_measured_of_it() -> None:
    """Freshness of all but the calendar, which does not age; doubtful rows of all that have a rule for doubt."""
    contracts = load_contracts(CONTRACTS)
    assert len(contracts) == 15
    for name, contract in contracts.items():
        doubts = any(rule.severity == "warning" for rule in contract.rules)
        promised = (
            {"correctness"} | ({"warnings"} if doubts else set()) | ({"freshness"} if name != "dim_day" else set())
        )
        assert {level.property for level in contract.measured_levels} == promised, name
