"""Contracts that the standard or Headgate refuses, each with the line, the fault and the next step."""

import re

import pytest

from headgate.contract import ContractError, load_contract

ID = "- name: id\n  logicalType: integer\n"


def refuse(path) -> ContractError:
    with pytest.raises(ContractError) as refusal:
        load_contract(path)
    assert refusal.value.where.startswith(f"{path}:")
    assert len(str(refusal.value).splitlines()) == 3
    return refusal.value


def line_of(error: ContractError) -> int:
    return int(error.where.rpartition(":")[2])


def text_at(error: ContractError, path) -> str:
    """The line that the error points at."""
    return path.read_text(encoding="utf-8").splitlines()[line_of(error) - 1].strip()


@pytest.mark.parametrize(
    ("column", "points_at", "what"),
    [
        ("  requird: true", "requird: true", "unknown key requird; did you mean required?"),
        ("  required: yep", "required: yep", "required should be a valid boolean, not 'yep'"),
        ("  required: 1", "required: 1", "required should be a valid boolean, not 1"),
        ("  unique: 'true'", "unique: 'true'", "unique should be a valid boolean, not 'true'"),
        ("  examples: 3", "examples: 3", "examples should be a valid list, not 3"),
        ("  tags: [1]", "tags: [1]", "tags should be a valid string, not 1"),
        ("  logicalTypeOptions: {minimun: 0}", "logicalTypeOptions: {minimun: 0}", "did you mean minimum?"),
        ("  logicalTypeOptions: {multipleOf: 5}", "logicalTypeOptions: {multipleOf: 5}", "unknown key multipleOf"),
        ("  logicalTypeOptions: {minimum: a}", "logicalTypeOptions: {minimum: a}", "'a' is not a value of BIGINT"),
        ("  logicalTypeOptions: {minimum: true}", "logicalTypeOptions: {minimum: true}", "minimum should be"),
        (
            "  logicalTypeOptions:\n    minimum: 5\n    maximum: 4",
            "maximum: 4",
            "minimum 5 and maximum 4 contradict each other",
        ),
        (
            "  logicalTypeOptions:\n    exclusiveMinimum: 4\n    maximum: 4",
            "maximum: 4",
            "exclusiveMinimum 4 and maximum 4 contradict each other",
        ),
        (
            "  logicalTypeOptions:\n    minimum: 4\n    exclusiveMinimum: 4",
            "exclusiveMinimum: 4",
            "both minimum and exclusiveMinimum",
        ),
        ("  logicalTypeOptions: {pattern: x}", "logicalTypeOptions: {pattern: x}", "pattern has no meaning"),
        ("  logicalTypeOptions: {maxLength: 3}", "logicalTypeOptions: {maxLength: 3}", "maxLength has no meaning"),
        ("  logicalTypeOptions: {timezone: true}", "logicalTypeOptions: {timezone: true}", "timezone has no meaning"),
        ("  physicalType: varchar", "physicalType: varchar", "varchar is not a type for a integer"),
        ("  physicalName: other", "physicalName: other", "physicalName other differs"),
        ("  primaryKeyPosition: 1", "primaryKeyPosition: 1", "primaryKeyPosition without primaryKey"),
        ("  primaryKey: true\n  primaryKeyPosition: 2", "properties:", "the positions of primaryKey are 2"),
        ("  partitionKeyPosition: 1", "partitionKeyPosition: 1", "partitionKeyPosition without partitioned"),
        ("  enum: []", "enum: []", "no value is allowed"),
        ("  enum: [{value: a}]", "enum: [{value: a}]", "'a' is not a value of BIGINT"),
        ("  relationships: [{to: orders}]", "relationships: [{to: orders}]", "not the name of a column"),
        ("  relationships: [{to: a.b.c.d}]", "relationships: [{to: a.b.c.d}]", "not the name of a column"),
        ("  relationships: [{to: [a.b, a.c]}]", "relationships: [{to: [a.b, a.c]}]", "1 columns and points at 2"),
        ("  relationships: [{to: a.b, from: x.y}]", "relationships: [{to: a.b, from: x.y}]", "has no from"),
        ("  relationships: [{to: orders.nope}]", "relationships: [{to: orders.nope}]", "has no such column"),
        ("  relationships: [{to: a.b, type: x}]", "relationships: [{to: a.b, type: x}]", "should be 'foreignKey'"),
        ("  customProperties: [{property: maskin, value: x}]", None, "unknown custom property maskin"),
        ("  customProperties: [{property: masking, value: hash}]", None, "not classified as personal"),
        ("  classification: personal", "classification: personal", "says nothing of its masking"),
        (
            "  classification: personal\n  customProperties: [{property: masking, value: rot13}]",
            None,
            "masking: 'rot13' is not one of hash, mask",
        ),
        (
            "  classification: personal\n  customProperties: [{property: masking, value: hash}]",
            "logicalType: integer",
            "is published as text, and the contract says BIGINT",
        ),
    ],
)
def test_columns(write_contract, column: str, points_at: str | None, what: str) -> None:
    path = write_contract(f"{ID}{column}\n")
    error = refuse(path)
    assert what in error.what
    if points_at is not None:
        assert text_at(error, path) == points_at


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("{metric: nullValues}", "says nothing its value must be"),
        ("{metric: nullValues, mustBe: 0, mustBeLessThan: 3}", "has mustBe and mustBeLessThan"),
        ("{metric: nullValues, mustBe: none}", "mustBe: 'none' is not a number"),
        ("{metric: nullValues, mustBe: true}", "mustBe: True is not a number"),
        ("{metric: nullValues, mustBe: null}", "mustBe: None is no pair of bounds"),
        ("{metric: nullValues, mustBeBetween: [3, 1]}", "mustBeBetween: [3, 1] is no pair of bounds"),
        ("{metric: nullValues, mustBeBetween: [1]}", "mustBeBetween: [1] is no pair of bounds"),
        ("{metric: nullValues, mustBeLessThan: 101, unit: percent}", "101 is not a percentage"),
        ("{metric: nullValues, mustBe: 0, unit: share}", "unit should be 'rows' or 'percent'"),
        ("{metric: nullValues, mustBe: 0, severity: info}", "severity should be 'error' or 'warning'"),
        ("{metric: nullValues, mustBe: 0, name: Not Snake}", "'Not Snake' is not the name of a rule"),
        ("{metric: nullValues, mustBe: 0, arguments: {pattern: x}}", "nullValues has no argument pattern"),
        ("{metric: nullValues, mustBe: 0, query: select 1}", "a rule of type library has no query"),
        ("{metric: rowCount, mustBe: 0}", "rowCount belongs to the table"),
        ("{metric: duplicateValues, mustBe: 0, unit: percent}", "unit: percent has no meaning"),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: [id]}}", "needs one column, or"),
        ("{metric: invalidValues, mustBe: 0}", "says nothing of what is valid"),
        ("{metric: invalidValues, mustBe: 0, arguments: {validValues: []}}", "no value is allowed"),
        ("{metric: invalidValues, mustBe: 0, arguments: {validValues: [x]}}", "'x' is not a value of BIGINT"),
        ("{metric: missingValues, mustBe: 0, arguments: {missingValues: [x]}}", "'x' is not a value of BIGINT"),
        ("{metric: uniqueness, mustBe: 0}", "metric should be 'nullValues'"),
        ("{mustBe: 0}", "the rule has no metric"),
        ("{type: custom, mustBe: 0}", "type should be 'library', 'sql' or 'text'"),
        ("{type: sql, name: x, mustBe: 0}", "a rule of type sql has a query"),
        ("{type: sql, query: select 1, mustBe: 0}", "a rule of type sql has no name"),
        ("{type: sql, name: x, query: select nope from orders, mustBe: 0}", 'column "nope" not found'),
        ("{type: sql, name: x, query: select count(*) from customers, mustBe: 0}", "may read only shop.orders"),
        ("{type: sql, name: id__not_null, query: select 1, mustBe: 0}", "two rules are named id__not_null"),
    ],
)
def test_quality_of_a_column(write_contract, rule: str, what: str) -> None:
    path = write_contract(f"{ID}  required: true\n  quality:\n    - {rule}\n")
    error = refuse(path)
    assert what in error.what
    assert text_at(error, path) == f"- {rule}"


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("quality:\n  - {metric: nullValues, mustBe: 0}\n", "nullValues belongs to a property"),
        ("quality:\n  - {metric: duplicateValues, mustBe: 0}\n", "needs one column, or"),
        ("quality:\n  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [nope]}}\n", "about 'nope'"),
        ("quality:\n  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [id, id]}}\n", "named twice"),
        ("quality:\n  - {metric: duplicateValues, mustBe: 0, arguments: {properties: []}}\n", "none is"),
        ("quality:\n  - {type: sql, name: x, query: 'select {column} from {table}', mustBe: 0}\n", "means nothing"),
        ("relationships:\n  - {to: [a.b], from: [id]}\n", "from: id is not a column of this table"),
        ("relationships:\n  - {to: [a.b], from: [orders.nope]}\n", "about 'nope'"),
        ("relationships:\n  - {to: [a.b]}\n", "has no from"),
        ("relationships:\n  - {to: [a.b, c.d], from: [orders.id, orders.x]}\n", "about 'x'"),
        ("physicalName: other\n", "physicalName other differs from the table's name"),
        ("physicalType: view\n", "physicalType should be 'table'"),
    ],
)
def test_the_table(write_contract, table: str, what: str) -> None:
    path = write_contract(ID, table=table)
    error = refuse(path)
    assert what in error.what
    assert text_at(error, path) == table.splitlines()[-1].strip()


@pytest.mark.parametrize(
    ("top", "what"),
    [
        ("customProperties: [{property: publishMode, value: append}]\n", "'append' is not one of replace"),
        ("customProperties: [{property: publishMode, value: merge}]\n", "no primary key to merge by"),
        ("customProperties: [{property: publishMode, value: partition}]\n", "no column is partitioned"),
        ("customProperties: [{property: partitionTransform, value: week}]\n", "'week' is not one of identity"),
        ("customProperties: [{property: partitionTransform, value: month}]\n", "not partitioned by a date"),
        ("customProperties: [{property: publishmode, value: merge}]\n", "unknown custom property publishmode"),
        ("slaProperties: [{property: freshness, value: 1, element: orders.nope}]\n", "which the contract does not"),
        ("slaProperties: [{property: freshness}]\n", "value is missing in slaProperties"),
        ("slaProperties: [{property: freshness, value: 26}]\n", "freshness has the unit None"),
        ("slaProperties: [{property: freshness, value: 0, unit: h}]\n", "0 is no age"),
        ("slaProperties: [{property: freshness, value: 1, unit: h, valueExt: 100}]\n", "100 is no share"),
        ("slaProperties: [{property: freshness, value: 1, unit: h, element: orders.id}]\n", "not in the history"),
        ("slaProperties: [{property: correctness, value: 1.0, unit: h}]\n", "correctness is promised in h"),
        ("slaProperties: [{property: correctness, value: all}]\n", "'all' is no share"),
        ("slaProperties: [{property: warnings, value: 0}]\n", "0 is no share"),
        ("slaProperties: [{property: warnings, value: 1}, {property: warnings, value: 2}]\n", "promised twice"),
        ("customProperties: [{property: serviceWindow, value: 31}]\n", "31 is not one of 7, 14, 28, 30, 90"),
        ("price: free\n", "price should be"),
        ("owner: ann\n", "unknown key owner"),
        ("context: something\n", "unknown key context"),
    ],
)
def test_the_contract(write_contract, top: str, what: str) -> None:
    path = write_contract(ID, top=top)
    error = refuse(path)
    assert what in error.what
    assert text_at(error, path) == top.strip()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("version: 1.0.0", "version: 1.0", "version should be a valid string, not 1.0"),
        ("version: 1.0.0", "version: '1.0'", "the version '1.0' is not of the form 1.0.0"),
        ("version: 1.0.0", "version: 1.0.0-beta", "the version '1.0.0-beta' is not of the form"),
        ("version: 1.0.0", "", "version is missing in the contract"),
        ("apiVersion: v3.2.0", "apiVersion: v2.2.2", "apiVersion should be 'v3.1.0' or 'v3.2.0', not 'v2.2.2'"),
        ("kind: DataContract", "kind: DataProduct", "kind should be 'DataContract'"),
        ("status: active", "status: live", "status should be"),
        ("name: Orders", "name: ' '", "name should"),
        ("  name: shop", "  name: The Shop", "'The Shop' is not the name of a team"),
        ("    description: Orders.\n", "", "description is missing in schema"),
        ("        description: A column.\n", "", "description is missing in properties"),
        ("logicalType: integer", "logicalType: int", "logicalType should be 'string'"),
        ("        logicalType: integer\n", "", "logicalType is missing in properties"),
        ("- name: id", "- name: Id", "'Id' is not the name of a column"),
        ("  - name: orders", "  - name: Orders", "'Orders' is not the name of a table"),
        ("  - name: orders", "  - name: _orders", "'_orders' is not the name of a table"),
        ("  - name: orders", "  - name: returns", "the file is named orders.odcs.yaml and describes the table returns"),
    ],
)
def test_the_head(write_contract, old: str, new: str, what: str) -> None:
    path = write_contract(ID)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    error = refuse(path)
    assert what in error.what
    if new.strip():
        assert text_at(error, path) == new.strip()


def test_two_tables_are_two_contracts(write_contract) -> None:
    path = write_contract(ID, table="logicalType: object\n")
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text[text.index("  - name: orders") :], encoding="utf-8")
    assert "at most 1 item" in refuse(path).what


def test_a_column_described_twice(write_contract) -> None:
    path = write_contract(ID + ID)
    error = refuse(path)
    assert "the column id is described twice" in error.what
    assert line_of(error) == 16


def test_no_column_at_all(write_contract) -> None:
    path = write_contract("")
    assert "properties should be a valid list" in refuse(path).what


def test_another_teams_table_needs_the_newer_standard(write_contract) -> None:
    path = write_contract(f"{ID}  relationships: [{{to: crm.customers.id}}]\n", standard="v3.1.0")
    error = refuse(path)
    assert "crm.customers.id names a team" in error.what
    assert "apiVersion: v3.2.0" in error.next_step


def test_a_regular_expression_that_duckdb_does_not_know(write_contract) -> None:
    path = write_contract("- name: code\n  logicalType: string\n  logicalTypeOptions:\n    pattern: '(?=x)'\n")
    error = refuse(path)
    assert "(?=x) is not a regular expression of DuckDB (RE2)" in error.what
    assert text_at(error, path) == "pattern: '(?=x)'"


def test_the_first_fault_of_the_file_is_named_and_the_others_counted(write_contract) -> None:
    path = write_contract(f"{ID}  requird: true\n  unique: 3\n  tags: x\n")
    assert re.search(r"unknown key requird; did you mean required\? \(and 2 more\)", refuse(path).what)


def test_duplicated_names_of_rules(write_contract) -> None:
    rules = "    - {metric: nullValues, mustBe: 0}\n    - {metric: nullValues, mustBeLessThan: 5}\n"
    path = write_contract(f"{ID}  quality:\n{rules}")
    error = refuse(path)
    assert "two rules are named id__null_values, the other on line 17" in error.what
    assert line_of(error) == 18
