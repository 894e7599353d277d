"""Warnings, alerts and anomalies of a daily asset as Dagster shows them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from test_assets import load_team  # noqa: F401

from headgate.lake.session import LakeSession

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.usage
name: Usage
version: 1.0.0
status: active
team: {name: analytics}
schema:
  - name: usage
    description: One row a customer and day.
    properties:
      - {name: day, logicalType: date, description: Day., required: true, partitioned: true, partitionKeyPosition: 1}
      - name: customer
        logicalType: string
        description: Who.
        classification: personal
        customProperties: [{property: masking, value: hash}]
        quality:
          - metric: invalidValues
            arguments: {pattern: "@"}
            mustBe: 0
            severity: warning
            name: customer__odd
            customProperties: [{property: alert, value: {rows: 1}}]
      - {name: meta__warnings, logicalType: array, physicalType: "VARCHAR[]", description: Doubts., required: true}
    quality:
      - type: sql
        name: clock__skewed
        query: select count(*) from {table} where list_contains(meta__warnings, 'clock__skewed')
        mustBe: 0
        severity: warning
customProperties:
  - {property: publishMode, value: partition}
  - {property: profile, value: columns}
"""
CODE = """
import sys
import dagster as dg
import ibis
from headgate import asset, team_definitions
from headgate.quality.codes import add_warnings

@asset(partitions_def=dg.StaticPartitionsDefinition(["2026-03-01", "2026-03-02"]))
def usage(context: dg.AssetExecutionContext) -> ibis.Table:
    day = context.partition_key
    names = ["ann@x", "in-clear-1", "in-clear-2"] if day == "2026-03-02" else ["ann@x", "in-clear-1", "bob@x"]
    rows = ibis.memtable({"day": [day] * 3, "customer": names}).mutate(day=ibis._.day.cast("date"))
    rows = add_warnings(rows, {"clock__skewed": ibis._.customer == "in-clear-1"})
    return add_warnings(rows, {"other": ibis._.customer.contains("clear"), "never": ibis.null().cast("boolean")})

defs = team_definitions(modules=[sys.modules[__name__]])
"""


@pytest.fixture
def usage(load_team: Callable[..., object], tmp_path: Path) -> Iterator[dg.Definitions]:  # noqa: F811
    contracts = tmp_path / "teams" / "analytics" / "contracts"
    contracts.mkdir(parents=True)
    (contracts / "usage.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
    yield load_team("analytics", CODE).defs  # type: ignore[attr-defined]


def test_a_daily_asset_warns_alerts_and_stays_green(
    usage: dg.Definitions, open_session: Callable[[str], LakeSession]
) -> None:
    job = usage.resolve_implicit_global_asset_job_def()
    alerts = {}
    for day in ("2026-03-01", "2026-03-02"):
        result = job.execute_in_process(partition_key=day, instance=dg.DagsterInstance.ephemeral())
        assert result.success
        checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
        assert "other" not in checks and checks["anomalies"].passed
        odd = checks["customer__odd"]
        assert not odd.passed and odd.severity == dg.AssetCheckSeverity.WARN
        alerts[day] = (odd.metadata["alert"].value, odd.metadata["failed_rows"].value)
        assert checks["clock__skewed"].metadata["failed_rows"].value == 1
        assert "in-clear" not in str(result.all_events)
        assert [record.data for record in odd.metadata["examples"].records] == [{"customer": "***"}] * alerts[day][1]
        [materialization] = result.asset_materializations_for_node("analytics__usage")
        assert materialization.metadata["warning_rows"].value == alerts[day][1]
        assert materialization.metadata["alerts"].value == (day == "2026-03-02")
    assert alerts == {"2026-03-01": (False, 1), "2026-03-02": (True, 2)}
    session = open_session("analytics")
    table = session.qualify("analytics.usage")
    marked = session.connection.execute(
        f"select cast(day as varchar), meta__warnings from {table} order by all"
    ).fetchall()
    both, one = ["clock__skewed", "customer__odd", "other"], ["customer__odd", "other"]
    assert marked == [
        ("2026-03-01", []), ("2026-03-01", []), ("2026-03-01", both),
        ("2026-03-02", []), ("2026-03-02", both), ("2026-03-02", one),
    ]  # fmt: skip
