"""What lands from ACME's server, compared with its ledger: whole, incremental, by month, and when something goes wrong."""

from datetime import UTC, datetime

import pytest


def landed_ids(lake) -> list[int]:
    return [number for (number,) in lake("select id from activities order by id")]


def test_everything_lands_and_then_what_is_new(acme, lake, ingest) -> None:
    first = ingest()
    assert first.success, first.error
    assert landed_ids(lake) == acme.ids()
    told = first.metadata["activities"]
    assert told["dagster/row_count"] == told["written_rows"] == len(acme.ids())
    assert told["pull_pages"] >= 4 and told["pull_bytes"] > 100_000 and told["pull_waits"] == 0
    assert first.partitions[0] == "2018-01-01" and len(first.partitions) > 90
    assert first.warnings == []
    assert lake("select count(*), count(distinct athlete_id) from athlete_stats") == [(2, 2)]
    assert lake("select count(*) from athletes a join athlete_stats s on s.athlete_id = a.id") == [(2,)]
    assert lake("select count(*) > 0, count(*) = count(distinct id) from gear") == [(True, True)]
    assert lake("select count(*) from athlete_zones") == [(2,)]
    # Zero metres are sent as 0: whichever athlete comes first, no distance may become a whole number.
    types = lake("select distinct column_type from (describe athlete_stats) where column_name like '%distance'")
    assert types == [("DOUBLE",)]

    asked = len(acme.requests())
    acme.call("advance", "--activities", "20")
    second = ingest("activities")
    assert second.success, second.error
    assert landed_ids(lake) == acme.ids()
    assert second.metadata["activities"]["dagster/row_count"] == told["dagster/row_count"] + 20
    for athlete_id, _ in acme.call("ledger")["by_athlete"].items():
        lists = [r for r in acme.requests()[asked:] if r["athlete_id"] == int(athlete_id)]
        assert 1 <= len(lists) <= 3 and {r["path"] for r in lists} == {"/api/v3/athlete/activities"}
    assert len(second.partitions) <= 2


def test_units_and_types_are_the_agreed_ones(acme, lake, ingest) -> None:
    assert ingest("activities").success
    kinds = dict(lake("select column_name, data_type from duckdb_columns() where table_name = 'activities'"))
    assert kinds["id"] == kinds["athlete__id"] == kinds["moving_time"] == kinds["elapsed_time"] == "BIGINT"
    assert kinds["start_date"] == kinds["_loaded_at"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["start_date_local"] == kinds["start_latlng"] == kinds["gear_id"] == "VARCHAR"
    for name in ("distance", "utc_offset", "average_watts", "weighted_average_watts", "kilojoules", "elev_low"):
        assert kinds[name] == "DOUBLE", name
    assert kinds["device_watts"] == kinds["private"] == "BOOLEAN"
    wrong = "start_date_local::timestamp != (start_date at time zone 'UTC') + to_seconds(utc_offset::bigint)"
    assert lake(f"select count(*) from activities where {wrong}") == [(0,)]


def test_edits_and_deletions_within_the_look_back_come_through(acme, lake, ingest) -> None:
    assert ingest("activities").success
    [recent] = lake("select id from activities order by start_date desc limit 1")[0:1]
    acme.inject("delete", "--count", "1")
    acme.inject("edit", "--count", "3")
    # Both strike any of the newest 500: a full refresh sees all of them.
    result = ingest("activities", tags={"headgate/full_refresh": "true"})
    assert result.success and recent
    assert landed_ids(lake) == acme.ids()
    assert result.metadata["activities"]["gone_rows"] == 1
    assert lake("select table_name, rule from _refused_rows") == [("activities", "gone at the source")]


def test_a_month_is_read_whole_and_no_other(acme, lake, ingest) -> None:
    assert ingest("activities").success
    [(month, before)] = lake(
        "select date_trunc('month', max(start_date) - interval 60 day)::date, count(*) from activities"
    )
    lake(f"delete from activities where date_trunc('month', start_date) = date '{month}'")
    missing = before - len(landed_ids(lake))
    assert missing > 0
    result = ingest("activities", partition_key=f"{month}")
    assert result.success, result.error
    assert result.metadata["activities"]["written_rows"] == missing
    assert landed_ids(lake) == acme.ids()


def test_a_month_without_activities_is_nothing_special(acme, lake, ingest) -> None:
    result = ingest("activities", partition_key="2018-02-01")
    assert result.success, result.error
    assert result.metadata["activities"]["dagster/row_count"] == 0
    assert lake("select count(*) from activities") == [(0,)]


def test_a_range_of_months_is_one_run(acme, lake, ingest) -> None:
    now = datetime.now(UTC)
    tags = {
        "dagster/asset_partition_range_start": f"{now.year - 1}-01-01",
        "dagster/asset_partition_range_end": f"{now.year - 1}-12-01",
    }
    result = ingest("activities", tags=tags)
    assert result.success, result.error
    [(low, high, rows)] = lake("select min(start_date), max(start_date), count(*) from activities")
    assert rows > 100 and low.year == high.year == now.year - 1
    assert result.metadata["activities"]["pull_pages"] < 12


def test_what_passes_is_waited_out_and_counted(acme, lake, ingest) -> None:
    for kind in ("server_error", "truncated_json", "broken_connection"):
        acme.inject(kind, "--path", "activities")
    result = ingest("activities")
    assert result.success, result.error
    assert landed_ids(lake) == acme.ids()
    assert result.metadata["activities"]["pull_retries"] == 3


def test_a_limit_is_waited_out(acme, lake, ingest) -> None:
    acme.call("configure", "--window", "2", "--read-limits", "3,10000")
    result = ingest("activities")
    assert result.success or "limit of requests" in result.error
    acme.call("configure", "--window", "900", "--read-limits", "600,30000")
    acme.inject("rate_limited", "--path", "activities")
    result = ingest("activities")
    told = result.metadata["activities"]
    assert result.success and told["pull_waits"] == 1 and 0 < told["pull_waited_seconds"] <= 901
    assert landed_ids(lake) == acme.ids()


@pytest.mark.parametrize(
    ("kind", "message"), [("html", "a web page where data should be"), ("server_error", "is down or does not recover")]
)
def test_what_does_not_pass_leaves_what_is_landed(acme, lake, ingest, kind, message) -> None:
    assert ingest("activities").success
    before = lake("select count(*), max(_loaded_at) from activities")
    acme.call("advance", "--activities", "5")
    acme.inject(kind, "--count", "20", "--path", "activities", "--skip", "1")
    result = ingest("activities")
    assert not result.success and message in result.error
    assert "what was landed and published stays as it is" in result.error
    assert lake("select count(*), max(_loaded_at) from activities") == before


def test_new_fields_are_let_in_and_wrong_values_kept_aside(acme, lake, ingest) -> None:
    assert ingest("activities").success
    acme.inject("new_field")
    acme.inject("changed_type")
    result = ingest("activities")
    assert result.success, result.error
    written = result.metadata["activities"]["written_rows"]
    assert written > 0
    assert lake("select count(*) from activities where surface__source = 'map'") == [(written,)]
    assert result.warnings == [f"new type average_speed__v_text ({written} rows)"]
    assert lake("select count(*) from _refused_rows where refused_row like '%m/s%'") == [(written,)]
    assert landed_ids(lake) == acme.ids()


def test_doubtful_activities_land_as_they_are(acme, lake, ingest) -> None:
    assert ingest("activities").success
    for kind in ("no_distance", "negative_time", "from_future"):
        acme.inject(kind)
    assert ingest("activities").success
    assert lake("select count(*) from activities where distance is null") == [(1,)]
    assert lake("select count(*) from activities where moving_time < 0") == [(1,)]
    assert lake("select count(*) from activities where start_date > '2099-01-01'") == [(1,)]
    acme.call("advance", "--activities", "3")
    assert ingest("activities").success  # the future does not hold up what comes now
    assert landed_ids(lake) == acme.ids()
    acme.inject("from_1970")
    assert ingest("activities", tags={"headgate/full_refresh": "true"}).success
    assert landed_ids(lake) == acme.ids()


def test_without_credentials_only_the_run_fails(ingest, monkeypatch) -> None:
    monkeypatch.delenv("STRAVA_CLIENT_SECRET")
    monkeypatch.delenv("STRAVA_REFRESH_TOKENS")
    result = ingest()
    assert not result.success
    assert "STRAVA_CLIENT_SECRET, STRAVA_REFRESH_TOKENS" in result.error and "docs/strava.md" in result.error


def test_laps_and_best_efforts_when_asked_for(acme, lake, ingest, monkeypatch) -> None:
    from fitness.ingestion.api import Interval, activities_of

    assert set(activities_of(None, Interval()).selected_resources) == {"activities"}
    monkeypatch.setenv("STRAVA_DETAILS", "1")
    assert set(activities_of(None, Interval()).selected_resources) == {
        "activities",
        "activity_laps",
        "activity_best_efforts",
    }
