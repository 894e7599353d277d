"""The sensor: it sees complete days only, and asks for a run of exactly what is new, once."""

import json
from datetime import date

import dagster as dg
from worlds import Acme, Lake

from consumption_datamart.ingestion.automation import DAYS_TAG, DELIVERIES_TAG, delivered_days, look, request_for
from consumption_datamart.ingestion.drops import Drops


def names(deliveries) -> list[str]:
    return [one.name for one in deliveries]


def test_only_days_with_a_marker_are_seen(acme: Acme) -> None:
    drops = Drops(str(acme.drops))
    found, cursor = look(drops, None)
    assert {(one.source, one.day) for one in found} == set(acme.current())
    acme.inject_all(("half_written", "telemetry_x", "2026-10-31", 1), ("missing", "invoices", "2026-10-30", 1))
    assert names(look(drops, cursor)[0]) == []


def test_what_comes_again_is_seen_once(acme: Acme) -> None:
    drops = Drops(str(acme.drops))
    _, cursor = look(drops, None)
    acme.inject_all(("redelivered", "telemetry_x", "2026-10-30", 1))
    before = {(one["source"], one["day"]): one["delivery"] for one in acme.deliveries()}
    found, after = look(drops, cursor)
    assert names(found) == [f"telemetry_x/2026-10-30/{before['telemetry_x', '2026-10-30']}"]
    assert look(drops, after)[0] == []


def test_a_request_is_named_by_what_was_delivered(acme: Acme) -> None:
    drops = Drops(str(acme.drops))
    one = drops.read_delivery("telemetry_x", date(2026, 10, 30))
    other = drops.read_delivery("invoices", date(2026, 10, 28))
    request = request_for([one])
    assert request.run_key and request.run_key.startswith("telemetry_x/2026-10-30/")
    assert request.tags[DAYS_TAG] == "2026-10-30"
    both = request_for([one, other])
    assert both.run_key == request_for([other, one]).run_key != request.run_key
    assert both.tags[DAYS_TAG] == "2026-10-28…2026-10-30" and "invoices/2026-10-28/" in both.tags[DELIVERIES_TAG]


def test_a_look_that_was_cut_short_asks_for_the_same_run(acme: Acme, lake: Lake) -> None:
    """The daemon died before the cursor was kept: the key is the same, and Dagster starts no second run for it."""

    def tick(cursor: str | None) -> dg.SensorResult:
        context = dg.build_sensor_context(instance=lake.instance, cursor=cursor)
        result = delivered_days(context)
        assert isinstance(result, dg.SensorResult)
        return result

    first, again = tick(None), tick(None)
    [request], [repeated] = first.run_requests or (), again.run_requests or ()
    assert request.run_key == repeated.run_key
    assert set(json.loads(str(first.cursor))) == {"invoices", "telemetry_x", "telemetry_y", "master_data"}


def test_the_next_look_waits_for_the_run_of_the_last(acme: Acme, lake: Lake) -> None:
    from dagster import DagsterRun, DagsterRunStatus

    run = DagsterRun(
        job_name="any", run_id="11111111-1111-1111-1111-111111111111", status=DagsterRunStatus.STARTED,
        tags={"dagster/sensor_name": "delivered_days"},
    )  # fmt: skip
    lake.instance.add_run(run)
    told = delivered_days(dg.build_sensor_context(instance=lake.instance))
    assert isinstance(told, dg.SkipReason) and "under way" in str(told.skip_message)
