"""The audit on rows that can be counted by hand."""

from decimal import Decimal

import duckdb
import pytest

from headgate.contract import Contract, ContractError, Rule, RuleResult, audit, audit_columns, failing_rows_sql

ORDERS = """
- name: order_id
  logicalType: integer
  primaryKey: true
- name: customer_id
  logicalType: integer
  relationships:
    - to: crm.customers.customer_id
- name: product
  logicalType: string
  logicalTypeOptions: {minLength: 2, pattern: "^[a-z]+$"}
- name: email
  logicalType: string
  required: true
  classification: personal
  customProperties: [{property: masking, value: hash}]
  logicalTypeOptions: {pattern: "@"}
- name: price
  logicalType: number
  physicalType: DECIMAL(12,2)
  logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1000}
  quality:
    - type: sql
      name: price_cap
      query: select count(*) from {table} where {column} > 100
      mustBe: 0
      severity: warning
- name: day
  logicalType: date
"""
ROWS = """
    (1, 10, 'pen', 'ann@x.org', 5.00, date '2026-01-01'),
    (2, 11, 'ink', 'bob@x.org', 150.00, date '2026-01-01'),
    (3, null, 'pad', 'cid@x.org', 0.00, date '2026-01-02')
"""


def fill(connection: duckdb.DuckDBPyConnection, rows: str = ROWS, more: str = "") -> None:
    values = f"{rows}, {more}" if more else rows
    connection.execute(
        f"create or replace table orders as select order_id::bigint as order_id, customer_id::bigint as customer_id, "
        f"product, email, price::decimal(12,2) as price, day from (values {values}) "
        "t(order_id, customer_id, product, email, price, day)"
    )
    connection.execute("create or replace table lake_customers as from (values (10), (11)) t(customer_id)")


def run(connection: duckdb.DuckDBPyConnection, contract: Contract, **options) -> dict[str, RuleResult]:
    results = audit(connection, contract, "orders", resolve=lambda table: "lake_customers", **options)
    return {result.rule.name: result for result in results}


@pytest.fixture
def orders(read_contract) -> Contract:
    return read_contract(ORDERS)


def test_every_rule_is_answered_in_the_contracts_order(connection, orders) -> None:
    fill(connection)
    results = run(connection, orders)
    assert list(results) == [rule.name for rule in orders.rules]
    assert list(results) == [
        "schema",
        "order_id__not_null",
        "order_id__unique",
        "product__length",
        "product__pattern",
        "email__not_null",
        "email__pattern",
        "price__range",
        "customer_id__foreign_key",
        "price_cap",
        "row_count",
    ]
    assert {name for name, result in results.items() if not result.passed} == {"price_cap"}
    cap = results["price_cap"]
    assert (cap.failed_rows, cap.checked_rows, cap.measured) == (1, 3, 1)
    assert cap.examples == [{"order_id": 2, "price": Decimal("150.00")}]
    assert cap.message == "1 of 3 rows break price_cap"
    assert results["row_count"].measured == 3
    assert results["row_count"].message == "row_count holds"


def test_each_rule_counts_its_own_rows(connection, orders) -> None:
    bad = """
        (1, 99, 'a', null, -1.00, null),
        (null, 98, 'PEN', 'nobody', 1000.00, null),
        (4, 10, null, 'dan@x.org', 999.99, null)
    """
    fill(connection, more=bad)
    results = run(connection, orders)
    counts = {name: result.failed_rows for name, result in results.items() if not result.passed}
    assert counts == {
        "order_id__not_null": 1,
        "order_id__unique": 2,
        "product__length": 1,
        "product__pattern": 1,
        "email__not_null": 1,
        "email__pattern": 1,
        "price__range": 2,
        "customer_id__foreign_key": 2,
        "price_cap": 3,
    }
    assert {result.checked_rows for result in results.values()} == {6}
    assert results["order_id__unique"].examples == [{"order_id": 1, "rows": 2}]
    assert results["order_id__unique"].measured == 1
    assert results["customer_id__foreign_key"].examples == [
        {"order_id": 1, "customer_id": 99},
        {"order_id": None, "customer_id": 98},
    ]


def test_personal_values_never_stand_in_an_example(connection, orders) -> None:
    fill(connection, more="(4, 10, 'pen', 'secret.name', 1.00, null), (5, 10, 'pen', null, 1.00, null)")
    results = run(connection, orders)
    assert results["email__pattern"].examples == [{"order_id": 4, "email": "***"}]
    assert results["email__not_null"].examples == [{"order_id": 5, "email": None}]
    assert "secret" not in repr(results)


def test_examples_are_five_and_of_failed_rules_only(connection, orders) -> None:
    fill(connection, more=", ".join(f"({number}, 10, 'pen', '@', -1.00, null)" for number in range(10, 30)))
    results = run(connection, orders)
    assert results["price__range"].failed_rows == 20
    assert [example["order_id"] for example in results["price__range"].examples] == [10, 11, 12, 13, 14]
    assert all(not result.examples for result in results.values() if result.passed)


def test_no_rows_break_nothing_but_their_number(connection, orders) -> None:
    fill(connection)
    connection.execute("delete from orders")
    results = run(connection, orders)
    assert [name for name, result in results.items() if not result.passed] == ["row_count"]
    assert results["row_count"].message == "row_count: the number of rows is 0 and must be > 0"


def test_a_contract_can_allow_no_rows(connection, read_contract) -> None:
    contract = read_contract(ORDERS, table="quality:\n  - {metric: rowCount, mustBeGreaterOrEqualTo: 0}\n")
    fill(connection)
    connection.execute("delete from orders")
    assert all(result.passed for result in run(connection, contract).values())


def test_some_rules_only(connection, orders) -> None:
    fill(connection)
    chosen = [rule for rule in orders.rules if rule.name in ("price_cap", "order_id__unique")]
    assert list(run(connection, orders, rules=chosen)) == ["order_id__unique", "price_cap"]
    own = Rule(name="cheap", kind="sql", columns=("price",), violation="price >= 5")
    assert run(connection, orders, rules=[own])["cheap"].failed_rows == 2
    assert run(connection, orders, rules=[]) == {}


def test_a_select_in_parentheses_is_a_relation(connection, orders) -> None:
    fill(connection)
    relation = "(select * replace (price * 2 as price) from orders where order_id < 3)"
    results = {r.rule.name: r for r in audit(connection, orders, relation, resolve=lambda table: "lake_customers")}
    assert results["price_cap"].examples == [{"order_id": 2, "price": Decimal("300.00")}]
    assert results["price_cap"].checked_rows == 2


# --- scope -----------------------------------------------------------------------------------------------------------


def test_row_rules_look_at_the_scope_and_table_rules_at_the_table(connection, read_contract) -> None:
    quality = """
quality:
  - {metric: rowCount, mustBe: 4}
  - {type: sql, name: total, query: "select sum(price) from {table}", mustBe: 154.00}
"""
    contract = read_contract(ORDERS, table=quality)
    fill(connection, more="(4, 77, 'pen', '@', -1.00, date '2026-01-02')")
    results = run(connection, contract, scope="day = date '2026-01-01'")
    assert {name for name, result in results.items() if not result.passed} == {"price_cap"}
    assert (results["price__range"].failed_rows, results["price__range"].checked_rows) == (0, 2)
    assert (results["row_count"].checked_rows, results["row_count"].measured) == (4, 4)
    assert results["total"].measured == Decimal("154.00")
    later = run(connection, contract, scope="day = date '2026-01-02'")
    assert {n for n, r in later.items() if not r.passed} == {"price__range", "customer_id__foreign_key"}


def test_a_key_is_unique_across_the_edge_of_the_scope(connection, orders) -> None:
    fill(connection, more="(1, 10, 'pen', '@', 1.00, date '2026-01-02')")
    for day, failed in [("2026-01-01", 1), ("2026-01-02", 1), ("2026-01-03", 0)]:
        result = run(connection, orders, scope=f"day = date '{day}'")["order_id__unique"]
        assert (result.failed_rows, result.passed) == (failed, failed == 0)
    only = run(connection, orders, scope="day = date '2026-01-02'")["order_id__unique"]
    assert only.examples == [{"order_id": 1, "rows": 1}]


def test_a_key_that_holds_the_scopes_column_is_unique_within_the_scope(connection, read_contract) -> None:
    contract = read_contract(
        "- name: day\n  logicalType: date\n  primaryKey: true\n"
        "- name: shop\n  logicalType: string\n  primaryKey: true\n"
    )
    connection.execute(
        "create table orders as "
        "select date '2026-01-01' + (i // 3)::int as day, 's' || (i % 3) as shop from range(9) r(i)"
    )
    connection.execute("insert into orders values (date '2026-01-02', 's1')")
    counts = [
        audit(connection, contract, "orders", scope=f"day = date '2026-01-0{day}'")[-2].failed_rows for day in (1, 2, 3)
    ]
    assert counts == [0, 2, 0]


# --- columns ---------------------------------------------------------------------------------------------------------


def test_columns_missing_extra_and_of_another_type(connection, orders) -> None:
    connection.execute(
        "create table orders as select 1::hugeint as ORDER_ID, 2 as customer_id, 'pen' as product, '@' as email, "
        "case when i = 1 then 'free' else '7.5' end as price, 1 as note from range(3) r(i)"
    )
    connection.execute("create table lake_customers as select 2 as customer_id")
    results = run(connection, orders)
    schema = results["schema"]
    assert (schema.passed, schema.failed_rows, schema.measured) == (False, 1, 3)
    assert [example["problem"] for example in schema.examples] == [
        "column price is VARCHAR, the contract says DECIMAL(12,2): cast it where it is computed; "
        "1 values cannot be cast",
        "column day (DATE) is missing",
        "column note is not in the contract: add it there, or leave it out",
    ]
    assert schema.message.startswith("schema: column price is VARCHAR")
    # The other rules still run, on the values that can be read.
    assert results["price__range"].passed
    assert results["order_id__unique"].failed_rows == 3


def test_numbers_that_the_type_cannot_take(connection, read_contract) -> None:
    contract = read_contract(
        """
- name: small
  logicalType: integer
  physicalType: SMALLINT
- name: money
  logicalType: number
  physicalType: DECIMAL(4,2)
- name: big
  logicalType: integer
"""
    )
    values = "(1, 99.99, 1), (70000, 100.00, 2), (-70000, 1.00, 3), (null, null, null)"
    connection.execute(
        f"create table orders as select small::int as small, money::decimal(38,2) as money, big::int as big "
        f"from (values {values}) t(small, money, big)"
    )
    result = audit(connection, contract, "orders")[0]
    assert (result.passed, result.failed_rows) == (False, 2)
    assert [example["problem"] for example in result.examples] == [
        "column small: 2 values are out of the range of SMALLINT",
        "column money: 1 values are out of the range of DECIMAL(4,2)",
    ]
    query = failing_rows_sql(result.rule, "orders", contract=contract)
    assert query is not None
    assert sorted(row[0] for row in connection.execute(query).fetchall()) == [-70000, 70000]
    connection.execute("delete from orders where abs(small) > 1")
    assert audit(connection, contract, "orders")[0].passed


def test_a_rule_on_a_missing_column_fails_and_says_why(connection, orders) -> None:
    fill(connection)
    connection.execute("alter table orders drop price")
    results = run(connection, orders)
    assert not results["price__range"].passed
    assert results["price__range"].message == "price__range: it cannot be checked without price"
    assert results["order_id__unique"].passed


def test_columns_before_any_row(orders) -> None:
    types = {"order_id": "INTEGER", "customer_id": "BIGINT", "product": "VARCHAR", "email": "VARCHAR"}
    good = types | {"price": "DECIMAL(12,2)", "DAY": "DATE"}
    [result] = audit_columns(orders, good)
    assert (result.rule.name, result.passed, result.message) == ("schema", True, "schema holds")
    [result] = audit_columns(orders, types | {"price": "DOUBLE"})
    assert result.message == (
        "schema: column price is DOUBLE, the contract says DECIMAL(12,2): round and cast it where it is computed; "
        "column day (DATE) is missing"
    )


# --- the rows themselves ---------------------------------------------------------------------------------------------


def test_failing_rows_are_as_many_as_were_counted(connection, orders) -> None:
    bad = "(1, 99, 'a', null, -1.00, null), (null, 98, 'PEN', 'nobody', 2000.00, null), (1, 10, null, '@', 1, null)"
    fill(connection, more=bad)
    options = {"contract": orders, "resolve": lambda table: "lake_customers"}
    checked = 0
    for scope in (None, "order_id = 1", "day is null"):
        for name, result in run(connection, orders, scope=scope).items():
            query = failing_rows_sql(result.rule, "orders", scope=scope, **options)
            if query is None:
                assert name == "row_count"
                continue
            rows = connection.execute(query).fetchall()
            assert (name, len(rows)) == (name, result.failed_rows)
            assert all(len(row) == 6 for row in rows)
            checked += len(rows)
    assert checked == 14 + 7 + 12
    query = failing_rows_sql(orders.rules[7], "orders", **options)
    assert sorted(row[4] for row in connection.execute(query).fetchall()) == [Decimal("-1.00"), Decimal("2000.00")]


def test_a_foreign_key_into_the_own_table(connection, read_contract) -> None:
    contract = read_contract(
        "- name: id\n  logicalType: integer\n- name: parent\n  logicalType: integer\n"
        "  relationships: [{to: orders.id}]\n"
    )
    connection.execute("create table orders as from (values (1, null), (2, 1), (3, 9)) t(id, parent)")
    result = audit(connection, contract, "orders", scope="id > 1")[1]
    assert (result.failed_rows, result.examples) == (1, [{"parent": 9}])


def test_a_foreign_key_of_several_columns_with_nulls(connection, read_contract) -> None:
    contract = read_contract(
        "- name: a\n  logicalType: integer\n- name: b\n  logicalType: integer\n",
        table="relationships:\n  - {from: [orders.a, orders.b], to: [crm.pairs.x, crm.pairs.y]}\n",
    )
    connection.execute("create table pairs as from (values (1, 1), (2, null), (null, null)) t(x, y)")
    rows = "(1, 1), (1, 2), (2, 2), (null, 1), (2, null), (null, null)"
    connection.execute(f"create table orders as from (values {rows}) t(a, b)")
    result = audit(connection, contract, "orders", resolve=lambda table: "pairs")[1]
    assert (result.failed_rows, result.examples) == (2, [{"a": 1, "b": 2}, {"a": 2, "b": 2}])


def test_one_statement_counts_and_failures_alone_are_looked_at_again(connection, orders) -> None:
    class Counting:
        def __init__(self) -> None:
            self.statements: list[str] = []

        def execute(self, statement: str):
            self.statements.append(statement)
            return connection.execute(statement)

    fill(connection)
    counting = Counting()
    audit(counting, orders, "orders", resolve=lambda table: "lake_customers")
    kinds = [statement.split()[0] + (" count" if "count" in statement else "") for statement in counting.statements]
    # The columns, the range of the integer key, all counts, and the examples of the one rule that fails.
    assert kinds == ["describe", "select count", "select count", "select"]


def test_a_foreign_table_that_is_not_there(connection, orders) -> None:
    fill(connection)
    with pytest.raises(ContractError, match=r"shop\.orders cannot be audited: Catalog Error") as refusal:
        audit(connection, orders, "orders", resolve=lambda table: "nowhere")
    assert len(str(refusal.value).splitlines()) == 3
