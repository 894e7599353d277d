"""A dbt project built on a real lake: what appears in Dagster, what is published, what a failure says."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.published import is_parsed, published_contracts
from headgate.team import read_team

pytestmark = pytest.mark.services

ALL = {"raw_customers", "raw_orders", "stg_customers", "stg_orders", "customer_orders", "order_days", "order_states"}


@pytest.fixture(scope="module")
def shop(make_scene: Callable[..., Any]) -> Any:
    return make_scene("shop")


@pytest.fixture(scope="module")
def built(shop: Any) -> dg.ExecuteInProcessResult:
    """The first run of everything."""
    run: dg.ExecuteInProcessResult = shop.run()
    assert run.success, failure(run)
    return run


@pytest.fixture
def seed(shop: Any, built: dg.ExecuteInProcessResult) -> Iterator[Callable[[str], None]]:
    """Adds lines to the seed of orders, for one test."""
    path = shop.dbt / "seeds" / "raw_orders.csv"
    before = path.read_text(encoding="utf-8")
    yield lambda lines: path.write_text(before + lines, encoding="utf-8") and None
    path.write_text(before, encoding="utf-8")


def failure(run: dg.ExecuteInProcessResult) -> str:
    failed = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    return "\n".join(str(data.user_failure_data and data.user_failure_data.description) for data in failed)


def metadata(run: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    return {
        event.asset_key.path[-1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in run.all_events
        if event.is_step_materialization and event.asset_key
    }


def checks(run: dg.ExecuteInProcessResult) -> dict[str, Any]:
    return {check.check_name: check for check in run.get_asset_check_evaluations()}


def test_definitions_carry_owner_group_tags_and_automation(shop: Any) -> None:
    specs = {spec.key.path[-1]: spec for spec in shop.load().resolve_all_asset_specs()}
    assert specs.keys() == ALL
    assert {name: spec.owners for name, spec in specs.items() if spec.owners != ["team:shop"]} == {
        "stg_customers": ["till@example.com"]
    }
    groups = ("stg_customers", "till"), ("stg_orders", "staging"), ("customer_orders", "marts"), ("raw_orders", "seeds")
    assert {name: specs[name].group_name for name, _ in groups} == dict(groups)
    assert specs["stg_customers"].tags.items() >= {"nightly": "", "has_space": ""}.items()
    assert [name for name, spec in specs.items() if spec.automation_condition is not None] == ["customer_orders"]
    assert [name for name, spec in specs.items() if "headgate/published" in spec.tags] == ["customer_orders"]


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("models/marts/bad.sql", "select * from {{ ref('nowhere') }}", ["dbt cannot parse the project", "nowhere"]),
        ("models/marts/bad.yml", "models: [{name: order_days", ["dbt cannot parse the project", "bad.yml"]),
        (
            "models/marts/bad.yml",
            "models: [{name: order_states_now, config: {meta: {headgate: {colour: red}}}}]",
            ["model order_states_now", "says 'colour', which nobody reads"],
        ),
    ],
)
def test_a_project_that_cannot_be_read_is_refused_in_three_lines(
    shop: Any, file: str, text: str, words: list[str]
) -> None:
    path, model = shop.dbt / file, shop.dbt / "models" / "marts" / "order_states_now.sql"
    model.write_text("select 1 as one", encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    try:
        with pytest.raises(DbtError) as caught:
            shop.load()
    finally:
        path.unlink()
        model.unlink()
    assert len(str(caught.value).splitlines()) == 3
    assert all(word in str(caught.value) for word in words), caught.value


def test_every_model_seed_and_snapshot_is_materialised(built: dg.ExecuteInProcessResult) -> None:
    found = metadata(built)
    assert found.keys() == ALL
    assert {name: data.get("dagster/row_count") for name, data in found.items()} == {
        "raw_customers": 4,
        "raw_orders": 5,
        "stg_customers": None,  # a view: counting it would compute it
        "stg_orders": None,
        "customer_orders": 4,
        "order_days": 5,
        "order_states": 5,
    }


def test_columns_have_the_types_of_the_lake_and_the_words_of_the_project(built: dg.ExecuteInProcessResult) -> None:
    columns = {column.name: column for column in metadata(built)["stg_orders"]["dagster/column_schema"].columns}
    assert columns["amount"].type == "DECIMAL(12,2)"
    assert columns["order_id"].description == "Number of the order."


def test_columns_name_the_columns_they_come_from(built: dg.ExecuteInProcessResult) -> None:
    lineage = metadata(built)["order_days"]["dagster/column_lineage"].deps_by_column
    assert [(dep.asset_key.path[-1], dep.column_name) for dep in lineage["amount"]] == [("stg_orders", "amount")]
    lineage = metadata(built)["customer_orders"]["dagster/column_lineage"].deps_by_column
    assert [(dep.asset_key.path[-1], dep.column_name) for dep in lineage["customer_name"]] == [
        ("stg_customers", "customer_name")
    ]


def test_every_test_is_a_check_with_its_rows(built: dg.ExecuteInProcessResult) -> None:
    found = checks(built)
    assert {
        "unique_raw_customers_id",
        "cents_become_euros",
        "returned_orders_have_an_amount",
        "relationships_stg_orders_customer_id__customer_id__ref_stg_customers",
        "accepted_values_stg_orders_status__placed__completed__returned",
    } <= found.keys()
    warned = found.pop("no_order_is_lost")
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert warned.metadata["failed_rows"].value == 2
    assert {row.data["customer_id"] for row in warned.metadata["examples"].records} == {"1", "3"}
    assert [name for name, check in found.items() if not check.passed] == []


def test_the_public_model_is_published_by_the_gate(shop: Any, built: dg.ExecuteInProcessResult) -> None:
    assert shop.rows("select * from shop.customer_orders order by 1") == [
        (1, "A*** L***", 2, Decimal("20.80")),
        (2, "A*** T***", 1, Decimal("40.00")),
        (3, "G*** H***", 2, Decimal("100.99")),
        (4, "E*** D***", 0, Decimal("0.00")),
    ]
    rules = {"schema", "row_count", "customer_id__not_null", "customer_id__unique", "order_count__not_null"}
    assert rules <= checks(built).keys()
    assert shop.rows("select table_name, run_id from shop._publications") == [("customer_orders", built.run_id)]
    # Private models stay private.
    assert shop.rows(
        "select count(*) from information_schema.tables where table_catalog = 'shop'"
        " and table_name in ('stg_orders', 'order_days')"
    ) == [(0,)]


def test_others_see_its_contract_without_dbt_and_without_running_code(
    shop: Any, built: dg.ExecuteInProcessResult
) -> None:
    team, settings = read_team(shop.folder), shop.catalog.settings("shop", shop.home)
    assert is_parsed(team, settings)
    contracts = published_contracts(team, settings)
    assert contracts.keys() == {"customer_orders"}
    contract = contracts["customer_orders"]
    assert (contract.version, contract.path) == ("1.0.0", shop.dbt / "models" / "marts" / "_marts.yml")
    assert [column.name for column in contract.columns] == [
        "customer_id",
        "customer_name",
        "order_count",
        "total_amount",
    ]
    path = shop.dbt / "models" / "marts" / "_marts.yml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\n", encoding="utf-8")
    try:
        assert not is_parsed(team, settings) and published_contracts(team, settings) == {}
    finally:
        path.write_text(before, encoding="utf-8")


def test_a_second_run_adds_what_is_new(shop: Any, seed: Callable[[str], None]) -> None:
    seed("6,2,2024-03-05,completed,500\n")
    # The snapshot is left out: what it knew of order 5 before is another test's.
    run = shop.run("raw_orders", "stg_orders", "order_days")
    assert run.success, failure(run)
    assert metadata(run).keys() == {"raw_orders", "stg_orders", "order_days"}
    days = "select ordered_on::varchar, amount from shop_private.order_days where ordered_on >= date '2024-03-01' order by 1"
    assert shop.rows(days) == [("2024-03-01", Decimal("100.00")), ("2024-03-05", Decimal("5.00"))]


def test_a_subset_runs_its_own_checks_and_no_other(shop: Any, built: dg.ExecuteInProcessResult) -> None:
    run = shop.run("stg_customers")
    assert metadata(run).keys() == {"stg_customers"}
    assert checks(run).keys() == {"unique_stg_customers_customer_id", "not_null_stg_customers_customer_id"}
    assert checks(shop.run("stg_customers", checks=False)) == {}


def test_a_failed_test_names_model_test_and_rows_and_publishes_nothing(shop: Any, seed: Callable[[str], None]) -> None:
    before = shop.rows("select count(*) from shop._publications")
    seed("7,1,2024-03-06,lost,100\n8,9,2024-03-06,placed,100\n")
    run = shop.run()
    assert not run.success
    what, where, next_step = failure(run).splitlines()
    status = "accepted_values_stg_orders_status__placed__completed__returned"
    assert f"dbt test {status} on model stg_orders failed: 1 row, e.g. " in what and '"lost"' in what
    assert "(and 1 more: relationships_stg_orders_customer_id" in what
    assert where.strip() == "where: dbt/models/staging/_staging.yml"
    assert "headgate build --select stg_orders" in next_step
    assert metadata(run).keys() == {"raw_customers", "raw_orders", "stg_customers", "stg_orders"}
    found = checks(run)
    assert not found[status].passed
    assert found[status].metadata["examples"].records[0].data["value_field"] == "lost"
    assert shop.rows("select count(*) from shop._publications") == before
    data = next(event.step_failure_data for event in run.all_events if event.is_step_failure)
    assert data.user_failure_data.metadata["headgate/failed_assets"].value == ["shop/stg_orders"]


def test_a_failed_model_names_itself_and_the_reason(shop: Any, built: dg.ExecuteInProcessResult) -> None:
    path = shop.dbt / "models" / "marts" / "order_days.sql"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(
            before.replace("count(*) as order_count", "nonsense(ordered_on) as order_count"), encoding="utf-8"
        )
        run = shop.run("order_days")
    finally:
        path.write_text(before, encoding="utf-8")
    what, where, _ = failure(run).splitlines()
    assert what.startswith(
        "dbt model order_days failed: Catalog Error: Scalar Function with name nonsense does not exist"
    )
    assert where.strip() == "where: dbt/models/marts/order_days.sql"


def test_rows_that_break_the_contract_alone_are_refused_by_the_gate(
    shop: Any, built: dg.ExecuteInProcessResult
) -> None:
    """The team's own contract file goes before what dbt says; a rule of it fails, and the old version stays served."""
    derived = next((shop.home / "dbt" / "shop").glob("*/contracts/customer_orders.odcs.yaml")).read_text(
        encoding="utf-8"
    )
    path = shop.folder / "contracts" / "customer_orders.odcs.yaml"
    path.write_text(
        derived.replace("physicalType: bigint", "physicalType: bigint\n    logicalTypeOptions: {minimum: 1}"),
        encoding="utf-8",
    )
    try:
        run = shop.run("customer_orders")
    finally:
        path.unlink()
    assert "shop.customer_orders was not published: 1 of 4 rows break order_count__range" in failure(run)
    assert not checks(run)["order_count__range"].passed
    assert shop.rows("select count(*) from shop.customer_orders where order_count = 0") == [(1,)]
