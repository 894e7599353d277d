"""Drops in a bucket: ACME writes them, the sensor sees them, days are loaded, set aside and restated. Over a real server of the
S3 protocol that checks signatures."""

import json
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from worlds import ROOT, TODAY, Acme, Lake, acme_python

from consumption_datamart.ingestion.automation import DELIVERIES_TAG, delivered_days
from consumption_datamart.ingestion.drops import DropsError, open_drops
from ingestion.ledger import assert_exact

SERVER = ROOT / "acme" / "tests" / "bucket.py"
SIZE = ("--customers", "8", "--days", "5", "--dense-days", "1", "--dense-minutes", "120", "--seed", "7")


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    command = [str(acme_python()), "-P", str(SERVER), "landing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield json.loads(server.stdout.readline())
        server.communicate()


@pytest.fixture
def acme(variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acme:
    """A world whose files are in a bucket; they are not made yet."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Acme(tmp_path / "acme", bucket="s3://landing/drops")


def test_days_in_a_bucket_are_seen_loaded_set_aside_and_restated(acme: Acme, lake: Lake) -> None:
    acme.call("seed", "--today", TODAY, *SIZE)
    first = delivered_days(dg.build_sensor_context(instance=lake.instance))
    assert isinstance(first, dg.SensorResult) and len(acme.current()) > 15
    assert f"{len(acme.current())} deliveries:" in str(first.run_requests[0].run_key)  # type: ignore[index]
    assert lake.run().success
    assert_exact(acme, lake)

    before = lake.query("select table_name, partition_key from _publications")
    acme.inject_all(
        ("negative_usage", "telemetry_x", "2026-10-29", 3),  # late and corrected: its day is restated
        ("corrupt", "telemetry_y", "2026-10-28", 1),
        ("truncated", "invoices", "2026-10-29", 1),
        ("half_written", "telemetry_x", "2026-10-30", 1),
    )
    again = delivered_days(dg.build_sensor_context(instance=lake.instance, cursor=first.cursor))
    assert isinstance(again, dg.SensorResult)
    named = again.run_requests[0].tags[DELIVERIES_TAG]  # type: ignore[index]
    assert [name.rpartition("/")[0] for name in named.split(", ")] == [
        "invoices/2026-10-29",
        "telemetry_x/2026-10-29",
        "telemetry_y/2026-10-28",
    ]
    assert lake.run().success
    after = lake.query("select table_name, partition_key from _publications order by published_at")
    assert after[len(before) :] == [("cloud_deployment_heartbeats", "2026-10-29")]
    assert lake.query("select source, day from consumption_datamart_private.rejected_deliveries order by all") == [
        ("invoices", date(2026, 10, 29)),
        ("telemetry_y", date(2026, 10, 28)),
    ]
    acme.call("fault", "clear")
    assert lake.run().success
    assert_exact(acme, lake)


def test_a_bucket_that_refuses_says_which_variables(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> str:
        with pytest.raises(DropsError) as caught:
            open_drops()
        assert len(str(caught.value).splitlines()) == 3
        return str(caught.value)

    monkeypatch.setenv("DROPS_URL", "s3://nowhere/drops")
    assert "no such bucket" in told() and "DROPS_URL" in told()
    monkeypatch.setenv("DROPS_URL", acme.url)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
    assert "ACCESS_DENIED" in told() and "AWS_SECRET_ACCESS_KEY" in told() and "of-somebody-else" not in told()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    assert "NETWORK_CONNECTION" in told() and "AWS_ENDPOINT_URL" in told()
