"""The custom properties `alert` and `error` of a warning, and the column that warnings are marked in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.contract import ContractError, Limits, load_contract

Write = Callable[..., Path]

RULE = """
- name: price
  logicalType: integer
  quality:
    - type: sql
      name: price__high
      query: {query}
      mustBe: 0
      severity: {severity}
      customProperties:
        {properties}
"""
COUNT = "select count(*) from {table} where {column} > 10"


def write_rule(write: Write, properties: str, *, query: str = COUNT, severity: str = "warning") -> Path:
    return write(RULE.format(query=query, severity=severity, properties=properties))


def test_limits_are_read(write_contract: Write) -> None:
    properties = (
        "[{property: alert, value: {percent: 2.5, deviations: 4, window: 30, minimumHistory: 10}}, "
        "{property: error, value: {rows: 1000}}, {property: x-ticket, value: 7}]"
    )
    contract = load_contract(write_rule(write_contract, properties))
    rule = next(rule for rule in contract.rules if rule.name == "price__high")
    assert rule.alert == Limits(percent=2.5, deviations=4, window=30, minimum_history=10)
    assert rule.error == Limits(rows=1000) and contract.warning_rules == (rule,)


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ("- {property: alarm, value: {rows: 1}}", "unknown custom property alarm"),
        ("- {property: alert, value: 100}", "alert: 100 limits nothing"),
        ("- {property: alert, value: {}}", "limits nothing"),
        ("- {property: alert, value: {window: 9}}", "says how much history, and limits nothing"),
        ("- {property: alert, value: {row: 9}}", "alert has no limit row"),
        ("- {property: alert, value: {rows: many}}", "rows: 'many' is not a number"),
        ("- {property: alert, value: {rows: true}}", "rows: True is not a number"),
        ("- {property: alert, value: {rows: 1.5}}", "rows: 1.5 is not a whole number"),
        ("- {property: alert, value: {rows: -1}}", "rows: -1 is not a number of rows"),
        ("- {property: alert, value: {percent: 100}}", "percent: 100 can never be exceeded"),
        ("- {property: alert, value: {deviations: 0}}", "deviations: 0 is not above 0"),
        ("- {property: alert, value: {deviations: 4, minimumHistory: 2}}", "minimumHistory: 2 is too little"),
        ("- {property: alert, value: {deviations: 4, window: 5}}", "minimumHistory 8 is more than the window of 5"),
        ("- {property: alert, value: {rows: 4, window: 30}}", "window belongs to deviations, which alert lacks"),
        ("[{property: alert, value: {rows: 1}}, {property: alert, value: {rows: 2}}]", "alert is given twice"),
    ],
)
def test_a_wrong_limit_is_refused_at_its_line(write_contract: Write, properties: str, what: str) -> None:
    path = write_rule(write_contract, properties)
    with pytest.raises(ContractError) as refusal:
        load_contract(path)
    assert what in refusal.value.what
    text = path.read_text(encoding="utf-8").splitlines()
    assert text[int(refusal.value.where.rpartition(":")[2]) - 1].strip() == properties


def test_only_a_warning_that_counts_rows_has_limits(write_contract: Write) -> None:
    limits = "- {property: alert, value: {rows: 1}}"
    with pytest.raises(ContractError, match="price__high is an error by itself"):
        load_contract(write_rule(write_contract, limits, severity="error"))
    with pytest.raises(ContractError, match="price__high counts none"):
        load_contract(write_rule(write_contract, limits, query="select max({column}) from {table}"))


def test_the_warnings_column_is_a_list_of_text(write_contract: Write) -> None:
    column = "- name: meta__warnings\n  logicalType: array\n  physicalType: {kind}\n"
    assert load_contract(write_contract(column.format(kind="VARCHAR[]"))).has_warnings_column
    with pytest.raises(ContractError, match=r"meta__warnings is BIGINT\[\], and the gate writes a list of text"):
        load_contract(write_contract(column.format(kind="BIGINT[]")))


def test_profiles_are_asked_for(write_contract: Write) -> None:
    column = "- {name: id, logicalType: integer, description: Number.}"
    assert not load_contract(write_contract(column)).is_profiled
    assert load_contract(
        write_contract(column, top="customProperties: [{property: profile, value: columns}]\n")
    ).is_profiled
