"""Days loaded once, whatever was delivered again, late or not at all; against the ledger, delivery by delivery."""

from datetime import date

from worlds import LAKE_TABLES, TEAM, Acme, Lake

from ingestion.ledger import assert_exact

NEWEST = "2026-11-01"


def publications(lake: Lake) -> list[tuple[str, str]]:
    return lake.query(
        "select table_name, partition_key from _publications order by published_at, table_name, partition_key"
    )


def failure_of(result) -> str:
    [failure] = [event.step_failure_data.user_failure_data.description for event in result.get_step_failure_events()]
    return str(failure)


def test_each_delivery_is_loaded_once_and_a_day_again_when_it_is_delivered_again(acme: Acme, lake: Lake) -> None:
    assert lake.run().success
    assert_exact(acme, lake)
    first = publications(lake)
    assert len(first) == len(set(first)) > 40  # each day once
    assert lake.run().success
    assert publications(lake) == first  # nothing was due

    arrived = {(one["source"], one["day"]) for day in acme.call("advance", "--days", "3") for one in day["arrived"]}
    acme.inject_all(("negative_usage", "telemetry_y", "2026-10-29", 5), ("redelivered", "telemetry_x", "2026-10-28", 1))
    arrived |= {("telemetry_y", "2026-10-29"), ("telemetry_x", "2026-10-28")}
    assert lake.run().success
    assert_exact(acme, lake)
    again = publications(lake)[len(first) :]
    assert len(again) == len(set(again))
    for table, sources in (
        ("invoice_order_lines", {"invoices"}),
        ("cloud_deployment_heartbeats", {"telemetry_x", "telemetry_y"}),
    ):
        days = {day for source, day in arrived if source in sources}
        assert {day for name, day in again if name == table} == days  # these, and no other


def test_a_run_of_a_range_of_days_loads_exactly_these_again(acme: Acme, lake: Lake) -> None:
    lake.run("sku_register")
    before = len(publications(lake))
    result = lake.run("sku_register", days=("2026-10-28", "2026-10-30"))
    assert result.success
    again = publications(lake)[before:]
    assert again == [("sku_register", f"2026-10-{day}") for day in (28, 29, 30)]
    made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    assert sorted(one.partition for one in made if one.partition) == [day for _, day in again]


def test_what_is_missing_breaks_nothing_and_is_judged_anew_when_it_comes(acme: Acme, lake: Lake) -> None:
    """A day without any telemetry, a day without a register, a day that is delivered without rows."""
    gap = "2026-10-28"
    acme.inject_all(
        ("missing", "telemetry_x", gap, 1),
        ("missing", "telemetry_y", gap, 1),
        ("missing", "master_data", NEWEST, 1),
        ("empty", "telemetry_x", "2026-10-30", 1),
        ("empty", "telemetry_y", "2026-10-30", 1),
    )
    result = lake.run()
    assert result.success
    days = {day for (day,) in lake.query("select distinct day from cloud_deployment_heartbeats")}
    assert date(2026, 10, 28) not in days and {date(2026, 10, 27), date(2026, 10, 29)} <= days
    written = "select written_rows from _publications where partition_key = '2026-10-30' and table_name = "
    assert lake.query(f"{written} 'cloud_deployment_heartbeats'") == [(0,)]
    [check] = [
        one
        for one in result.get_asset_check_evaluations()
        if (one.check_name, one.asset_key.path[-1]) == ("days_delivered", "cloud_deployment_heartbeats")
    ]
    assert not check.passed and gap in (check.description or "")

    before = publications(lake)
    acme.call("fault", "clear")
    assert lake.run().success
    assert_exact(acme, lake)
    again = publications(lake)[len(before) :]
    judged = {table for table, day in before if day == NEWEST} | {
        "customer_register",
        "sku_register",
        "deployment_register",
    }
    assert {table for table, day in again if day == NEWEST} == judged & set(LAKE_TABLES)


def test_without_a_place_only_ingestion_fails_and_names_the_variable(lake: Lake, monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("DROPS_URL")
    told = failure_of(lake.run("sku_register"))
    assert "DROPS_URL" in told and "docs/consumption-datamart.md" in told and len(told.splitlines()) == 3
    monkeypatch.setenv("DROPS_URL", str(tmp_path / "nowhere"))
    told = failure_of(lake.run("sku_register"))
    assert "DROPS_URL" in told and len(told.splitlines()) == 3
    tables = f"select count(*) from duckdb_tables() where database_name = '{TEAM}' and table_name = 'sku_register'"
    assert lake.query(tables) == [(0,)]
