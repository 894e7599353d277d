"""What lands from ACME's server, compared with its ledger: whole, incremental, by month, and when something goes wrong."""

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from headgate.sources.http import PoliteAdapter


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
    assert lake("select count(distinct athlete_id), min(distance) > 500 from starred_segments") == [(2, True)]
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
    for kind in ("server_error", "truncated_json", "broken_connection", "timeout"):
        acme.inject(kind, "--path", "activities", "--seconds", "0.2")
    result = ingest("activities")
    assert result.success, result.error
    assert landed_ids(lake) == acme.ids()
    assert result.metadata["activities"]["pull_retries"] == 4


def test_what_changes_while_a_run_reads_makes_it_skip_and_double_nothing(acme, lake, ingest, monkeypatch) -> None:
    stayed = set(acme.ids())
    send, lists = PoliteAdapter.send, []

    def meanwhile(self, request, *arguments, **options):
        lists.append(request.url) if "athlete/activities" in request.url else None
        if len(lists) == 2:
            acme.inject("delete", "--count", "2")
            acme.call("advance", "--activities", "5")
        return send(self, request, *arguments, **options)

    monkeypatch.setattr(PoliteAdapter, "send", meanwhile)
    for kind in (
        "duplicate_page",
        "shifting_page",
        "shrinking_page",
    ):  # strike pages by number, of which none is asked for
        acme.inject(kind, "--count", "2")
    assert ingest("activities").success
    stayed &= set(acme.ids())
    landed = landed_ids(lake)
    assert len(landed) == len(set(landed)) and stayed <= set(landed) and len(stayed) == 598
    assert ingest("activities").success
    assert landed_ids(lake) == acme.ids()


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
    ("kind", "message"),
    [
        ("html", "a web page where data should be"),
        ("server_error", "is down or does not recover"),
        ("not_found", "404"),
    ],
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


def test_what_is_late_or_edited_comes_through_day_after_day(acme, lake, ingest) -> None:
    assert ingest("activities").success
    for _ in range(2):
        acme.call("advance", "--days", "14")
        assert ingest("activities").success
    ledger = acme.call("ledger")
    assert ledger["changes"]["added"] > 10 and ledger["changes"]["edited"] > 0
    assert landed_ids(lake) == acme.ids()
    fields = "id, start_date, name, distance, gear_id, commute, visibility"
    by_increment = lake(f"select {fields} from activities order by id")
    assert ingest("activities", tags={"headgate/full_refresh": "true"}).success
    assert lake(f"select {fields} from activities order by id") == by_increment


def test_data_of_another_athlete_is_refused(acme, lake, ingest) -> None:
    """The token is of somebody else than it was: an account was linked anew, in the wrong place of the list."""
    from fitness.ingestion.token_file import token_folder

    assert ingest().success
    before = lake("select count(*), max(_loaded_at) from activities")
    first, *_ = sorted(token_folder().glob("*.json"))
    document = json.loads(first.read_text(encoding="utf-8"))
    first.write_text(json.dumps({**document, "athlete_id": 7}), encoding="utf-8")
    result = ingest("activities")
    assert not result.success
    assert f"the token of athlete 7 brought data of athlete {document['athlete_id']}" in result.error
    assert "STRAVA_REFRESH_TOKENS" in result.error and len(result.error.splitlines()) == 3
    assert lake("select count(*), max(_loaded_at) from activities") == before


@pytest.fixture
def with_details(acme, lake, ingest, monkeypatch) -> Iterator[None]:
    """The code as it loads where details are wanted."""
    from fitness.ingestion import assets

    monkeypatch.setenv("STRAVA_DETAILS", "1")
    importlib.reload(assets)
    yield
    monkeypatch.delenv("STRAVA_DETAILS")
    importlib.reload(assets)


def test_details_bring_laps_and_best_efforts_and_go_with_their_activity(acme, lake, ingest, with_details) -> None:
    first = ingest("activities", tags=last_two_months())
    assert first.success, first.error
    told = first.metadata["activity_details"]
    [(details, efforts, laps)] = lake(
        "select count(*), (select count(*) from activity_details__best_efforts), (select count(*) from activity_details__laps) "
        "from activity_details"
    )
    assert details == lake("select count(*) from activities")[0][0] > 5
    assert told["nested_rows"] == {"activity_details__laps": laps, "activity_details__best_efforts": efforts}
    assert efforts > 0 and first.warnings == []
    # Laps add up to their activity, to the second.
    assert lake(
        "select count(*) from (select sum(l.moving_time) as s, any_value(a.moving_time) as m from activity_details d "
        "join activity_details__laps l on l._dlt_parent_id = d._dlt_id join activities a on a.id = d.id group by d.id) "
        "where s != m"
    ) == [(0,)]
    kinds = "select distinct column_type from (describe {}) where column_name = 'distance'"
    assert (
        lake(kinds.format("activity_details__laps"))
        == lake(kinds.format("activity_details__best_efforts"))
        == [("DOUBLE",)]
    )
    acme.inject("delete")
    again = ingest("activities", tags=last_two_months())
    assert again.success, again.error
    assert again.metadata["activity_details"]["gone_rows"] == 1
    assert lake("select count(*) from activity_details where id in (select id from activities)") == [(details - 1,)]
    orphans = (
        "select count(*) from activity_details__laps where _dlt_root_id not in (select _dlt_id from activity_details)"
    )
    assert lake(orphans) == [(0,)]


def last_two_months() -> dict[str, str]:
    """A run's tags."""
    this = datetime.now(UTC).date().replace(day=1)
    before = (this - timedelta(days=1)).replace(day=1)
    return {"dagster/asset_partition_range_start": f"{before}", "dagster/asset_partition_range_end": f"{this}"}


def test_a_further_endpoint_is_configuration(acme, lake, ingest, monkeypatch) -> None:
    from fitness.ingestion import api, assets

    with monkeypatch.context() as patch:
        patch.setitem(api.PROFILE, "segments", {"path": "segments/{resources.starred_segments.id}"})
        importlib.reload(assets)
        assert "segments" in {key.path[-1] for key in assets.profile.keys}
        result = ingest("profile")
    importlib.reload(assets)
    assert result.success, result.error
    assert result.metadata["segments"]["dagster/row_count"] == result.metadata["starred_segments"]["dagster/row_count"]
    assert lake(
        "select count(*) > 5, count(*) = count(s.star_count), count(distinct athlete_id) from starred_segments "
        "join segments s using (id, athlete_id, distance)"
    ) == [(True, True, 2)]


def test_an_endpoint_taken_out_is_not_asked(acme, lake, ingest, monkeypatch) -> None:
    from fitness.ingestion import api

    monkeypatch.delitem(api.PROFILE, "athlete_zones")
    result = ingest("profile")
    assert not any(request["path"].endswith("/zones") for request in acme.requests())
    assert result.success, result.error
