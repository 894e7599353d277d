"""A contract held against small frames of every kind, as a unit test of a team does."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headgate.contract import ContractError, load_contract
from headgate.testing import find_violations

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: analytics.usage
name: Usage
version: 1.0.0
status: active
team: {name: analytics}
schema:
  - name: usage
    description: One row a customer and day.
    properties:
      - {name: day, logicalType: date, description: Day., required: true}
      - name: customer
        logicalType: string
        description: Who.
        relationships: [{type: foreignKey, to: crm.customers.name}]
      - name: hours
        logicalType: integer
        description: How long.
        logicalTypeOptions: {minimum: 0}
        quality:
          - type: sql
            name: hours__high
            query: select count(*) from {table} where hours > 24
            mustBe: 0
            severity: warning
      - {name: meta__warnings, logicalType: array, physicalType: "VARCHAR[]", description: Doubts.}
"""
ROWS: dict[str, list[Any]] = {
    "day": [date(2026, 3, 1)] * 4,
    "customer": ["ann", "bob", "eve", None],
    "hours": [1, -2, 99, 4],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "usage.odcs.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "make",
    [pd.DataFrame, pl.DataFrame, pa.table, lambda rows: ibis.memtable(pa.table(rows))],
    ids=["pandas", "polars", "arrow", "ibis"],
)
def test_a_frame_of_any_kind(path: Path, make: Callable[[Any], Any]) -> None:
    customers = {"crm.customers": make({"name": ["ann", "eve"]})}
    frame = make(ROWS)
    if isinstance(frame, pd.DataFrame):
        frame["day"] = frame["day"].astype("date32[pyarrow]")
    found = find_violations(frame, path, tables=customers)
    assert {(r.rule.name, r.rule.severity, r.failed_rows, r.checked_rows) for r in found} == {
        ("customer__foreign_key", "error", 1, 4),
        ("hours__range", "error", 1, 4),
        ("hours__high", "warning", 1, 4),
    }
    assert (
        find_violations(frame[:1] if not isinstance(frame, ibis.Table) else frame.limit(1), path, tables=customers)
        == []
    )


def test_an_empty_frame_is_a_violation_unless_the_contract_allows_it(path: Path) -> None:
    empty = pa.table(
        {"day": pa.array([], pa.date32()), "customer": pa.array([], pa.string()), "hours": pa.array([], pa.int64())}
    )
    tables = {"crm.customers": pa.table({"name": ["ann"]})}
    [found] = find_violations(empty, path, tables=tables)
    assert found.message == "row_count: the number of rows is 0 and must be > 0"
    path.write_text(CONTRACT + "    quality: [{metric: rowCount, mustBeGreaterOrEqualTo: 0}]\n", encoding="utf-8")
    assert find_violations(empty, load_contract(path), tables=tables) == []


def test_columns_and_foreign_tables_that_are_missing(path: Path) -> None:
    customers = {"crm.customers": pa.table({"name": ["ann"]})}
    found = find_violations(pa.table({"day": ROWS["day"], "hours": ["many"] * 4}), path, tables=customers)
    assert {"schema", "customer__foreign_key"} <= {result.rule.name for result in found}
    with pytest.raises(ContractError, match="cannot be audited"):
        find_violations(pa.table(ROWS), path)
