"""Our audit against datacontract-cli's checks: the same contract, the same rows, the same verdicts and counts."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headgate.contract import audit, load_contract

# ibis, which datacontract-cli runs on, asks pandas for what pandas 4 will not have.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

EVERY_RULE = """
- name: order_id
  logicalType: integer
  unique: true
- name: customer_id
  logicalType: integer
  required: true
  relationships:
    - to: crm.customers.customer_id
- name: region
  logicalType: string
  logicalTypeOptions: {minLength: 2, maxLength: 3}
  enum:
    - value: eu
    - value: usa
- name: product
  logicalType: string
  relationships: []
  logicalTypeOptions: {pattern: "^[a-c]"}
  quality:
    - {metric: nullValues, mustBeLessThan: 40, unit: percent}
    - {metric: missingValues, mustBeLessOrEqualTo: 1, arguments: {missingValues: ["", "n/a"]}, severity: warning}
    - {metric: invalidValues, mustBe: 0, arguments: {validValues: [apple, banana, ""]}, name: product_known}
    - {metric: duplicateValues, mustBeLessThan: 2, name: product_repeated}
- name: quantity
  logicalType: integer
  physicalType: INTEGER
  logicalTypeOptions: {exclusiveMinimum: 0, maximum: 4}
- name: price
  logicalType: number
  physicalType: DECIMAL(6,2)
  logicalTypeOptions: {minimum: 0.5, exclusiveMaximum: 100}
  quality:
    - type: sql
      name: price_cap
      query: select count(*) from {table} where {column} > 50
      mustBe: 0
      severity: warning
- name: order_date
  logicalType: date
  logicalTypeOptions: {minimum: "2026-01-01", maximum: "2026-12-31"}
"""
EVERY_TABLE_RULE = """
relationships:
  - from: [orders.customer_id, orders.region]
    to: [crm.regions.customer_id, crm.regions.region]
quality:
  - {metric: rowCount, mustBeBetween: [1, 6]}
  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [customer_id, product]}}
  - {type: sql, name: total, query: "select sum(quantity * price) from {table}", mustBeLessThan: 320}
  - type: sql
    name: strangers
    query: select count(*) from orders o anti join crm.customers using (customer_id)
    mustBe: 0
"""
FOREIGN = {"customers": ["customer_id"], "regions": ["customer_id", "region"]}
COLUMNS = (
    "order_id bigint, customer_id bigint, region varchar, product varchar, quantity integer, price decimal(6,2), "
    "order_date date"
)
GOOD = [
    (1, 1, "eu", "apple", 1, Decimal("0.50"), date(2026, 1, 1)),
    (2, 2, "usa", "banana", 4, Decimal("50.00"), date(2026, 12, 31)),
    (3, 2, "usa", None, 2, Decimal("7.25"), date(2026, 6, 1)),
]


@pytest.fixture
def contract_path(write_contract) -> Path:
    return write_contract(EVERY_RULE, table=EVERY_TABLE_RULE)


@pytest.fixture
def prepared(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    prepare(connection)
    return connection


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema crm")
    for place in ("main.", "crm."):
        connection.execute(f"create table {place}customers as from (values (1::bigint), (2), (null)) t(customer_id)")
        connection.execute(
            f"create table {place}regions as from (values (1::bigint, 'eu'), (2, 'usa')) t(customer_id, region)"
        )


def fill(connection: duckdb.DuckDBPyConnection, rows: list[tuple[object, ...]]) -> None:
    connection.execute(f"create or replace table orders ({COLUMNS})")
    if rows:
        connection.executemany("insert into orders values (?, ?, ?, ?, ?, ?, ?)", rows)


def assert_agreement(
    oracle, connection: duckdb.DuckDBPyConnection, path: Path, *, without: Collection[str] = ()
) -> dict[str, bool]:
    """Both are asked; every rule must have the same verdict and, where both count rows, the same count."""
    ours = {result.rule.name: result for result in audit(connection, load_contract(path), "orders")}
    theirs = oracle(connection, path, foreign=FOREIGN)
    assert set(theirs) == set(ours) - set(without)
    for name, opinion in theirs.items():
        result = ours[name]
        assert (name, result.passed) == (name, opinion.passed)
        if opinion.failed_rows is not None:
            assert (name, result.failed_rows) == (name, opinion.failed_rows)
    return {name: result.passed for name, result in ours.items()}


def test_rows_that_keep_every_rule(oracle, prepared, contract_path) -> None:
    fill(prepared, GOOD)
    assert all(assert_agreement(oracle, prepared, contract_path).values())


@pytest.mark.parametrize(
    ("broken", "row"),
    [
        ({"order_id__unique"}, {"order_id": 1}),
        ({"customer_id__not_null", "strangers"}, {"customer_id": None}),
        ({"customer_id__foreign_key", "customer_id__region__foreign_key", "strangers"}, {"customer_id": 9}),
        ({"customer_id__region__foreign_key"}, {"region": "usa"}),
        ({"region__length", "region__allowed_values", "customer_id__region__foreign_key"}, {"region": "e"}),
        ({"region__length", "region__allowed_values", "customer_id__region__foreign_key"}, {"region": "usa\nx"}),
        ({"product__pattern", "product_known"}, {"product": "zebra"}),
        ({"product_known"}, {"product": "cherry"}),
        ({"product__null_values", "product__missing_values"}, {"product": None}),
        ({"product__pattern", "product__missing_values"}, {"product": ""}),
        ({"quantity__range"}, {"quantity": 0}),
        ({"quantity__range"}, {"quantity": 5}),
        ({"price__range"}, {"price": Decimal("0.49")}),
        ({"price__range", "price_cap"}, {"price": Decimal("100.00")}),
        ({"price_cap"}, {"price": Decimal("99.99")}),
        ({"price_cap", "total"}, {"price": Decimal("99.99"), "quantity": 3}),
        ({"order_date__range"}, {"order_date": date(2025, 12, 31)}),
        ({"order_date__range"}, {"order_date": date(2027, 1, 1)}),
        ({"customer_id__product__unique"}, {"product": "apple"}),
    ],
)
def test_one_bad_row(oracle, prepared, contract_path, broken: set[str], row: dict[str, object]) -> None:
    names = [column.split()[0] for column in COLUMNS.replace("(6,2)", "").split(", ")]
    good = {"order_id": 4, "customer_id": 1, "region": "eu", "product": "banana", "quantity": 1}
    added = good | {"price": Decimal("1.00"), "order_date": date(2026, 5, 5)} | row
    fill(prepared, [*GOOD, tuple(added[name] for name in names)])
    verdicts = assert_agreement(oracle, prepared, contract_path)
    assert {name for name, passed in verdicts.items() if not passed} == broken


def test_too_many_rows(oracle, prepared, contract_path) -> None:
    fill(prepared, [(number, 1, "eu", None, 1, Decimal(1), date(2026, 1, 1)) for number in range(7)])
    assert not assert_agreement(oracle, prepared, contract_path)["row_count"]


def test_no_rows_break_nothing_but_their_number(oracle, prepared, contract_path) -> None:
    fill(prepared, [])
    ours = {result.rule.name: result.passed for result in audit(prepared, load_contract(contract_path), "orders")}
    theirs = {name: opinion.passed for name, opinion in oracle(prepared, contract_path, foreign=FOREIGN).items()}
    assert {name for name, passed in ours.items() if not passed} == {"row_count"}
    # The sum of no rows is null, which datacontract-cli holds against the rule. That is the one difference.
    assert {name for name, passed in theirs.items() if not passed} == {"row_count", "total"}


@pytest.mark.parametrize(
    "change",
    [
        "alter table orders drop region",
        "alter table orders alter price type varchar",
        "alter table orders alter order_date type timestamp",
        "alter table orders alter quantity type double",
    ],
)
def test_columns_of_another_shape(oracle, connection, write_contract, change: str) -> None:
    """Only the verdict on the columns: with a wrong type the other checks of datacontract-cli cannot run."""
    properties = "".join(
        f"- name: {name}\n  logicalType: {kind}\n" + (f"  physicalType: {physical}\n" if physical else "")
        for name, kind, physical in [
            ("order_id", "integer", ""),
            ("customer_id", "integer", ""),
            ("region", "string", ""),
            ("product", "string", ""),
            ("quantity", "integer", "INTEGER"),
            ("price", "number", "DECIMAL(6,2)"),
            ("order_date", "date", ""),
        ]
    )
    path = write_contract(properties)
    fill(connection, GOOD)
    assert oracle(connection, path)["schema"].passed
    assert audit(connection, load_contract(path), "orders")[0].passed
    connection.execute(change)
    if "double" not in change:  # for datacontract-cli a double is as good as an integer
        assert not oracle(connection, path)["schema"].passed
    assert not audit(connection, load_contract(path), "orders")[0].passed


ROWS = st.lists(
    st.tuples(
        st.integers(1, 5) | st.none(),
        st.integers(1, 3) | st.none(),
        st.sampled_from(["eu", "usa", "x", None]),
        st.sampled_from(["apple", "banana", "cherry", "", "n/a", None]),
        st.integers(-1, 5) | st.none(),
        st.sampled_from([Decimal("0.49"), Decimal("0.50"), Decimal("50.01"), Decimal("100.00"), None]),
        st.dates(date(2025, 12, 30), date(2026, 1, 2)) | st.none(),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS)
def test_any_rows(oracle, contract_path, rows: list[tuple[object, ...]]) -> None:
    with duckdb.connect() as connection:
        prepare(connection)
        fill(connection, rows)
        assert_agreement(oracle, connection, contract_path)


OTHER_KEYS = """
- name: order_id
  logicalType: integer
  primaryKey: true
  primaryKeyPosition: 2
- name: line
  logicalType: integer
  primaryKey: true
  primaryKeyPosition: 1
- name: code
  logicalType: string
  quality:
    - {metric: invalidValues, mustBe: 0, arguments: {pattern: "^[A-Z]+$"}}
    - {metric: invalidValues, name: few_invalid, mustBeLessThan: 50, unit: percent, arguments: {validValues: [A, B]}}
    - {metric: nullValues, name: not_one_null, mustNotBe: 1}
    - {metric: nullValues, name: some_null, mustBeGreaterOrEqualTo: 1}
    - {metric: nullValues, name: few_or_many_null, mustNotBeBetween: [2, 3]}
    - {type: sql, name: some_a, query: "select count(*) from {table} where {column} = 'A'", mustBeGreaterThan: 0}
"""


@pytest.mark.parametrize(
    ("broken", "rows"),
    [
        (set(), [(1, 1, "A"), (2, 1, "B"), (2, 2, "A"), *[(3, line, None) for line in range(4)]]),
        (
            {"few_invalid"},
            [(1, 1, "A"), *[(2, line, "Z") for line in range(5)], *[(5, line, None) for line in range(4)]],
        ),
        ({"not_one_null", "code__pattern"}, [(1, 1, "A"), (2, 1, None), (3, 1, "b"), (4, 1, "A")]),
        ({"some_null"}, [(1, 1, "A")]),
        ({"few_or_many_null", "some_a"}, [(1, 1, None), (2, 1, None)]),
        ({"line__order_id__unique", "some_null"}, [(1, 1, "A"), (1, 1, "A"), (1, 2, "A")]),
        ({"line__not_null", "some_null"}, [(1, None, "A"), (1, None, "A")]),
        ({"order_id__not_null", "some_null"}, [(None, 1, "A"), (None, 1, "A")]),
    ],
)
def test_other_keys_and_operators(oracle, connection, write_contract, broken: set[str], rows: list[object]) -> None:
    path = write_contract(OTHER_KEYS)
    connection.execute("create table orders (order_id bigint, line bigint, code varchar)")
    connection.executemany("insert into orders values (?, ?, ?)", rows)
    verdicts = assert_agreement(oracle, connection, path, without={"row_count"})
    assert {name for name, passed in verdicts.items() if not passed} == broken
