"""The audit on values of every type, and on queries that cannot be computed."""

from datetime import UTC, datetime

import pytest

from headgate.contract import ContractError, audit


def test_timestamps_without_an_offset_are_utc(connection, read_contract) -> None:
    contract = read_contract(
        "- name: at\n  logicalType: timestamp\n  logicalTypeOptions: {minimum: '2026-01-01T00:00:00'}\n"
    )
    connection.execute("set timezone = 'America/New_York'")
    connection.execute("create table orders as select timestamptz '2026-01-01 00:00:00+00' as at")
    connection.execute("insert into orders values ('2025-12-31 23:59:59+00')")
    result = audit(connection, contract, "orders")[1]
    assert result.failed_rows == 1
    assert result.examples == [{"at": datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)}]


def test_not_a_number_is_in_no_range(connection, read_contract) -> None:
    contract = read_contract(
        "- name: m\n  logicalType: number\n  physicalType: DOUBLE\n  logicalTypeOptions: {minimum: 0}\n"
    )
    connection.execute(
        "create table orders as select m::double as m from (values ('1'), ('nan'), ('inf'), ('-1'), (null)) t(m)"
    )
    assert audit(connection, contract, "orders")[1].failed_rows == 2


def test_booleans_dates_and_times(connection, read_contract) -> None:
    contract = read_contract(
        """
- name: paid
  logicalType: boolean
  enum: [{value: true}]
- name: day
  logicalType: date
  enum: [{value: 2026-01-01}, {value: "2026-01-02"}]
- name: at
  logicalType: time
  logicalTypeOptions: {minimum: "09:00", maximum: "17:00:00"}
"""
    )
    connection.execute(
        "create table orders as from (values (true, date '2026-01-01', time '09:00'), "
        "(false, date '2026-01-03', time '17:00:01'), (null, null, null)) t(paid, day, \"at\")"
    )
    assert [result.failed_rows for result in audit(connection, contract, "orders")[1:4]] == [1, 1, 1]


def test_names_and_values_that_need_quoting(connection, read_contract) -> None:
    contract = read_contract(
        """
- name: order
  logicalType: string
  enum: [{value: "it's"}]
  logicalTypeOptions: {pattern: "^it's$"}
- name: select
  logicalType: integer
  unique: true
"""
    )
    connection.execute("""create table orders as from (values ('it''s', 1), ('its', 1)) t("order", "select")""")
    results = {result.rule.name: result.failed_rows for result in audit(connection, contract, "orders")}
    assert results == {
        "schema": 0,
        "order__pattern": 1,
        "order__allowed_values": 1,
        "select__unique": 2,
        "row_count": 0,
    }


def test_a_query_that_fails_on_a_value_does_not_repeat_the_value(connection, read_contract) -> None:
    rule = "{type: sql, name: x, query: 'select max({column}::int) from {table}', mustBeLessThan: 3}"
    contract = read_contract(f"- name: code\n  logicalType: string\n  quality: [{rule}]\n")
    connection.execute("create table orders as select 'zed@x.org' as code")
    with pytest.raises(ContractError, match="cannot be audited: Conversion Error") as refusal:
        audit(connection, contract, "orders")
    assert "zed" not in str(refusal.value)


def test_a_query_of_several_rows(connection, read_contract) -> None:
    rule = "{type: sql, name: x, query: 'select id from {table}', mustBeLessThan: 3}"
    contract = read_contract(f"- name: id\n  logicalType: integer\n  quality: [{rule}]\n")
    connection.execute("create table orders as select i as id from range(2) r(i)")
    with pytest.raises(ContractError, match="More than one row"):
        audit(connection, contract, "orders")
    connection.execute("delete from orders where id = 1")
    assert audit(connection, contract, "orders")[1].measured == 0
