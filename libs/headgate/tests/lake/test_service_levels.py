"""Service levels from the history of a real lake, and validations of what is published already."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate.contract import Contract, load_contract
from headgate.lake.gate import publish
from headgate.lake.history import roll_back
from headgate.lake.publication import AuditError, RunInfo
from headgate.lake.service_levels import read_service_levels, read_service_record, record_service_levels
from headgate.lake.session import LakeSession
from headgate.lake.validation import validate_published
from headgate.quality.service_levels import Attainment

USAGE = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.usage
name: Usage
version: 1.0.0
status: active
team: {{name: analytics}}
schema:
  - name: usage
    description: One row a customer and day.
    properties:
      - {{name: day, logicalType: date, description: Day., required: true, partitioned: true}}
      - name: email
        logicalType: string
        description: Who.
        classification: personal
        logicalTypeOptions: {{pattern: "@"}}
        customProperties: [{{property: masking, value: hash}}]
      - name: hours
        logicalType: integer
        description: How long.
        logicalTypeOptions: {{minimum: 0}}
        quality:
          - type: sql
            name: hours__high
            query: select count(*) from {{table}} where hours > 24
            mustBe: 0
            severity: warning
{empty}
slaProperties:
  - {{property: freshness, value: 26, unit: h{element}}}
  - {{property: correctness, value: 75, unit: percent}}
  - {{property: warnings, value: 10, unit: percent}}
customProperties:
  - {{property: publishMode, value: {mode}}}
"""
EMPTY = "    quality: [{metric: rowCount, mustBeGreaterOrEqualTo: 0}]"
NOW = datetime(2026, 3, 31, tzinfo=UTC)


@pytest.fixture
def session(open_session: Callable[[str], LakeSession]) -> LakeSession:
    return open_session("analytics")


@pytest.fixture
def read_contract(tmp_path: Path) -> Callable[..., Contract]:
    def read(*, mode: str = "partition", element: str = "", empty: str = "") -> Contract:
        path = tmp_path / "usage.odcs.yaml"
        path.write_text(USAGE.format(mode=mode, element=element, empty=empty), encoding="utf-8")
        return load_contract(path)

    return read


def publish_hours(
    session: LakeSession, contract: Contract, hours: Sequence[int], *, day: str, at: datetime, run: str = ""
) -> None:
    """Publishes a day, and lets it have been at a moment."""
    values = ", ".join(f"(date '{day}', 'a{i}@x', {hour})" for i, hour in enumerate(hours))
    run = run or f"{day} at {at}"
    partition = day if contract.publish_mode == "partition" else None
    try:
        publish(
            session,
            contract,
            f"select * from (values {values}) t (day, email, hours)",
            RunInfo(run, partition_key=partition),
        )
    finally:
        set_time(session, run, at)


def set_time(session: LakeSession, run: str, at: datetime) -> None:
    for table, column in (
        ("analytics._publications", "published_at"),
        ("analytics_private._validations", "validated_at"),
    ):
        session.connection.execute(f"update {table} set {column} = ? where run_id = ?", [at, run])


def levels(session: LakeSession, contract: Contract, now: datetime = NOW) -> dict[str, Attainment]:
    return {each.level.property: each for each in read_service_levels(session, contract, now)}


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_levels_follow_from_publications_refusals_and_rows(session: LakeSession, read_contract) -> None:
    contract = read_contract()
    assert {name: level.state for name, level in levels(session, contract).items()} == {
        "freshness": "no history", "correctness": "no history", "warnings": "no history"
    }  # fmt: skip
    publish_hours(session, contract, [1, 2, 99, 99], day="2026-03-27", at=days_ago(4))
    publish_hours(session, contract, [1, 2, 3, 4], day="2026-03-28", at=days_ago(3))
    with pytest.raises(AuditError):
        publish_hours(session, contract, [-1, 5], day="2026-03-29", at=days_ago(2))
    # The day before is restated: one doubt is left of two, and nothing became fresher by it.
    publish_hours(session, contract, [1, 2, 3, 99], day="2026-03-27", at=days_ago(1))
    now = levels(session, contract)
    # Fresh for 24 hours from day 4 and for 26 from day 3; late for the 46 after.
    assert now["freshness"].tally == (46, 96) and now["freshness"].state == "spent"
    assert now["correctness"].tally == (1, 4) and now["correctness"].recent == (1, 2)
    assert (now["correctness"].budget_left, now["correctness"].state) == (0.0, "spent")
    assert now["warnings"].tally == (1, 8) and now["warnings"].budget_left == pytest.approx(-0.25)
    # As it was three days ago: what came later is not looked at.
    then = levels(session, contract, days_ago(3))
    assert (then["freshness"].tally, then["correctness"].tally, then["warnings"].tally) == ((0, 24), (0, 2), (2, 8))
    # The refusal left what is published as it was.
    table = session.qualify("analytics.usage")
    assert session.connection.execute(f"select count(*), min(hours) from {table}").fetchone() == (8, 1)
    [(kind, passed, findings)] = session.connection.execute(
        "select kind, passed, findings from analytics_private._validations"
    ).fetchall()
    assert (kind, passed) == ("refused", False)
    assert json.loads(findings) == [{"rule": "hours__range", "severity": "error", "failed_rows": 1, "checked_rows": 2}]


def test_a_day_without_any_commit_passes_all_the_same(session: LakeSession, read_contract) -> None:
    contract = read_contract()
    publish_hours(session, contract, [1], day="2026-03-30", at=days_ago(0.5))
    fresh = levels(session, contract)["freshness"]
    assert (fresh.tally, fresh.state) == ((0, 12), "too little history")
    later = levels(session, contract, NOW + timedelta(days=3))["freshness"]
    assert later.tally == (84 - 26, 84) and later.state == "spent"
    # Long after, nothing was audited or published within the window, and the table has been late through all of it.
    much_later = levels(session, contract, NOW + timedelta(days=60))
    assert (much_later["freshness"].tally, much_later["correctness"].state) == ((720, 720), "no history")


def test_the_newest_day_can_be_what_must_not_be_old(session: LakeSession, read_contract) -> None:
    contract = read_contract(element=", element: usage.day")
    publish_hours(session, contract, [1], day="2026-03-25", at=days_ago(2))
    # Day 25 ended on the 26th; its 26 hours were over when it was published on the 29th.
    assert levels(session, contract)["freshness"].tally == (48, 48)
    publish_hours(session, contract, [1], day="2026-03-30", at=days_ago(1))
    assert levels(session, contract)["freshness"].tally == (24, 48)


def test_a_roll_back_makes_nothing_fresh(session: LakeSession, read_contract) -> None:
    contract = read_contract(mode="replace")
    publish_hours(session, contract, [1], day="2026-03-29", at=days_ago(3))
    roll_back(session, contract, session.committed_snapshot_id("analytics") - 1)
    session.connection.execute(
        "update analytics._publications set published_at = ? where starts_with(run_id, 'rollback-')", [days_ago(1)]
    )
    found = levels(session, contract)
    assert (found["freshness"].tally, found["correctness"].tally) == ((46, 72), (0, 2))


def test_what_is_published_is_validated_and_the_verdict_counts(session: LakeSession, read_contract) -> None:
    contract = read_contract()
    missing = validate_published(session, contract, run_id="v0", now=days_ago(9))
    assert [result.message for result in missing.failed] == ["published: analytics.usage was never published"]
    publish_hours(session, contract, [1, 2], day="2026-03-29", at=days_ago(2))
    publish_hours(session, contract, [3, 99], day="2026-03-30", at=days_ago(1))
    before = session.snapshot_id("analytics")
    sound = validate_published(session, contract, run_id="v1", now=days_ago(0.5))
    assert sound.passed and {r.rule.name for r in sound.results if not r.passed} == {"hours__high"}
    assert sound.unjudged == ("email__pattern",)
    assert "unchanged" in {result.rule.name for result in sound.results}
    assert session.snapshot_id("analytics") == before

    # Somebody goes around the gate: both the contract's own rule and the comparison with the publication find it.
    session.connection.execute("insert into analytics.usage values (date '2026-03-30', 'x', -7)")
    session.connection.execute("delete from analytics.usage where day = date '2026-03-29'")
    found = validate_published(session, contract, run_id="v2", now=NOW)
    assert {result.rule.name: result.failed_rows for result in found.failed} == {"hours__range": 1, "unchanged": 3}
    # Of two publications and three validations, the first and the last failed.
    correct = levels(session, contract)["correctness"]
    assert (correct.tally, correct.budget_left) == ((2, 5), pytest.approx(1 - 0.4 / 0.25))
    # Publishing the days anew makes it right again.
    publish_hours(session, contract, [1, 2], day="2026-03-29", at=NOW, run="again-1")
    publish_hours(session, contract, [3, 99], day="2026-03-30", at=NOW, run="again-2")
    assert validate_published(session, contract, run_id="v3", now=NOW).passed


@pytest.mark.parametrize(
    ("empty", "broken"), [("", ["published", "row_count", "unchanged"]), (EMPTY, ["published", "unchanged"])]
)
def test_a_table_of_empty_partitions_fails_loudly_also_where_one_may_be_empty(
    session: LakeSession, read_contract, empty: str, broken: list[str]
) -> None:
    contract = read_contract(empty=empty)
    publish_hours(session, contract, [1, 2], day="2026-03-30", at=days_ago(1))
    session.connection.execute("delete from analytics.usage")
    found = validate_published(session, contract, run_id="v1", now=NOW)
    assert sorted(result.rule.name for result in found.failed) == broken


def test_a_measurement_is_kept_where_others_can_read_it(
    session: LakeSession, read_contract, open_session: Callable[[str], LakeSession]
) -> None:
    contract = read_contract()
    publish_hours(session, contract, [1, 2, 3, 99], day="2026-03-30", at=days_ago(1))
    record = read_service_record(session, contract)
    for now in (days_ago(2), NOW):
        record_service_levels(session, [(contract, each) for each in record.measure(now)])
    reader = open_session("ml")
    rows = reader.connection.execute(
        "select level, promise, target, unit, bad, measured, attained, budget_left, state "
        f"from {reader.qualify('analytics._service_levels')} order by measured_at, level"
    ).fetchall()
    assert [row[-1] for row in rows] == ["no history"] * 3 + ["kept", "kept", "spent"]
    assert [row[6] for row in rows[:3]] == [None] * 3
    assert rows[4] == ("freshness", "at most 26 h old, 99 % of the time", 99.0, "hours", 0.0, 24.0, 100.0, 1.0, "kept")
    assert rows[5][:7] == ("warnings", "at most 10 % of the rows doubtful", 90.0, "rows", 1.0, 4.0, 75.0)
