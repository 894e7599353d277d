"""Sources of three kinds, partitions, and checks of sources, on a real lake."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from headgate.contract import load_contract
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo

pytestmark = pytest.mark.services

SQUARES = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.squares
name: squares
version: 1.2.0
status: active
schema:
  - name: squares
    description: Squares.
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, description: The square., required: true}
team: {name: analytics}
"""

PYTHON = """
import ibis

from headgate import asset


@asset
def by_day(tariffed: ibis.Table) -> ibis.Table:
    return tariffed.filter(tariffed.tariff == "day").select("id")
"""
"""Reads a view that dbt made over a file of the project."""


@pytest.fixture(scope="module")
def meter(make_scene: Callable[..., Any]) -> Any:
    scene = make_scene("meter", consumes='"analytics.squares" = ">=1,<2"', python=PYTHON)
    contract = scene.home / "squares.odcs.yaml"
    contract.write_text(SQUARES, encoding="utf-8")
    with scene.session("analytics") as session:
        publish(session, load_contract(contract), "select unnest([1, 4, 9]) as id", RunInfo("first"))
    with scene.session() as session:
        session.attach("meter_private")
        session.connection.execute(
            """
            create table meter_private.readings as
            select * from (values
                (1, date '2024-01-05', 10, timestamptz '2024-01-06 00:00:00+00'),
                (1, date '2024-02-05', 20, timestamptz '2024-02-06 00:00:00+00'),
                (2, date '2024-02-25', 30, timestamptz '2024-02-26 00:00:00+00'),
                (2, date '2024-03-25', 40, timestamptz '2024-03-26 00:00:00+00')
            ) as t (meter_id, read_on, value, received_at)
            """
        )
    return scene


def failure(run: dg.ExecuteInProcessResult) -> str:
    failed = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    return "\n".join(str(data.user_failure_data and data.user_failure_data.description) for data in failed)


def test_sources_are_external_assets_or_what_makes_them(meter: Any) -> None:
    graph = meter.load().resolve_asset_graph()
    key = dg.AssetKey
    parents = {name: graph.get(key(["meter", name])).parent_keys for name in ("monthly_readings", "rated", "orphan")}
    assert parents == {
        "monthly_readings": {key(["meter", "readings"])},
        "rated": {key(["analytics", "squares"])},
        "orphan": {key(["meter", "nowhere", "gone"])},
    }
    assert graph.get(key(["meter", "nowhere", "gone"])).is_external


def test_a_month_replaces_that_month_and_no_other(meter: Any) -> None:
    for month in ("2024-01-01", "2024-02-01"):
        run = meter.run("monthly_readings", partition_key=month)
        assert run.success, failure(run)
    published = "select month::varchar, meter_id, total from meter.monthly_readings order by all"
    assert meter.rows(published) == [("2024-01-01", 1, 10), ("2024-02-01", 1, 20), ("2024-02-01", 2, 30)]
    with meter.session() as session:
        session.attach("meter_private")
        session.connection.execute("update meter_private.readings set value = value + 1")
    assert meter.run("monthly_readings", partition_key="2024-02-01").success
    assert meter.rows(published) == [("2024-01-01", 1, 10), ("2024-02-01", 1, 21), ("2024-02-01", 2, 31)]
    keys = meter.rows("select partition_key, count(*) from meter._publications group by all order by all")
    assert keys == [("2024-01-01", 1), ("2024-02-01", 2)]
    # The tests of what it reads ran with it, and are checks of the source.
    record = meter.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey(["meter", "readings"]), "source_not_null_meters_readings_value")]
    )
    assert [item.status.value for item in record.values()] == ["SUCCEEDED"]


def test_a_range_of_months_is_one_run_of_these_months(meter: Any) -> None:
    published = "select month::varchar, meter_id, total from meter.monthly_readings order by all"
    before = meter.rows(published)
    with meter.session() as session:
        session.attach("meter_private")
        session.connection.execute("update meter_private.readings set value = value + 100")
    tags = {"dagster/asset_partition_range_start": "2024-02-01", "dagster/asset_partition_range_end": "2024-03-01"}
    run = meter.run("monthly_readings", tags=tags)
    assert run.success, failure(run)
    assert meter.rows(published) == [
        before[0],  # January is as it was: the run was about the two months after it
        *(("2024-02-01", meter_id, total) for meter_id, total in ((1, 121), (2, 131))),
        ("2024-03-01", 2, 141),
    ]
    publications = "select partition_key from meter._publications where run_id = '{}' order by 1"
    assert meter.rows(publications.format(run.run_id)) == [("2024-02-01",), ("2024-03-01",)]


def test_a_run_without_a_partition_publishes_every_month_the_model_holds(meter: Any) -> None:
    key = dg.AssetKey(["meter", "monthly_readings"])
    before = meter.instance.fetch_materializations(key, limit=1).records[0].storage_id
    with meter.session() as session:
        session.attach("meter_private")
        session.connection.execute("update meter_private.readings set value = value + 1000")
    run = meter.run("monthly_readings")
    assert run.success, failure(run)
    assert meter.rows("select month::varchar, meter_id, total from meter.monthly_readings order by all") == [
        ("2024-01-01", 1, 1111),
        ("2024-02-01", 1, 1121),
        ("2024-02-01", 2, 1131),
        ("2024-03-01", 2, 1141),
    ]
    publications = f"select partition_key from meter._publications where run_id = '{run.run_id}' order by 1"
    assert meter.rows(publications) == [("2024-01-01",), ("2024-02-01",), ("2024-03-01",)]
    # Dagster knows of them, too: whoever waits for one of these months finds it.
    told = meter.instance.get_materialized_partitions(key, after_cursor=before)
    assert told == {"2024-01-01", "2024-02-01", "2024-03-01"}


def test_a_month_that_the_model_lost_is_published_empty_and_rows_of_no_month_are_refused(meter: Any) -> None:
    published = "select month::varchar, meter_id, total from meter.monthly_readings order by all"
    before = meter.rows(published)
    with meter.session() as session:
        session.attach("meter_private")
        session.connection.execute("update meter_private.readings set read_on = null where read_on = date '2024-01-05'")
    rebuilt = {"headgate/full_refresh": "true"}
    run = meter.run("monthly_readings", tags=rebuilt)
    assert "monthly_readings was not published: 1 of 4 rows break partition" in failure(run)
    assert meter.rows(published) == before
    with meter.session() as session:
        session.attach("meter_private")
        session.connection.execute("delete from meter_private.readings where read_on is null")
    run = meter.run("monthly_readings", tags=rebuilt)
    assert run.success, failure(run)
    assert [month for month, *_ in before] == ["2024-01-01", "2024-02-01", "2024-02-01", "2024-03-01"]
    assert meter.rows(published) == before[1:]
    records = f"select partition_key, written_rows from meter._publications where run_id = '{run.run_id}' order by 1"
    assert meter.rows(records) == [("2024-01-01", 0), ("2024-02-01", 2), ("2024-03-01", 1)]


def test_a_model_over_a_file_and_one_over_another_teams_table_put_down_what_they_read(meter: Any) -> None:
    run = meter.run("rated", "tariffed", "below_tariffed", "by_day")
    assert run.success, failure(run)
    tariffs = meter.rows("select id, tariff from meter_private.below_tariffed order by 1")
    assert tariffs == [(1, "day"), (4, None), (9, None)]
    # An asset in Python reads the view over the file as dbt does, although its process is in another folder.
    assert meter.rows("select id from meter_private.by_day") == [(1,)]
    # Where a column comes from is found through a view of a file, too.
    [made] = meter.instance.fetch_materializations(dg.AssetKey(["meter", "below_tariffed"]), limit=1).records
    lineage = made.asset_materialization.metadata["dagster/column_lineage"].value
    assert [dep.asset_key.path[-1] for dep in lineage.deps_by_column["tariff"]] == ["tariffed"]
    assert meter.rows("select id, next_id from meter_private.rated order by 1", ("meter_private", "analytics")) == [
        (1, 2),
        (4, 5),
        (9, 10),
    ]


def test_a_missing_source_is_named_and_the_rest_is_built(meter: Any) -> None:
    run = meter.run("rated", "orphan", "below_orphan")
    what, where, next_step = failure(run).splitlines()
    assert what == "source nowhere.gone of the dbt project is not there: no table meter_private.raw.gone"
    assert where.strip() == "where: dbt/models/sources.yml"
    assert "land it there by an asset of team meter" in next_step
    built = {event.asset_key.path[-1] for event in run.all_events if event.is_step_materialization}
    assert built == {"rated"}


def test_checks_of_sources_run_alone(meter: Any) -> None:
    job = dg.define_asset_job("look", selection=dg.AssetSelection.all_asset_checks())
    defs = dg.Definitions.merge(meter.load(), dg.Definitions(jobs=[job]))
    # Only the checks of sources have no asset in the run.
    names = [definition for definition in defs.asset_checks or ()]
    assert [definition.node_def.name for definition in names] == ["meter_dbt_sources"]
    only = dg.define_asset_job("sources", selection=dg.AssetSelection.checks(*names))
    defs = dg.Definitions.merge(meter.load(), dg.Definitions(jobs=[only]))
    run = defs.resolve_job_def("sources").execute_in_process(instance=meter.instance)
    found = {(tuple(check.asset_key.path), check.check_name): check for check in run.get_asset_check_evaluations()}
    assert found[("meter", "readings"), "source_not_null_meters_readings_value"].passed
    fresh = found[("meter", "readings"), "freshness"]
    assert (fresh.passed, fresh.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert fresh.metadata["max_loaded_at"].value.startswith("2024-03-26T00:00:00")
    gone = found[("meter", "nowhere", "gone"), "freshness"]
    assert not gone.passed and "is not there" in (gone.description or "")


def test_partitioned_models_are_a_step_of_their_own_with_a_pool(meter: Any) -> None:
    assets = {item.node_def.name: item for item in meter.load().assets or () if isinstance(item, dg.AssetsDefinition)}
    assert assets.keys() == {"meter_dbt", "meter_dbt_month_meters", "meter__by_day"}
    monthly = assets["meter_dbt_month_meters"]
    assert isinstance(monthly.partitions_def, dg.MonthlyPartitionsDefinition)
    assert monthly.op.pool == "meters"
