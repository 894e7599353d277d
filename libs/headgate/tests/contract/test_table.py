"""The DDL on a real DuckLake: types, NOT NULL, comments and partitions."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from headgate.contract import comments, ddl
from headgate.lake.session import extension_file

COLUMNS = """
- name: day
  logicalType: date
  partitioned: true
  required: true
- name: order
  logicalType: integer
  physicalType: INTEGER
  primaryKey: true
- name: product
  logicalType: string
- name: price
  logicalType: number
  physicalType: DECIMAL(12,2)
- name: ratio
  logicalType: number
  physicalType: DOUBLE
- name: placed_at
  logicalType: timestamp
- name: local_time
  logicalType: timestamp
  logicalTypeOptions: {timezone: false}
- name: at
  logicalType: time
- name: paid
  logicalType: boolean
- name: code
  logicalType: string
  physicalType: UUID
- name: tags
  logicalType: array
  physicalType: VARCHAR[]
- name: extra
  logicalType: object
  physicalType: JSON
"""


@pytest.fixture
def lake(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection.execute(f"load '{extension_file('ducklake')}'")
    connection.execute(f"attach 'ducklake:{tmp_path}/catalog.ducklake' as shop (data_path '{tmp_path}/data')")
    yield connection


def test_the_table_is_what_the_contract_says(lake: duckdb.DuckDBPyConnection, read_contract) -> None:
    contract = read_contract(COLUMNS)
    for statement in ddl(contract, "shop.orders"):
        lake.execute(statement)
    described = lake.execute("describe shop.orders").fetchall()
    assert {name: kind for name, kind, *_ in described} == {c.name: c.sql_type for c in contract.columns}
    assert [name for name, _, nullable, *_ in described if nullable == "NO"] == ["day", "order"]
    with pytest.raises(duckdb.ConstraintException):
        lake.execute('insert into shop.orders (day, "order") values (null, 1)')
    lake.execute("insert into shop.orders (day, \"order\") select date '2026-01-01' + i::int, i from range(2) r(i)")
    lake.execute("call ducklake_flush_inlined_data('shop')")
    files = lake.execute("select data_file from ducklake_list_files('shop', 'orders')").fetchall()
    assert sorted(file.rpartition("/day=")[2].partition("/")[0] for (file,) in files) == ["2026-01-01", "2026-01-02"]


@pytest.mark.parametrize(
    ("transform", "folders"),
    [
        ("identity", ["day=2025-12-31", "day=2026-01-01", "day=2026-01-31", "day=2027-01-01"]),
        ("month", ["year=2025/month=12", "year=2026/month=1", "year=2027/month=1"]),
        ("year", ["year=2025", "year=2026", "year=2027"]),
    ],
)
def test_a_transform_of_the_day_cuts_the_files(
    lake: duckdb.DuckDBPyConnection, read_contract, transform: str, folders: list[str]
) -> None:
    top = f"customProperties: [{{property: partitionTransform, value: {transform}}}]\n"
    contract = read_contract("- name: day\n  logicalType: date\n  partitioned: true\n", top=top)
    for statement in ddl(contract, "shop.orders"):
        lake.execute(statement)
    lake.execute(
        "insert into shop.orders select unnest(['2025-12-31', '2026-01-01', '2026-01-31', '2027-01-01']::date[])"
    )
    lake.execute("call ducklake_flush_inlined_data('shop')")
    files = lake.execute("select data_file from ducklake_list_files('shop', 'orders')").fetchall()
    assert sorted(file.partition("/orders/")[2].rpartition("/")[0] for (file,) in files) == folders


def test_descriptions_become_comments(lake: duckdb.DuckDBPyConnection, read_contract) -> None:
    contract = read_contract('- name: order\n  logicalType: integer\n  description: The shop\'s "number".\n')
    for statement in ddl(contract, "shop.orders"):
        lake.execute(statement)
    tables = lake.execute("select comment from duckdb_tables() where table_name = 'orders'").fetchall()
    columns = lake.execute("select comment from duckdb_columns() where table_name = 'orders'").fetchall()
    assert (tables, columns) == ([("Orders.",)], [('The shop\'s "number".',)])
    assert comments(contract, "shop.orders") == ddl(contract, "shop.orders")[1:]
