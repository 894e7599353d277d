"""A contract file becomes a contract: every key that means something ends up where it is used."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headgate.contract import Column, ContractError, ServiceLevel, load_contract, load_contracts

FULL = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders
name: Orders of the shop
version: 2.3.1
status: active
domain: sales
dataProduct: orders
tags: [core]
description:
  purpose: Every order.
  usage: Join on customer_id.
  limitations: No returns.
schema:
  - name: orders
    physicalType: table
    description: One row an order.
    properties:
      - name: region
        logicalType: string
        description: Where.
        partitioned: true
        primaryKey: true
        primaryKeyPosition: 2
      - name: order_id
        logicalType: integer
        physicalType: integer
        description: The shop's number.
        businessName: Order number
        primaryKey: true
        primaryKeyPosition: 1
        examples: [1, 42]
        tags: [key]
      - name: email
        logicalType: string
        description: Address of the buyer.
        classification: personal
        customProperties:
          - property: masking
            value: hash
          - property: x-other-tool
            value: {anything: goes}
      - name: price
        logicalType: number
        physicalType: numeric( 12 , 2 )
        description: US dollars.
        required: true
      - name: placed_at
        logicalType: timestamp
        description: Moment of the order.
team:
  name: shop
  members:
    - username: ann@acme.example
      role: steward
      dateIn: 2026-01-01
    - username: bob@acme.example
      role: owner
slaProperties:
  - property: freshness
    value: 25
    unit: h
    valueExt: 99.5
    element: orders
    description: By one in the morning.
  - property: retention
    value: unlimited
    element: orders.placed_at
servers:
  - server: lake
    type: duckdb
    database: lake.duckdb
    schema: main
customProperties:
  - property: publishMode
    value: partition
  - property: serviceWindow
    value: 28
"""


def test_every_part(tmp_path: Path) -> None:
    path = tmp_path / "orders.odcs.yaml"
    path.write_text(FULL, encoding="utf-8")
    contract = load_contract(path)
    assert (contract.path, contract.id, contract.title) == (path, "shop.orders", "Orders of the shop")
    assert (contract.team, contract.table, contract.qualified_table) == ("shop", "orders", "shop.orders")
    assert (contract.version, contract.status, contract.owner) == ("2.3.1", "active", "bob@acme.example")
    assert (contract.description, contract.usage, contract.limitations) == (
        "One row an order.",
        "Join on customer_id.",
        "No returns.",
    )
    assert (contract.domain, contract.data_product, contract.tags) == ("sales", "orders", ("core",))
    assert contract.primary_key == ("order_id", "region")
    assert (contract.partition_by, contract.publish_mode) == (("region",), "partition")
    assert contract.service_levels == (
        ServiceLevel(
            *("freshness", 25, "h", "orders", "By one in the morning."),
            target=Decimal("99.5"),
            limit=timedelta(hours=25),
        ),
        ServiceLevel("retention", "unlimited", "", "orders.placed_at"),
    )
    assert contract.measured_levels == contract.service_levels[:1]
    assert contract.service_window == timedelta(days=28)
    types = [(column.name, column.sql_type, column.required) for column in contract.columns]
    assert types == [
        ("region", "VARCHAR", True),
        ("order_id", "INTEGER", True),
        ("email", "VARCHAR", False),
        ("price", "DECIMAL(12,2)", True),
        ("placed_at", "TIMESTAMP WITH TIME ZONE", False),
    ]
    assert contract.column("order_id") == Column(
        name="order_id",
        logical_type="integer",
        sql_type="INTEGER",
        required=True,
        description="The shop's number.",
        business_name="Order number",
        tags=("key",),
        examples=(1, 42),
    )
    assert (contract.column("email").classification, contract.column("email").masking) == ("personal", "hash")
    with pytest.raises(KeyError):
        contract.column("nothing")


def test_a_single_key_column_is_required_and_unique(read_contract) -> None:
    contract = read_contract("- name: id\n  logicalType: integer\n  primaryKey: true\n")
    assert (contract.columns[0].required, contract.columns[0].unique) == (True, True)
    assert contract.primary_key == ("id",)
    assert (contract.publish_mode, contract.owner, contract.partition_by) == ("replace", None, ())


def test_a_folder_of_contracts(write_contract, tmp_path: Path) -> None:
    write_contract("- name: id\n  logicalType: integer\n", name="b")
    write_contract("- name: id\n  logicalType: integer\n", name="a")
    assert list(load_contracts(tmp_path)) == ["a", "b"]
    assert load_contracts(tmp_path / "nowhere") == {}
    (tmp_path / "c.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ContractError, match=r"c\.yaml is not named like a contract"):
        load_contracts(tmp_path)


def test_a_contract_lies_in_the_folder_of_its_team(write_contract, tmp_path: Path) -> None:
    folder = tmp_path / "warehouse" / "contracts"
    folder.mkdir(parents=True)
    path = folder / "orders.odcs.yaml"
    path.write_bytes(write_contract("- name: id\n  logicalType: integer\n").read_bytes())
    assert load_contract(path).team == "shop"
    (folder.parent / "pyproject.toml").touch()
    with pytest.raises(ContractError, match="one of team shop and lies in the folder of team warehouse") as refusal:
        load_contract(path)
    assert refusal.value.where == f"{path}:8"
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("promise", "target", "limit"),
    [
        ("{property: freshness, value: 90, unit: min}", "99", timedelta(minutes=90)),
        ("{property: freshness, value: 1.5, unit: d, element: orders.day}", "99", timedelta(hours=36)),
        ("{property: correctness, value: 99.9, unit: percent}", "99.9", None),
        ("{property: warnings, value: 0.5}", "99.5", None),
        ("{property: availability, value: 99, unit: percent}", None, None),
    ],
)
def test_service_levels_that_are_measured(read_contract, promise: str, target: str | None, limit) -> None:
    day = "- name: day\n  logicalType: date\n  partitioned: true\n"
    contract = read_contract(day, top=f"slaProperties: [{promise}]\n")
    [level] = contract.service_levels
    assert (level.target, level.limit) == (None if target is None else Decimal(target), limit)
    assert contract.service_window == timedelta(days=30)
