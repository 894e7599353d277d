"""From accounts to published tables with the settings of production: what becomes of doubtful activities, of days on which
clocks change, of a month without activities, and of a source that fails half-way."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from headgate import read_settings
from headgate.lake.session import LakeSession
from headgate.sources.http import PoliteAdapter

pytestmark = pytest.mark.services

DOUBTS = {
    "no_distance": ("no_distance", "distance_m__no_distance"),
    "negative_time": ("no_time", "moving_time_s__no_time"),
    "from_1970": ("too_early", "started_at__too_early"),
    "from_future": ("in_future", "started_at__in_future"),
}
"""What a device gets wrong → its code in `doubts`, and the rule that counts it."""

Run = Callable[..., dg.ExecuteInProcessResult]
Query = Callable[[str], list[Any]]


@pytest.fixture
def run(lake: Query, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run from the accounts to the published activities, as the daily job makes it."""
    monkeypatch.setenv("HEADGATE_ENVIRONMENT", "prod")
    job = definitions.resolve_implicit_global_asset_job_def()
    models = [spec.key for spec in definitions.resolve_all_asset_specs() if "dbt" in spec.kinds]
    # Back-off is waited out by a clock that ticks a hundred times as fast.
    sleep = time.sleep
    monkeypatch.setattr(PoliteAdapter.__init__, "__kwdefaults__", {"sleep": lambda seconds: sleep(seconds / 100)})

    def run(*landed: str, month: str | None = None) -> dg.ExecuteInProcessResult:
        """Some tables are landed and all models built; of a month nothing but its activities is landed."""
        chosen = [dg.AssetKey(["fitness", name]) for name in landed or ("activities",)]
        return job.execute_in_process(
            instance=instance,
            asset_selection=chosen if month else [*chosen, *models],
            partition_key=month,
            raise_on_error=False,
        )

    with dg.DagsterInstance.ephemeral() as instance:
        yield run


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


def test_doubtful_activities_are_counted_and_what_is_published_stays_right(
    acme, run: Run, published: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {doubt: acme.inject(kind)["ids"] for kind, (doubt, _) in DOUBTS.items()}
    acme.inject("duplicate_name", "--count", "2")
    longer, shorter = (acme.inject(f"day_of_{hours}_hours", "--count", "2")["ids"] for hours in (25, 23))
    result = run("activities", "athlete_stats", "gear")

    # The run says how many of which kind, and goes on: each activity is there once, the wrong ones with the reason.
    assert result.success
    assert warned(result) == {rule: 1 for _, rule in DOUBTS.values()}
    ids = [(number,) for number in acme.ids()]
    for table in ("dim_activities", "fct_activities"):
        assert published(f"select activity_id from fitness.{table} order by 1") == ids
    doubtful = "select doubts, list(activity_id) from fitness.fct_activities where is_doubtful group by 1"
    assert dict(published(doubtful)) == wrong
    check_calendar(published)
    # The day of 25 hours has an hour twice: one local time, two moments. On the day of 23 hours it is still Sunday afterwards.
    clock = (
        "strftime(started_at_local, '%H:%M:%S'), iso_weekday, time_of_day from fitness.dim_activities where activity_id"
    )
    assert published(f"select {clock} in {tuple(longer)} order by started_at") == [("01:30:00", 7, "00-04")] * 2
    assert published(f"select {clock} in {tuple(shorter)} order by started_at") == [
        ("01:30:00", 7, "00-04"),
        ("01:30:30", 7, "00-04"),
    ]

    # A month in which nobody moved: a run that succeeds, lands nothing, and changes nothing.
    rows = "select sum(hash(d)), sum(hash(f)) from fitness.dim_activities d join fitness.fct_activities f using (activity_id)"
    before = published(rows)
    empty = run(month="2018-02-01")
    assert empty.success and landed_rows(empty) == 0
    assert run().success and published(rows) == before
    check_calendar(published)

    # What fails half-way fails the run with its reason, and readers keep what they have.
    versions = "select table_name, count(*), max(published_at) from fitness._publications group by 1 order by 1"
    before = published(versions)
    assert [count for _, count, _ in before] == [2, 2, 2]
    acme.inject("html", "--path", "activities", "--skip", "1")
    assert "a web page where data should be" in failure(run())
    with wrong_athlete():
        assert "the token of athlete 7 brought data of athlete" in failure(run())
    acme.inject("revoked")
    assert "has withdrawn access" in failure(run())
    acme.call("fault", "clear", "revoked")
    stop_after_first_page(acme, monkeypatch)
    assert "is down or does not recover" in failure(run())
    assert published(versions) == before


def check_calendar(published: Query) -> None:
    """Local time, date, week and part of the day of every activity, and the weeks' totals, by the world's own time zones."""
    rows = published(
        "select athlete_id, epoch(started_at)::bigint, timezone, started_at_local, start_date, week_start, time_of_day "
        "from fitness.dim_activities where not is_doubtful"
    )
    weeks: Counter[tuple[int, date]] = Counter()
    for athlete, moment, zone, *found in rows:
        local = datetime.fromtimestamp(moment, ZoneInfo(zone.split()[-1])).replace(tzinfo=None)
        monday, part = local.date() - timedelta(days=local.weekday()), local.hour // 4 * 4
        assert found == [local, local.date(), monday, f"{part:02}-{part + 4:02}"]
        weeks[athlete, monday] += 1
    assert sum(weeks.values()) > 600
    totals = (
        "select athlete_id, week_start, sum(activity_count)::int from fitness.sport_type_weekly_totals group by all"
    )
    assert {(athlete, monday): count for athlete, monday, count in published(totals)} == weeks


def failure(result: dg.ExecuteInProcessResult) -> str:
    """The reason of the one step that failed."""
    assert not result.success
    [failed] = [event.step_failure_data for event in result.get_step_failure_events()]
    return str(failed.user_failure_data and failed.user_failure_data.description)


def landed_rows(result: dg.ExecuteInProcessResult) -> int:
    [made] = [
        event.materialization for event in result.get_asset_materialization_events() if event.materialization.metadata
    ]
    return int(made.metadata["written_rows"].value)  # type: ignore[arg-type]


@contextmanager
def wrong_athlete() -> Iterator[None]:
    """The first token is of somebody else than it was."""
    from fitness.ingestion.token_file import token_folder

    file, *_ = sorted(token_folder().glob("*.json"))
    text = file.read_text(encoding="utf-8")
    file.write_text(json.dumps({**json.loads(text), "athlete_id": 7}), encoding="utf-8")
    yield
    file.write_text(text, encoding="utf-8")


def stop_after_first_page(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API is gone for good after it sent one page of activities."""
    send = PoliteAdapter.send

    def last(self: PoliteAdapter, request: Any, *arguments: Any, **options: Any) -> Any:
        answer = send(self, request, *arguments, **options)
        if "athlete/activities" in request.url:
            acme.process.terminate()
            acme.process.wait(10)
        return answer

    monkeypatch.setattr(PoliteAdapter, "send", last)
