"""The job that validates what is published, and service levels as Dagster's checks."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest
from test_assets import CONTRACT, load_team  # noqa: F401

from headgate.lake.session import LakeSession

SERVICE = """
slaProperties:
  - {property: freshness, value: 26, unit: h}
  - {property: correctness, value: 60, unit: percent}
"""
CODE = """
import sys
import ibis
from headgate import asset, team_definitions

@asset
def numbers() -> ibis.Table:
    return ibis.memtable({"id": [1, 2, 300]})

defs = team_definitions(modules=[sys.modules[__name__]])
"""


@pytest.fixture
def load_numbers(load_team: Callable[..., ModuleType], tmp_path: Path) -> Callable[[str], dg.Definitions]:  # noqa: F811
    def load(code: str = CODE) -> dg.Definitions:
        contracts = tmp_path / "teams" / "analytics" / "contracts"
        contracts.mkdir(parents=True, exist_ok=True)
        text = CONTRACT.format(team="analytics", table="numbers", version="1.0.0") + SERVICE
        (contracts / "numbers.odcs.yaml").write_text(text, encoding="utf-8")
        defs: dg.Definitions = load_team("analytics", code).defs
        return defs

    return load


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def make_older(session: LakeSession, age: timedelta) -> None:
    """Lets what was published and validated so far have been as much earlier."""
    for table, column in (
        ("analytics._publications", "published_at"),
        ("analytics_private._validations", "validated_at"),
    ):
        session.connection.execute(f"update {session.qualify(table)} set {column} = {column} - ?", [age])


def monitor(defs: dg.Definitions, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("monitoring").execute_in_process(instance=instance, raise_on_error=False)


def test_the_schedule_is_on_where_the_settings_say(
    load_numbers: Callable[..., dg.Definitions], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for variable, value in (("ENVIRONMENT", "dev"), ("ENVIRONMENT", "prod"), ("MONITORING", "0"), ("MONITORING", "1")):
        monkeypatch.setenv(f"HEADGATE_{variable}", value)
        [schedule] = load_numbers().schedules or ()
        assert isinstance(schedule, dg.ScheduleDefinition) and schedule.cron_schedule == "30 6 * * *"
        states.append(schedule.default_status.value)
    assert states == ["STOPPED", "RUNNING", "STOPPED", "RUNNING"]
    private = load_numbers(
        CODE.replace("[sys.modules[__name__]]", "[sys.modules[__name__]], monitoring_cron='0 * * * *'")
    )
    assert [schedule.cron_schedule for schedule in private.schedules or ()] == ["0 * * * *"]


def test_published_tables_are_validated_under_the_names_of_the_gates_checks(
    load_numbers: Callable[..., dg.Definitions], open_session: Callable[[str], LakeSession]
) -> None:
    defs = load_numbers()
    with dg.DagsterInstance.ephemeral() as instance:
        early = monitor(defs, instance)
        assert not early.success and "was never published" in str(early.all_events)
        assert not checks_of(early)["service_level__freshness"].passed  # no history

        built = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
        published = checks_of(built)
        level = published["service_level__correctness"]
        # The validation of what was not there has failed, the publication has not: seconds of history, no verdict.
        assert level.passed and "of the 24 hours needed" in (level.description or "")
        assert {name: value.value for name, value in level.metadata.items()} == {
            "target": 60.0, "bad_audits": 1.0, "measured_audits": 2.0, "window_days": 30, "state": "too little history"
        }  # fmt: skip
        session = open_session("analytics")
        make_older(session, timedelta(days=1))

        sound = monitor(defs, instance)
        assert sound.success
        found = checks_of(sound)
        assert found.keys() == published.keys()
        assert (found["id__large"].passed, found["id__large"].metadata["failed_rows"].value) == (False, 1)
        level = found["service_level__correctness"]
        assert (level.passed, level.metadata["measured_audits"].value) == (True, 3.0)
        assert found["service_level__freshness"].passed
        newest = instance.fetch_materializations(dg.AssetKey(["analytics", "numbers"]), limit=1).records[0]
        assert found["id__range"].target_materialization_data.storage_id == newest.storage_id

        table = session.qualify("analytics.numbers")
        session.connection.execute(f"insert into {table} values (-4)")
        broken = monitor(defs, instance)
        assert not broken.success
        text = str(broken.all_events)
        assert "1 of 1 published tables do not keep their contract" in text
        assert "1 of 4 rows break id__range" in text and "1 rows came or went since snapshot" in text
        found = checks_of(broken)
        assert not found["id__range"].passed and found["id__range"].severity == dg.AssetCheckSeverity.ERROR
        assert session.connection.execute(f"select count(*) from {table}").fetchone() == (4,)
        course = session.connection.execute(
            "select state, cast(bad as integer), cast(measured as integer) from analytics._service_levels "
            "where level = 'correctness' order by measured_at"
        ).fetchall()
        assert course == [("too little history", 1, 1), ("kept", 1, 3), ("spent", 2, 4)]


def test_a_refused_publication_uses_the_budget_up(
    load_numbers: Callable[..., dg.Definitions], open_session: Callable[[str], LakeSession]
) -> None:
    job = load_numbers().resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        assert checks_of(job.execute_in_process(instance=instance))["service_level__correctness"].passed
        make_older(open_session("analytics"), timedelta(days=1))
        bad = load_numbers(CODE.replace("[1, 2, 300]", "[1, -2]")).resolve_implicit_global_asset_job_def()
        refused = bad.execute_in_process(instance=instance, raise_on_error=False)
    assert not refused.success
    checks = checks_of(refused)
    assert not checks["id__range"].passed
    level = checks["service_level__correctness"]
    assert level.severity == dg.AssetCheckSeverity.WARN and not level.passed
    assert {name: value.value for name, value in level.metadata.items()} == {
        "target": 60.0, "bad_audits": 1.0, "measured_audits": 2.0, "window_days": 30, "state": "spent",
        "attained": 50.0, "budget_left": pytest.approx(-0.25), "burn_rate": pytest.approx(1.25),
    }  # fmt: skip
