"""Assets that are published by partition: of a day, of a range of days in one run, and of what they find to be due."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from test_assets import load_team  # noqa: F401

from headgate.lake.session import LakeSession

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.{table}
name: Daily
version: 1.0.0
status: active
team: {{name: analytics}}
schema:
  - name: {table}
    description: One row a day.
    properties:
      - name: day
        logicalType: date
        description: Day.
        primaryKey: true
        primaryKeyPosition: 1
        partitioned: true
        partitionKeyPosition: 1
      - {{name: number, logicalType: integer, description: Number., required: true, logicalTypeOptions: {{minimum: 0}}}}
    quality:
      - {{metric: rowCount, mustBeGreaterOrEqualTo: 0}}
      - type: sql
        name: number__large
        query: select count(*) from {{table}} where number > 2
        mustBe: 0
        severity: warning
customProperties:
  - {{property: publishMode, value: partition}}
"""
CODE = """
import sys
import dagster as dg
import ibis
from headgate import Partitions, asset, run_partitions, team_definitions

DAYS = dg.DailyPartitionsDefinition("2026-03-01", end_date="2026-03-06")
OPTIONS = dict(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())

def rows(keys):
    numbers = {"day": keys, "number": [int(key[-2:]) for key in keys]}
    return ibis.memtable(numbers, schema={"day": "string", "number": "int64"}).mutate(day=ibis._.day.cast("date"))

@asset(**OPTIONS)
def bare(context: dg.AssetExecutionContext) -> ibis.Table:
    return rows(run_partitions(context))

@asset(**OPTIONS)
def due(context: dg.AssetExecutionContext):
    keys = run_partitions(context)
    if keys is None:
        return (Partitions(rows([key]), [key], inputs={key: {"source": 7}}) for key in ("2026-03-02", "2026-03-04"))
    return Partitions(rows(keys), keys)

@asset(**OPTIONS)
def idle(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(value=Partitions(rows([]), []), metadata={"told": 1})

defs = team_definitions(modules=[sys.modules[__name__]])
"""


@pytest.fixture
def run(load_team: Callable[..., object], tmp_path: Path) -> Iterator[Callable[..., dg.ExecuteInProcessResult]]:  # noqa: F811
    contracts = tmp_path / "teams" / "analytics" / "contracts"
    contracts.mkdir(parents=True)
    for table in ("bare", "due", "idle"):
        (contracts / f"{table}.odcs.yaml").write_text(CONTRACT.format(table=table), encoding="utf-8")
    job = load_team("analytics", CODE).defs.resolve_implicit_global_asset_job_def()  # type: ignore[attr-defined]
    with dg.DagsterInstance.ephemeral() as instance:

        def execute(table: str, *days: str) -> dg.ExecuteInProcessResult:
            tags = {}
            if len(days) == 2:
                tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[1]}
            return job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(["analytics", table])],
                partition_key=days[0] if len(days) == 1 else None,
                tags=tags,
            )

        yield execute


def told(result: dg.ExecuteInProcessResult) -> tuple[list[str], dict[str, object]]:
    """Partitions that Dagster was told of, and the metadata of what was made."""
    made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    metadata: dict[str, object] = {}
    for one in made:
        metadata |= {name: value.value for name, value in one.metadata.items()}
    return [one.partition for one in made if one.partition], metadata


def days_of(session: LakeSession, table: str) -> list[tuple[str, int]]:
    return session.connection.execute(
        f"select cast(day as varchar), number from {session.qualify(f'analytics.{table}')} order by all"
    ).fetchall()


def test_a_range_is_one_run_and_one_commit(run, open_session: Callable[[str], LakeSession]) -> None:
    result = run("bare", "2026-03-02", "2026-03-04")
    partitions, metadata = told(result)
    assert partitions == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert (metadata["rewritten_partitions"], metadata["partitions"]) == (3, "2026-03-02 … 2026-03-04")
    assert (metadata["written_rows"], metadata["warning_rows"]) == (3, 2)
    session = open_session("analytics")
    assert days_of(session, "bare") == [("2026-03-02", 2), ("2026-03-03", 3), ("2026-03-04", 4)]
    commits = session.connection.execute(
        "select count(*) from ducklake_snapshots('analytics') where commit_message = 'publish bare'"
    ).fetchone()
    assert commits == (1,)
    run("bare", "2026-03-05")
    assert len(days_of(session, "bare")) == 4


def test_without_a_partition_the_asset_says_what_was_due(run, open_session: Callable[[str], LakeSession]) -> None:
    result = run("due")
    partitions, metadata = told(result)
    assert partitions == ["2026-03-02", "2026-03-04"]
    assert (metadata["rewritten_partitions"], metadata["written_rows"]) == (2, 2)
    [check] = [each for each in result.get_asset_check_evaluations() if each.check_name == "number__large"]
    assert (check.passed, check.metadata["failed_rows"].value, check.metadata["checked_rows"].value) == (False, 1, 2)
    session = open_session("analytics")
    assert days_of(session, "due") == [("2026-03-02", 2), ("2026-03-04", 4)]
    inputs = session.connection.execute("select distinct input_snapshots from analytics._publications").fetchall()
    assert inputs == [('{"source": 7}',)]


def test_nothing_due_writes_nothing_and_is_made(run, open_session: Callable[[str], LakeSession]) -> None:
    result = run("idle")
    partitions, metadata = told(result)
    assert result.success and partitions == []
    assert (metadata["rewritten_partitions"], metadata["written_rows"], metadata["told"]) == (0, 0, 1)
    assert {each.passed for each in result.get_asset_check_evaluations()} == {True}
    assert not open_session("analytics").has_table("analytics.idle")
