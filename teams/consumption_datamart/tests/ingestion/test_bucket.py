"""Drops in a bucket: ACME writes them, the sensor sees them, days are loaded, set aside and restated. Over a real server of the
S3 protocol that checks signatures."""

import json
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from worlds import ROOT, SIZE, TODAY, Acme, Lake, acme_python

from consumption_datamart.ingestion.automation import DELIVERIES_TAG, delivered_days
from ingestion.ledger import assert_exact

SERVER = ROOT / "acme" / "tests" / "bucket.py"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    """A world whose files are in a bucket."""
    command = [str(acme_python()), "-P", str(SERVER), "landing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        for name, value in json.loads(server.stdout.readline()).items():
            monkeypatch.setenv(name, value)
        made = Acme(tmp_path / "acme", bucket="s3://landing/drops")
        made.call("seed", "--today", TODAY, *SIZE)
        yield made
        server.communicate()


def told_by(result: dg.ExecuteInProcessResult) -> str:
    [failure] = [event.step_failure_data.user_failure_data.description for event in result.get_step_failure_events()]
    return str(failure)


def test_days_in_a_bucket_are_seen_loaded_set_aside_and_restated(
    acme: Acme, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = delivered_days(dg.build_sensor_context(instance=lake.instance))
    assert isinstance(first, dg.SensorResult) and len(acme.current()) > 40
    assert f"{len(acme.current())} deliveries:" in str(first.run_requests[0].run_key)  # type: ignore[index]
    assert lake.run().success
    assert_exact(acme, lake)

    before = lake.query("select table_name, partition_key from _publications")
    acme.inject_all(
        ("negative_usage", "telemetry_x", "2026-10-25", 3),  # late and corrected: its day is restated
        ("corrupt", "telemetry_y", "2026-10-28", 1),
        ("truncated", "invoices", "2026-10-29", 1),
        ("half_written", "telemetry_x", "2026-10-30", 1),
    )
    again = delivered_days(dg.build_sensor_context(instance=lake.instance, cursor=first.cursor))
    assert isinstance(again, dg.SensorResult)
    named = again.run_requests[0].tags[DELIVERIES_TAG]  # type: ignore[index]
    assert [name.rpartition("/")[0] for name in named.split(", ")] == [
        "invoices/2026-10-29",
        "telemetry_x/2026-10-25",
        "telemetry_y/2026-10-28",
    ]
    assert lake.run().success
    after = lake.query("select table_name, partition_key from _publications order by published_at")
    assert after[len(before) :] == [("cloud_deployment_heartbeats", "2026-10-25")]
    assert lake.query("select source, day from consumption_datamart_private.rejected_deliveries order by all") == [
        ("invoices", date(2026, 10, 29)),
        ("telemetry_y", date(2026, 10, 28)),
    ]
    acme.call("fault", "clear")
    assert lake.run().success
    assert_exact(acme, lake)

    monkeypatch.setenv("DROPS_URL", "s3://nowhere/drops")
    told = told_by(lake.run("sku_register"))
    assert "no such bucket" in told and "DROPS_URL" in told and len(told.splitlines()) == 3
    monkeypatch.setenv("DROPS_URL", acme.url)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
    told = told_by(lake.run("sku_register"))
    assert "ACCESS_DENIED" in told and "AWS_SECRET_ACCESS_KEY" in told and len(told.splitlines()) == 3
    assert "of-somebody-else" not in told
