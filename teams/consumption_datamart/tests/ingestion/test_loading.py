"""Days loaded once, whatever was delivered again, late or not at all; against the ledger, delivery by delivery."""

from datetime import date

from worlds import TEAM, Acme, Lake
from ingestion.ledger import assert_exact

NEWEST = date(2026, 11, 1)


def publications(lake: Lake) -> list[tuple[str, str]]:
    return lake.query("select table_name, partition_key from _publications order by published_at, table_name, partition_key")


def test_everything_is_loaded_once_and_nothing_again(acme: Acme, lake: Lake) -> None:
    assert lake.run().success
    assert_exact(acme, lake)
    first = publications(lake)
    assert len(first) == len(set(first)) > 60  # each day once
    assert lake.run().success
    assert publications(lake) == first  # nothing was due


def test_late_and_repeated_days_restate_themselves_alone(acme: Acme, lake: Lake) -> None:
    lake.run()
    first = publications(lake)
    told = acme.call("advance", "--days", "4")
    assert lake.run().success
    assert_exact(acme, lake)
    arrived = {(one["source"], one["day"]) for day in told for one in day["arrived"]} if "arrived" in told[0] else None
    restated = {day for table, day in publications(lake)[len(first) :] if table == "invoice_order_lines"}
    expected = {day for source, day in arrived or set() if source == "invoices"}
    assert arrived is None or restated == expected


def test_a_day_that_is_delivered_again_replaces_it(acme: Acme, lake: Lake) -> None:
    lake.run()
    before = len(publications(lake))
    acme.inject("negative_usage", "--count", "5", "--source", "telemetry_y")
    acme.inject("redelivered", "--source", "telemetry_x")
    assert lake.run().success
    assert_exact(acme, lake)
    assert publications(lake)[before:] == [("cloud_deployment_heartbeats", "2026-11-01")]


def test_a_run_of_a_range_of_days_loads_exactly_these_again(acme: Acme, lake: Lake) -> None:
    lake.run()
    before = len(publications(lake))
    result = lake.run("invoice_order_lines", days=("2026-10-28", "2026-10-30"))
    assert result.success
    again = publications(lake)[before:]
    assert again == [("invoice_order_lines", f"2026-10-{day}") for day in (28, 29, 30)]
    assert_exact(acme, lake)
    made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    assert sorted(one.partition for one in made if one.partition) == [day for _, day in again]


def test_a_day_without_any_file_is_missing_and_breaks_nothing(acme: Acme, lake: Lake) -> None:
    for source in ("telemetry_x", "telemetry_y"):
        acme.inject("missing", "--source", source, "--day", "2026-10-28")
    result = lake.run()
    assert result.success
    days = {day for (day,) in lake.query("select distinct day from cloud_deployment_heartbeats")}
    assert date(2026, 10, 28) not in days and {date(2026, 10, 27), date(2026, 10, 29)} <= days
    [check] = [
        one
        for one in result.get_asset_check_evaluations()
        if (one.check_name, one.asset_key.path[-1]) == ("days_delivered", "cloud_deployment_heartbeats")
    ]
    assert not check.passed and "2026-10-28" in (check.description or "")
    acme.call("fault", "clear")
    assert lake.run().success
    assert_exact(acme, lake)


def test_an_empty_delivery_is_a_day_without_rows(acme: Acme, lake: Lake) -> None:
    acme.inject("empty", "--source", "telemetry_x")
    acme.inject("empty", "--source", "telemetry_y")
    acme.inject("empty", "--source", "invoices")
    assert lake.run().success
    assert_exact(acme, lake)
    written = lake.query(
        f"select written_rows from _publications where partition_key = '{NEWEST}' and table_name = 'cloud_deployment_heartbeats'"
    )
    assert written == [(0,)]


def test_a_register_that_comes_late_judges_the_rows_of_its_day_anew(acme: Acme, lake: Lake) -> None:
    """A customer of the newest day is unknown to the register of the day before."""
    acme.inject("missing", "--source", "master_data", "--day", str(NEWEST))
    lake.run()
    before = len(publications(lake))
    acme.call("fault", "clear")
    assert lake.run().success
    assert_exact(acme, lake)
    assert {(table, day) for table, day in publications(lake)[before:]} == {
        (table, str(NEWEST))
        for table in (
            "customer_register",
            "sku_register",
            "deployment_register",
            "invoice_order_lines",
            "cloud_deployment_heartbeats",
        )
        if (table, str(NEWEST)) in publications(lake)
    }


def test_without_the_variable_only_ingestion_fails_and_says_how_to_set_it(lake: Lake, monkeypatch) -> None:
    monkeypatch.delenv("DROPS_URL")
    result = lake.run("sku_register")
    [failure] = [event.step_failure_data.user_failure_data.description for event in result.get_step_failure_events()]
    assert "DROPS_URL" in failure and "docs/consumption-datamart.md" in failure and len(failure.splitlines()) == 3
    assert lake.query(f"select count(*) from duckdb_tables() where database_name = '{TEAM}' and table_name = 'sku_register'") == [(0,)]


def test_a_place_that_is_not_there_is_named_by_its_variable(lake: Lake, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DROPS_URL", str(tmp_path / "nowhere"))
    result = lake.run("sku_register")
    [failure] = [event.step_failure_data.user_failure_data.description for event in result.get_step_failure_events()]
    assert "DROPS_URL" in failure and len(failure.splitlines()) == 3
