"""`dlt_assets` of a small team, run through Dagster against a real lake."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

from headgate.team import read_team
from headgate.testing import Catalog

PYPROJECT = """
[project]
name = "analytics"
version = "0.1.0"
description = "A team of the tests"
[tool.headgate]
owner = "team:analytics"
"""
CODE = """
import sys
import dagster as dg
import dlt
import ibis
from headgate import asset, dlt_assets, has_partitions, team_definitions
from headgate.sources.dlt.model import Pull
from headgate.sources.http import Traffic

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-04")
PULLED = []

def shop(rows=()):
    @dlt.source
    def shop():
        id_column = {"id": {"data_type": "bigint", "description": "Number of the order"}}
        orders = dlt.resource(rows, name="sales", table_name="orders", primary_key="id", write_disposition="merge",
                              columns=id_column, schema_contract={"columns": "discard_value"})
        @dlt.resource(name="visits")
        def visits():
            PULLED.append("visits")
            yield [{"page": "a"}, {"page": "b"}]
        return orders, visits
    return shop()

@dlt_assets(dlt_source=shop(), group_name="shop", partitions_def=DAYS, pool="shop", automation="eager",
            owners=["team:sellers"], tags={"domain": "shop"})
def land(context):
    "What the shop sold."
    context.log.info("reading")
    rows = [{"id": 1, "lines": [{"n": 1}]}, {"id": 2, **EXTRA}]
    if has_partitions(context):
        return shop([{"id": 10}])
    return Pull(shop(rows), traffic=Traffic(pages=3, bytes=70), partitions=["2026-01-01", "2026-01-02"])

EXTRA = {}

@asset(deps=[])
def count_of_orders(orders: ibis.Table) -> ibis.Table:
    return orders.aggregate(orders=orders.count())

defs = team_definitions(modules=[sys.modules[__name__]])
"""


@pytest.fixture
def team(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "teams" / "analytics"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    source = folder / "analytics_dlt.py"
    source.write_text(CODE, encoding="utf-8")
    for name, value in catalog.environment("analytics", tmp_path).items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("analytics_dlt", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["analytics_dlt"] = module
    read_team.cache_clear()
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("analytics_dlt")


def run(team: ModuleType, *names: str, **options: object) -> dg.ExecuteInProcessResult:
    job = team.defs.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["analytics", name]) for name in names]
    return job.execute_in_process(asset_selection=keys, **options)


def test_assets_carry_what_they_were_given(team: ModuleType) -> None:
    specs = {spec.key.path[-1]: spec for spec in team.land.specs}
    assert set(specs) == {"orders", "visits"}
    orders = specs["orders"]
    assert orders.owners == ["team:sellers"] and orders.tags["domain"] == "shop" and orders.group_name == "shop"
    assert orders.kinds == {"dlt", "ducklake"} and orders.description == "What the shop sold."
    assert orders.automation_condition is not None and orders.partitions_def == team.DAYS
    [column] = orders.metadata["dagster/column_schema"].columns
    assert (column.name, column.description) == ("id", "Number of the order")
    assert team.land.op.pool == "shop"


def test_a_run_lands_tells_and_feeds_what_follows(team: ModuleType, open_session: Callable) -> None:
    result = run(team, "orders", "visits", "count_of_orders", instance=dg.DagsterInstance.ephemeral())
    assert result.success
    made = {}
    for event in result.get_asset_materialization_events():
        one = event.step_materialization_data.materialization
        made[(one.asset_key.path[-1], one.partition)] = {name: value.value for name, value in one.metadata.items()}
    told = made[("orders", None)]
    assert (told["dagster/row_count"], told["written_rows"], told["pull_pages"], told["pull_bytes"]) == (2, 2, 3, 70)
    assert told["nested_rows"] == {"orders__lines": 1} and told["landed_at"] > 0
    assert [column.name for column in told["dagster/column_schema"].columns][:1] == ["id"]
    assert ("orders", "2026-01-01") in made and ("visits", "2026-01-02") in made
    session = open_session("analytics")
    assert session.connection.execute(
        f"select orders from {session.qualify('analytics_private.count_of_orders')}"
    ).fetchall() == [(2,)]


def test_a_part_of_the_assets_reads_that_part(team: ModuleType, open_session: Callable) -> None:
    assert run(team, "orders", partition_key="2026-01-03", instance=dg.DagsterInstance.ephemeral()).success
    assert team.PULLED == []
    session = open_session("analytics")
    assert session.connection.execute(f"select id from {session.qualify('analytics_private.orders')}").fetchall() == [
        (10,)
    ]
    assert not session.has_table("analytics_private.visits")


def test_what_the_contract_keeps_out_is_a_warning(team: ModuleType) -> None:
    assert run(team, "orders", instance=dg.DagsterInstance.ephemeral()).success
    team.EXTRA["colour"] = "red"
    result = run(team, "orders", instance=dg.DagsterInstance.ephemeral())
    [check] = result.get_asset_check_evaluations()
    assert result.success and not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert check.metadata["surprises"].value == "new column colour (1 rows)"


def test_a_run_that_repeats_another_one_appends_once(team: ModuleType, open_session: Callable) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = run(team, "visits", instance=instance)
        again = {"dagster/root_run_id": first.run_id, "dagster/parent_run_id": first.run_id}
        land = team.defs.resolve_implicit_global_asset_job_def()
        key = [dg.AssetKey(["analytics", "visits"])]
        repeated = land.execute_in_process(asset_selection=key, instance=instance, tags=again)
        assert first.success and repeated.success
        session = open_session("analytics")
        count = f"select count(*) from {session.qualify('analytics_private.visits')}"
        assert session.connection.execute(count).fetchone() == (2,)
        assert run(team, "visits", instance=instance).success  # a new run of its own appends
        assert session.connection.execute(count).fetchone() == (4,)
