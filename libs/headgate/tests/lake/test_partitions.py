"""Several partitions in one publication: one commit, and a record for each with its own exact counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.contract import Contract, load_contract
from headgate.lake.gate import publish
from headgate.lake.history import read_history, read_last_results
from headgate.lake.publication import AuditError, Publication, RunInfo
from headgate.lake.session import LakeSession
from headgate.lake.warnings import DOUBTFUL, read_warnings

READINGS = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.readings
name: Readings
version: 1.0.0
status: active
team: {{name: analytics}}
schema:
  - name: readings
    description: One row a reading.
    properties:
      - {{name: id, logicalType: integer, description: Number., primaryKey: true, primaryKeyPosition: 1}}
      - name: day
        logicalType: date
        description: Day.
        primaryKey: true
        primaryKeyPosition: 2
        partitioned: true
        partitionKeyPosition: 1
      - name: email
        logicalType: string
        description: Who.
        classification: personal
        customProperties: [{{property: masking, value: hash}}]
        quality:
          - metric: invalidValues
            arguments: {{pattern: "@"}}
            mustBe: 0
            severity: warning
            name: email__odd
      - {{name: amount, logicalType: number, physicalType: double, description: Much., logicalTypeOptions: {{minimum: 0}}}}
{codes}
    quality:
      - {{metric: rowCount, mustBeGreaterOrEqualTo: 0}}
      - type: sql
        name: amount__large
        query: select count(*) from {{table}} where amount > 100
        mustBe: 0
        severity: warning
        customProperties: [{limits}]
customProperties:
  - {{property: publishMode, value: partition}}
  - {{property: profile, value: {profile}}}
"""
CODES = "      - {name: meta__warnings, logicalType: array, physicalType: 'VARCHAR[]', description: Doubts.}"
DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")

Read = Callable[..., Contract]


@pytest.fixture
def session(open_session: Callable[[str], LakeSession]) -> LakeSession:
    return open_session("analytics")


@pytest.fixture
def read_contract(tmp_path: Path) -> Read:
    def read(*, limits: str = "", codes: str = CODES, profile: str = "none") -> Contract:
        path = tmp_path / "readings.odcs.yaml"
        text = READINGS.format(limits=limits, codes=codes, profile=profile)
        path.write_text(text, encoding="utf-8")
        return load_contract(path)

    return read


def rows_of(*rows: tuple[int, str, str, float]) -> str:
    values = ", ".join(f"({i}, date '{day}', '{mail}', {amount})" for i, day, mail, amount in rows)
    return f"select * from (values {values}) t (id, day, email, amount)"


ROWS = rows_of(
    (1, "2026-03-01", "a@x", 5.0),
    (2, "2026-03-01", "nobody", 500.0),  # two warnings, one row
    (1, "2026-03-02", "a@x", 700.0),
    (2, "2026-03-02", "b@x", 800.0),
    (3, "2026-03-02", "c@x", 1.0),
)


def publish_days(session: LakeSession, contract: Contract, run: str, rows: str = ROWS, days=DAYS) -> Publication:
    return publish(session, contract, rows, RunInfo(run, partition_keys=tuple(days)))


def ask(session: LakeSession, query: str) -> list[tuple[object, ...]]:
    session.attach("analytics")
    return session.connection.execute(query).fetchall()


def test_each_partition_has_a_record_with_its_own_counts(session: LakeSession, read_contract: Read) -> None:
    published = publish_days(session, read_contract(), "run-1")
    assert (published.written_rows, published.warning_rows, published.partition_keys) == (5, 3, DAYS)
    assert {r.rule.name: r.failed_rows for r in published.results if r.failed_rows} == {
        "email__odd": 1,
        "amount__large": 3,
    }
    records = ask(
        session,
        "select partition_key, written_rows, warning_rows, row_count from analytics._publications order by all",
    )
    assert records == [("2026-03-01", 2, 1, 5), ("2026-03-02", 3, 2, 5), ("2026-03-03", 0, 0, 5)]
    found = {
        each.rule: [(c.partition_key, c.failed_rows, c.row_count) for c in each.counts]
        for each in read_warnings(session, ["analytics"])
    }
    assert found == {
        "amount__large": [("2026-03-01", 1, 2), ("2026-03-02", 2, 3), ("2026-03-03", 0, 0)],
        "email__odd": [("2026-03-01", 1, 2), ("2026-03-02", 0, 3), ("2026-03-03", 0, 0)],
        DOUBTFUL: [("2026-03-01", 1, 2), ("2026-03-02", 2, 3), ("2026-03-03", 0, 0)],
    }
    examples = ask(
        session,
        "select examples from analytics._audit_results where rule = 'amount__large' order by partition_key",
    )
    assert [text.count("500.0") for (text,) in examples] == [1, 0, 0]
    assert [text.count("00.0") for (text,) in examples] == [1, 2, 0]


def test_the_counts_are_the_same_without_a_column_of_codes(session: LakeSession, read_contract: Read) -> None:
    publish_days(session, read_contract(codes=""), "run-1")
    records = ask(session, "select partition_key, written_rows, warning_rows from analytics._publications order by all")
    assert records == [("2026-03-01", 2, 1), ("2026-03-02", 3, 2), ("2026-03-03", 0, 0)]


def test_they_are_one_commit_that_names_them(session: LakeSession, read_contract: Read) -> None:
    published = publish_days(session, read_contract(), "run-1")
    history = read_history(session, "analytics.readings")
    assert [(entry.partition_key, entry.snapshot_id) for entry in history] == [
        (day, published.snapshot_id) for day in reversed(DAYS)
    ]
    assert len({entry.publication_id for entry in history}) == 3
    [(keys,)] = ask(
        session,
        "select json_extract_string(commit_extra_info, '$.partition_keys[*]') from ducklake_snapshots('analytics') "
        "where commit_extra_info is not null",
    )
    assert keys == list(DAYS)


def test_they_replace_their_own_days_and_no_other(session: LakeSession, read_contract: Read) -> None:
    contract = read_contract()
    publish_days(session, contract, "run-1")
    publish_days(session, contract, "run-2", rows_of((9, "2026-03-01", "a@x", 9.0)), ["2026-03-01", "2026-03-03"])
    found = ask(session, "select cast(day as varchar), id from analytics.readings order by all")
    assert found == [("2026-03-01", 9), ("2026-03-02", 1), ("2026-03-02", 2), ("2026-03-02", 3)]
    with pytest.raises(AuditError, match="2026-03-01 or one of 1 more, to 2026-03-03"):
        publish_days(session, contract, "run-3", ROWS, ["2026-03-01", "2026-03-03"])
    assert ask(session, "select cast(day as varchar), id from analytics.readings order by all") == found


def test_a_run_publishes_its_partitions_once(session: LakeSession, read_contract: Read) -> None:
    contract = read_contract()
    first = publish_days(session, contract, "run-1")
    again = publish_days(session, contract, "run-1", rows_of((9, "2026-03-01", "a@x", 9.0)))
    assert again.is_replay and not first.is_replay
    assert (again.written_rows, again.warning_rows) == (5, 3)
    known = {rule.name for rule in contract.rules}
    assert {r.rule.name: r.failed_rows for r in again.results} == {
        r.rule.name: r.failed_rows for r in first.results if r.rule.name in known
    }
    other = publish_days(session, contract, "run-1", rows_of((9, "2026-03-09", "a@x", 9.0)), ["2026-03-09"])
    assert not other.is_replay


def test_what_a_partition_was_made_of_is_recorded_with_it(session: LakeSession, read_contract: Read) -> None:
    inputs = {"2026-03-01": {"telemetry": 2}, "2026-03-02": {"telemetry": 1}}
    run = RunInfo("run-1", input_snapshots={"crm.customers": 7}, partition_keys=DAYS, partition_inputs=inputs)
    publish(session, read_contract(), ROWS, run)
    history = {entry.partition_key: entry.input_snapshots for entry in read_history(session, "analytics.readings")}
    assert history == {
        "2026-03-01": {"crm.customers": 7, "telemetry": 2},
        "2026-03-02": {"crm.customers": 7, "telemetry": 1},
        "2026-03-03": {"crm.customers": 7},
    }


def test_limits_are_judged_partition_by_partition(session: LakeSession, read_contract: Read) -> None:
    contract = read_contract(limits="{property: alert, value: {percent: 60}}")
    published = publish_days(session, contract, "run-1")
    assert [result.judgement[:17] for result in published.alerts] == ["2026-03-02: alert"]
    alerts = ask(session, "select partition_key from analytics._audit_results where is_alert")
    assert alerts == [("2026-03-02",)]
    refused = read_contract(limits="{property: error, value: {percent: 60}}")
    with pytest.raises(AuditError, match="amount__large"):
        publish_days(session, refused, "run-2")


def test_a_day_is_usual_or_not_by_the_days_before_it_in_the_same_publication(
    session: LakeSession, read_contract: Read
) -> None:
    contract = read_contract(limits="{property: alert, value: {deviations: 4, window: 8, minimumHistory: 4}}")
    days = [f"2026-03-{number:02d}" for number in range(1, 13)]
    rows = [
        (number, day, "a@x", 500.0 if number == 0 or (day == "2026-03-10" and number < 60) else 1.0)
        for day in days
        for number in range(100)
    ]
    publish_days(session, contract, "run-1", rows_of(*rows), days)
    alerts = ask(session, "select partition_key from analytics._audit_results where is_alert")
    assert alerts == [("2026-03-10",)]
    unjudged = ask(session, "select count(*) from analytics._audit_results where judgement like '%not judged%'")
    assert unjudged == [(4,)]


def test_each_partition_is_profiled(session: LakeSession, read_contract: Read) -> None:
    publish_days(session, read_contract(profile="columns"), "run-1")
    rows = ask(session, "select partition_key, value from analytics._profiles where metric = 'row_count' order by all")
    assert rows == [("2026-03-01", 2.0), ("2026-03-02", 3.0), ("2026-03-03", 0.0)]


def test_the_last_results_stand_where_nothing_is_published(session: LakeSession, read_contract: Read) -> None:
    contract = read_contract()
    before = read_last_results(session, contract)
    assert {result.judgement for result in before} == {"nothing was published yet"}
    publish_days(session, contract, "run-1", days=DAYS[:2])
    last = {
        result.rule.name: (result.failed_rows, result.checked_rows) for result in read_last_results(session, contract)
    }
    assert last["amount__large"] == (2, 3)
