"""From accounts to published tables with the settings of production: what becomes of doubtful activities, and of a source that
sends a web page half-way."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from headgate import read_settings
from headgate.lake.session import LakeSession

pytestmark = pytest.mark.services

DOUBTS = {
    "no_distance": ("no_distance", "distance_m__no_distance"),
    "negative_time": ("no_time", "moving_time_s__no_time"),
    "from_1970": ("too_early", "started_at__too_early"),
    "from_future": ("in_future", "started_at__in_future"),
}
"""What a device gets wrong → its code in `doubts`, and the rule that counts it."""

Run = Callable[[], dg.ExecuteInProcessResult]
Query = Callable[[str], list[Any]]


@pytest.fixture
def run(lake: Query, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run from the accounts to the published activities, as the daily job makes it."""
    monkeypatch.setenv("HEADGATE_ENVIRONMENT", "prod")
    from fitness.definitions import defs

    job = defs.resolve_implicit_global_asset_job_def()
    models = [spec.key for spec in defs.resolve_all_asset_specs() if "dbt" in spec.kinds]
    landed = [dg.AssetKey(["fitness", name]) for name in ("activities", "athlete_stats", "gear")]
    with dg.DagsterInstance.ephemeral() as instance:
        yield lambda: job.execute_in_process(
            instance=instance, asset_selection=[*landed, *models], raise_on_error=False
        )


@pytest.fixture
def published(run: Run) -> Query:
    """SQL over what everybody may read."""

    def query(sql: str) -> list[Any]:
        with LakeSession(read_settings(), "fitness") as session:
            session.attach("fitness")
            return session.connection.execute(sql).fetchall()

    return query


def warned(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """Rule → rows that break it, of the rules of `fct_activities` that did not pass; each of them lets the run go on."""
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert {check.severity for check in failed} == {dg.AssetCheckSeverity.WARN}
    measures = [check for check in failed if check.asset_key.path == ["fitness", "fct_activities"]]
    return {check.check_name: int(check.metadata["failed_rows"].value) for check in measures}


def test_doubtful_activities_are_counted_and_what_is_published_stays_right(acme, run: Run, published: Query) -> None:
    wrong = {doubt: acme.inject(kind)["ids"] for kind, (doubt, _) in DOUBTS.items()}
    for kind in ("duplicate_name", "day_of_25_hours", "day_of_23_hours"):
        acme.inject(kind, "--count", "2")
    result = run()

    # The run says how many of which kind, and goes on: each activity is there once, the wrong ones with the reason.
    assert result.success
    assert warned(result) == {rule: 1 for _, rule in DOUBTS.values()}
    for table in ("dim_activities", "fct_activities"):
        assert [number for (number,) in published(f"select activity_id from fitness.{table} order by 1")] == acme.ids()
    doubtful = "select doubts, list(activity_id) from fitness.fct_activities where is_doubtful group by 1"
    assert dict(published(doubtful)) == wrong
    # Totals are without them, and with all others, also those of an hour that was there twice, or not at all.
    assert published("select sum(activity_count)::int from fitness.sport_type_weekly_totals") == [
        (len(acme.ids()) - 4,)
    ]
    clock = "strftime(started_at_local, '%H:%M:%S'), count(distinct started_at), count(distinct utc_offset_s)"
    twice = f"select {clock} from fitness.dim_activities group by athlete_id, started_at_local having count(*) > 1"
    assert [row[1:] for row in published(twice)] == [(2, 2)]

    # A page of HTML where the second page of activities should be: the run fails, and readers keep all of the above.
    versions = "select table_name, count(*), max(published_at) from fitness._publications group by 1 order by 1"
    before = published(versions)
    acme.call("advance", "--activities", "5")
    acme.inject("html", "--count", "20", "--path", "activities", "--skip", "1")
    failed = run()
    assert not failed.success
    [failure] = [event for event in failed.all_events if event.is_step_failure]
    assert "a web page where data should be" in str(failure.step_failure_data)
    assert published(versions) == before and len(before) == 3
