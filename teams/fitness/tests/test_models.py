"""The dbt project on DuckLake, as a run of the code location builds it: rows by hand, later runs, warnings, refusals."""

import csv
from datetime import date, datetime
from typing import Any

import dagster as dg
import pytest
from conftest import EXAMPLE, Build

from headgate.lake.session import LakeSession

pytestmark = pytest.mark.services

WARNINGS = {
    "distance_m__no_distance": 2,
    "moving_time_s__no_time": 2,
    "started_at__too_early": 2,
    "started_at__in_future": 1,
}


def expected(name: str) -> list[dict[str, Any]]:
    with (EXAMPLE / name).open(encoding="utf-8", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def as_text(value: Any) -> str | None:
    """A value as the example's files write it: numbers to six places."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:.6f}".rstrip("0").rstrip(".") if value else "0"


def read(club: LakeSession, query: str) -> list[dict[str, Any]]:
    relation = club.connection.sql(query)
    return [dict(zip(relation.columns, map(as_text, row), strict=True)) for row in relation.fetchall()]


def failed_rows(result: dg.ExecuteInProcessResult, table: str) -> dict[str, int]:
    """Rule → rows that break it, of the rules of a table that did not pass."""
    checks = [event for event in result.get_asset_check_evaluations() if event.asset_key.path == ["fitness", table]]
    return {
        check.check_name: int(check.metadata["failed_rows"].value)  # type: ignore[arg-type]
        for check in checks
        if not check.passed
    }


@pytest.fixture(scope="module")
def first(build: Build) -> dg.ExecuteInProcessResult:
    result = build()
    assert result.success
    return result


def test_every_activity_is_published_as_worked_out_by_hand(club: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    columns = ", ".join(expected("activities.csv")[0])
    measures = "select activity_id, distance_miles, moving_minutes, average_speed_mph from fitness.fct_activities"
    found = read(
        club, f"select {columns} from fitness.dim_activities join ({measures}) using (activity_id) order by activity_id"
    )
    assert found == expected("activities.csv")


def test_weekly_totals_leave_doubtful_activities_out(club: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    found = read(club, "select * from fitness.sport_type_weekly_totals order by athlete_id, week_start, sport_type")
    assert found == expected("weekly_totals.csv")


def test_doubtful_activities_are_counted_as_warnings(first: dg.ExecuteInProcessResult) -> None:
    assert failed_rows(first, "fct_activities") == WARNINGS


def test_names_do_not_leave_the_private_zone(club: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    names = club.connection.sql("select distinct name from fitness.dim_activities").fetchall()
    assert ("Morning Ride",) not in names and ("M*** R***",) in names


def test_strava_totals_stand_one_below_the_other(club: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    found = read(
        club,
        """
        select period, activity_count, distance_miles, moving_hours, elevation_gain_feet, achievement_count
        from fitness_private.src_stats where athlete_id = 11 and sport = 'ride' order by period
        """,
    )
    assert [list(row.values()) for row in found] == [
        ["last_four_weeks", "1", "1", "1", "1", "2"],
        ["lifetime", "10", "10", "10", "10", None],
        ["year_to_date", "5", "5", "5", "5", None],
    ]


def test_every_model_and_check_was_run(first: dg.ExecuteInProcessResult) -> None:
    built = {event.asset_key.path[-1] for event in first.get_asset_materialization_events() if event.asset_key}
    assert built == {
        *("stg_activities", "stg_athlete_stats", "stg_gear", "src_activities", "src_doubts", "src_stats"),
        *("dim_activities", "fct_activities", "sport_type_weekly_totals"),
    }
    checked = {check.check_name for check in first.get_asset_check_evaluations()}
    assert {"units_are_converted", "weekly_totals_add_up", "no_activity_is_lost", "activity_id__unique"} <= checked


def test_every_column_is_described_and_every_model_is_tested(
    club: LakeSession, definitions: dg.Definitions, first: dg.ExecuteInProcessResult
) -> None:
    specs = [spec for spec in definitions.resolve_all_asset_specs() if "dbt" in spec.kinds]
    assert len(specs) == 9
    for spec in specs:
        described = {column.name for column in spec.metadata["dagster/column_schema"].columns if column.description}
        table = club.connection.sql(f"select * from fitness_private.{spec.key.path[-1]} limit 0")
        assert set(table.columns) == described, spec.key
    tested = {check.asset_key for check in first.get_asset_check_evaluations()}
    assert {spec.key for spec in specs} <= tested


def test_a_later_run_takes_edits_deletions_and_late_arrivals_in(club: LakeSession, build: Build) -> None:
    """An activity was edited, another one deleted, and an old one came with a load time before the newest."""
    club.connection.execute("begin transaction")
    club.connection.execute(
        "update activities set distance = 3218.688, _loaded_at = '2026-11-21 06:00:00+00' where id = 3"
    )
    club.connection.execute("delete from activities where id = 4")
    club.connection.execute(
        """
        insert into activities by name
        select * replace (16 as id, 1609.344 as distance, timestamptz '2026-11-19 06:00:00+00' as _loaded_at)
        from activities where id = 5
        """
    )
    club.connection.execute("commit")
    assert build().success
    found = read(
        club,
        "select activity_id, distance_miles from fitness.fct_activities where activity_id in (3, 4, 5, 16) order by 1",
    )
    assert found == [
        {"activity_id": "3", "distance_miles": "2"},
        {"activity_id": "5", "distance_miles": "2"},
        {"activity_id": "16", "distance_miles": "1"},
    ]
    weeks = read(
        club,
        "select distance_miles, activity_count from fitness.sport_type_weekly_totals where week_start = date '2025-10-27'",
    )
    assert weeks == [{"distance_miles": "3", "activity_count": "2"}]


def test_the_future_depends_on_the_day_the_run_computes_as_of(club: LakeSession, build: Build) -> None:
    result = build(as_of="2026-03-30")
    assert result.success
    # Activities of 2026-03-31 and later: 8, 10, 11, 12 and 14.
    assert failed_rows(result, "fct_activities")["started_at__in_future"] == 5


def test_a_refused_activity_leaves_what_was_published(club: LakeSession, build: Build) -> None:
    before = read(club, "select count(*) as n, sum(distance_m) as m from fitness.fct_activities")
    club.connection.execute("insert into activities by name select * replace (null as id) from activities where id = 1")
    try:
        result = build()
        assert not result.success
        [failure] = [event for event in result.all_events if event.is_step_failure]
        assert "raw_activities_is_complete" in str(failure.step_failure_data)
        assert read(club, "select count(*) as n, sum(distance_m) as m from fitness.fct_activities") == before
    finally:
        club.connection.execute("delete from activities where id is null")
