"""Dagster's storage on a real PostgreSQL: what a run of many partitions tells it, and in how many statements."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from sqlalchemy import event

from headgate.orchestration.partitions import report_partitions
from headgate.testing import Catalog

pytestmark = pytest.mark.services

KEY = dg.AssetKey(["shop", "daily"])
DAYS = [(date(2024, 1, 1) + timedelta(days=number)).isoformat() for number in range(1_200)]


@dg.asset(key=KEY, partitions_def=dg.DailyPartitionsDefinition(DAYS[0]))
def daily(context: dg.AssetExecutionContext) -> None:
    report_partitions(context, KEY, DAYS)


@pytest.fixture
def instance(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    with psycopg.connect(catalog.admin_url, autocommit=True) as admin:
        admin.execute("drop database if exists dagster_test with (force)")
        admin.execute("create database dagster_test")
    url = f"postgresql+psycopg2://postgres@/dagster_test?{catalog.admin_url.split('?')[1]}"
    storage = {
        "module": "headgate.orchestration.storage",
        "class": "PooledPostgresStorage",
        "config": {"postgres_url": url},
    }
    (tmp_path / "dagster.yaml").write_text(json.dumps({"storage": {"custom": storage}}), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened
        opened.event_log_storage._engine.dispose()


def test_many_partitions_are_told_in_few_statements(instance: dg.DagsterInstance) -> None:
    statements: list[str] = []

    @event.listens_for(instance.event_log_storage._engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_) -> None:
        if statement.startswith("INSERT INTO event_logs"):
            statements.append(statement)

    result = dg.materialize([daily], instance=instance)
    assert instance.get_materialized_partitions(KEY) == set(DAYS)
    told = [one.partition for one in result.get_asset_materialization_events() if one.partition]
    assert told == DAYS
    assert 3 <= len(statements) < 30  # 500 partitions at once, and a statement for each of the run's own events
