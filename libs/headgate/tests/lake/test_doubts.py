"""Doubtful rows through the gate: marked, counted, judged, never dropped."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from headgate.contract import Contract, load_contract
from headgate.lake.gate import publish
from headgate.lake.history import roll_back
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
      - {{name: day, logicalType: date, description: Day., required: true, partitioned: true, partitionKeyPosition: 1}}
      - name: email
        logicalType: string
        description: Address.
        classification: personal
        customProperties: [{{property: masking, value: hash}}]
        quality:
          - {{metric: invalidValues, arguments: {{pattern: "@"}}, mustBe: 0, severity: warning, name: email__odd}}
      - name: sku
        logicalType: string
        description: What.
        quality:
          - type: sql
            name: sku__not_vcpu
            query: select count(*) from {{table}} where {{column}} not like 'VCPU-%'
            mustBe: 0
            severity: warning
          - {{metric: duplicateValues, mustBe: 0, severity: warning, name: sku__repeated}}
      - name: amount
        logicalType: number
        physicalType: DECIMAL(12,2)
        description: US dollars.
        quality:
          - type: sql
            name: amount__high
            query: select count(*) from {{table}} where {{column}} > 100
            mustBe: 0
            severity: warning
            {limits}
{column}
customProperties:
  - {{property: publishMode, value: {mode}}}
  - {{property: profile, value: {profile}}}
"""
COLUMN = "      - {name: meta__warnings, logicalType: array, physicalType: 'VARCHAR[]', description: Doubts.}"
FIELDS = "(id, day, email, sku, amount)"


@pytest.fixture
def session(open_session: Callable[[str], LakeSession]) -> LakeSession:
    return open_session("analytics")


@pytest.fixture
def read_contract(tmp_path: Path) -> Callable[..., Contract]:
    def read(*, limits: str = "", mode: str = "partition", column: str = COLUMN, profile: str = "none") -> Contract:
        path = tmp_path / "readings.odcs.yaml"
        written = f"customProperties: [{limits}]" if limits else ""
        path.write_text(READINGS.format(limits=written, mode=mode, column=column, profile=profile), encoding="utf-8")
        return load_contract(path)

    return read


def rows_of(*rows: tuple[int, str, str, str, float], more: str = "") -> str:
    values = ", ".join(f"({i}, date '{day}', '{mail}', '{sku}', {amount})" for i, day, mail, sku, amount in rows)
    return f"select *{more} from (values {values}) t {FIELDS}"


def codes(session: LakeSession, where: str = "true") -> dict[int, list[str]]:
    table = session.qualify("analytics.readings")
    return dict(session.connection.execute(f"select id, meta__warnings from {table} where {where}").fetchall())


def counts(publication: Publication) -> dict[str, int]:
    return {r.rule.name: r.failed_rows for r in publication.results if r.rule.severity == "warning"}


def publish_day(session: LakeSession, contract: Contract, run: str, day: str, amounts: list[float]) -> Publication:
    rows = [(int(day[-2:]) * 100 + i, day, "a@x", f"VCPU-{day}-{i}", amount) for i, amount in enumerate(amounts)]
    return publish(session, contract, rows_of(*rows), RunInfo(run, partition_key=day))


def test_every_row_stays_and_carries_exactly_its_codes(session: LakeSession, read_contract) -> None:
    contract = read_contract()
    rows = rows_of(
        (1, "2026-03-01", "ann@x", "VCPU-1", 5),
        (2, "2026-03-01", "bob@x", "GPU-2", 500),  # breaks two rules, and is one row
        (3, "2026-03-01", "nobody", "VCPU-3", 5),  # judged by the address in clear
        (4, "2026-03-01", "eve@x", "VCPU-4", 5),
        (5, "2026-03-01", "fay@x", "VCPU-4", 5),
    )
    publication = publish(session, contract, rows, RunInfo("run-1", partition_key="2026-03-01"))
    marked = {
        1: [],
        2: ["amount__high", "sku__not_vcpu"],
        3: ["email__odd"],
        4: ["sku__repeated"],
        5: ["sku__repeated"],
    }
    assert codes(session) == marked
    assert counts(publication) == {"email__odd": 1, "sku__not_vcpu": 1, "sku__repeated": 2, "amount__high": 1}
    assert (publication.row_count, publication.warning_rows) == (5, 4)
    # The records say the same as the rows themselves.
    in_rows = session.connection.execute(
        "select code, count(*) from (select unnest(meta__warnings) as code from analytics.readings) group by code"
    ).fetchall()
    recorded = session.connection.execute(
        "select rule, failed_rows from analytics._audit_results where severity = 'warning' and failed_rows > 0"
    ).fetchall()
    assert sorted(in_rows) == sorted(recorded) and len(recorded) == 4
    assert session.connection.execute("select warning_rows from analytics._publications").fetchall() == [(4,)]


def test_codes_that_code_gave_stay_and_are_counted(session: LakeSession, read_contract) -> None:
    """A code of a contract's rule is given by that rule alone, however the row came by it."""
    given = (
        ", case id when 1 then ['clock__skewed', 'clock__skewed', 'amount__high'] "
        "when 2 then ['clock__skewed'] else null end as meta__warnings"
    )
    rows = rows_of(
        (1, "2026-03-01", "a@x", "VCPU-1", 5), (2, "2026-03-01", "b@x", "VCPU-2", 500), (3, "2026-03-01", "c@x", "VCPU-3", 5),
        more=given,
    )  # fmt: skip
    publication = publish(session, read_contract(), rows, RunInfo("run-1", partition_key="2026-03-01"))
    assert codes(session) == {1: ["clock__skewed"], 2: ["amount__high", "clock__skewed"], 3: []}
    assert counts(publication) == {
        "email__odd": 0, "sku__not_vcpu": 0, "sku__repeated": 0, "amount__high": 1, "clock__skewed": 2
    }  # fmt: skip
    assert publication.warning_rows == 2
    assert [example["id"] for example in publication.results[-1].examples] == [1, 2]
    empty = rows_of((4, "2026-03-02", "a@x", "VCPU-9", 5), more=", [] as meta__warnings")
    publish(session, read_contract(), empty, RunInfo("run-2", partition_key="2026-03-02"))
    assert codes(session, "id = 4") == {4: []}


def test_restating_a_partition_replaces_its_number_and_keeps_the_history(session: LakeSession, read_contract) -> None:
    contract = read_contract()
    publish_day(session, contract, "run-1", "2026-03-01", [500, 500, 5])
    publish_day(session, contract, "run-2", "2026-03-02", [500, 5, 5, 5])
    publish_day(session, contract, "run-3", "2026-03-01", [500, 5])

    def read(*, is_history: bool) -> dict[str, list[tuple[str | None, str, int, int]]]:
        found = read_warnings(session, ["analytics"], table="analytics.readings", is_history=is_history)
        return {
            each.rule: [(c.partition_key, c.run_id, c.failed_rows, c.row_count) for c in each.counts] for each in found
        }

    now = [("2026-03-01", "run-3", 1, 2), ("2026-03-02", "run-2", 1, 4)]
    assert read(is_history=False)["amount__high"] == now == read(is_history=False)[DOUBTFUL]
    assert read(is_history=True)["amount__high"] == [("2026-03-01", "run-1", 2, 3), *now]
    assert {name: len(found) for name, found in read(is_history=True).items()} == dict.fromkeys(
        ["amount__high", "email__odd", "sku__not_vcpu", "sku__repeated", DOUBTFUL], 3
    )
    # A key that is repeated in another partition is a doubt of the row that came last.
    again = rows_of((900, "2026-03-03", "a@x", "VCPU-2026-03-02-0", 5))
    publication = publish(session, contract, again, RunInfo("run-4", partition_key="2026-03-03"))
    assert codes(session, "day = '2026-03-03'") == {900: ["sku__repeated"]}
    assert counts(publication)["sku__repeated"] == 1 and publication.warning_rows == 1
    assert codes(session, "day = '2026-03-02'")[200] == ["amount__high"]


def test_limits_make_an_alert_or_an_error_of_a_warning(session: LakeSession, read_contract) -> None:
    contract = read_contract(limits="{property: alert, value: {rows: 1}}, {property: error, value: {percent: 50}}")
    quiet = publish_day(session, contract, "run-1", "2026-03-01", [500, 5, 5, 5])
    assert quiet.alerts == ()
    loud = publish_day(session, contract, "run-2", "2026-03-02", [500, 500, 5, 5])  # 50 %, no more
    assert [(result.rule.name, result.judgement) for result in loud.alerts] == [
        ("amount__high", "alert: 2 rows, more than 1")
    ]
    before = session.snapshot_id("analytics")
    with pytest.raises(AuditError, match=r"3 of 5 rows break amount__high \(error: 60 % of the rows, more than 50 %"):
        publish_day(session, contract, "run-3", "2026-03-02", [500, 500, 500, 5, 5])
    assert session.snapshot_id("analytics") == before and len(codes(session, "day = '2026-03-02'")) == 4
    [series] = [s for s in read_warnings(session, ["analytics"]) if s.rule == "amount__high"]
    assert [(count.is_alert, count.failed_rows) for count in series.counts] == [(False, 1), (True, 2)]
    replay = publish_day(session, contract, "run-2", "2026-03-02", [500])
    assert replay.is_replay and len(replay.alerts) == 1 and replay.warning_rows == 2


def test_change_is_judged_against_earlier_partitions_once_there_are_enough(session: LakeSession, read_contract) -> None:
    """One doubtful row of four is usual: of eight rows two are expected, a spread is their square root 1.41, and two
    spreads above end at 4.83."""
    contract = read_contract(limits="{property: alert, value: {deviations: 2, minimumHistory: 3}}")
    days = [f"2026-03-0{n}" for n in range(1, 9)]

    def publish_eight(run: str, day: str, doubtful: int) -> str:
        publication = publish_day(session, contract, run, day, [500] * doubtful + [5] * (8 - doubtful))
        [result] = [result for result in publication.results if result.rule.name == "amount__high"]
        return f"{result.is_alert} {result.judgement}"

    publish_day(session, contract, "run-1", days[2], [500, 5, 5, 5])
    publish_day(session, contract, "run-2", days[3], [500, 5, 5, 5])
    assert publish_eight("run-3", days[5], 8) == "False deviations not judged: 2 of 3 former counts are there"
    publish_day(session, contract, "run-4", days[5], [500, 5, 5, 5])  # restated: what it was is no longer usual
    assert publish_eight("run-5", days[6], 4) == "False "
    assert publish_eight("run-6", days[6], 5) == "True alert: 2.1 deviations above the usual 2 rows, more than 2"
    # An earlier partition has its own past.
    assert publish_eight("run-7", days[0], 8) == "False deviations not judged: 0 of 3 former counts are there"


def test_personal_values_are_in_no_example_and_no_refused_row(session: LakeSession, read_contract) -> None:
    contract = read_contract(limits="{property: error, value: {rows: 0}}")
    rows = rows_of((1, "2026-03-01", "ann-in-clear", "VCPU-1", 500), (1, "2026-03-01", "bob-in-clear", "GPU-1", 5))
    with pytest.raises(AuditError) as refusal:
        publish(session, contract, rows, RunInfo("run-1", partition_key="2026-03-01"))
    assert {r.rule.name: r.failed_rows for r in refusal.value.failed} == {"id__unique": 2, "amount__high": 1}
    odd = next(result for result in refusal.value.results if result.rule.name == "email__odd")
    assert odd.examples == [{"id": 1, "email": "***"}] * 2
    kept = session.connection.execute(
        "select rule, refused_row from analytics_private._refused_rows order by all"
    ).fetchall()
    assert [rule for rule, _ in kept] == ["amount__high", "id__unique", "id__unique"]
    assert "in-clear" not in str((kept, refusal.value, [result.examples for result in refusal.value.results]))
    assert len({json.loads(row)["email"] for _, row in kept}) == 2  # equal values stay equal, different ones differ


def test_without_the_column_a_row_with_two_warnings_still_counts_once(session: LakeSession, read_contract) -> None:
    contract = read_contract(mode="merge", column="")
    rows = rows_of((1, "2026-03-01", "nobody", "GPU-1", 500), (2, "2026-03-01", "b@x", "GPU-2", 5))
    publication = publish(session, contract, rows, RunInfo("run-1"))
    assert counts(publication) == {"email__odd": 1, "sku__not_vcpu": 2, "sku__repeated": 0, "amount__high": 1}
    assert (publication.row_count, publication.warning_rows) == (2, 2)


def test_a_roll_back_keeps_the_codes(session: LakeSession, read_contract) -> None:
    """Zones from before the alerts are read and written too."""
    old = publish_day(session, read_contract(mode="replace"), "run-1", "2026-03-01", [500, 5])
    for column in ("is_alert", "judgement"):
        session.connection.execute(f"alter table analytics._audit_results drop column {column}")
    assert [s.latest.failed_rows for s in read_warnings(session, ["analytics"]) if s.rule == "amount__high"] == [1]
    session.has_records = False
    contract = read_contract(mode="replace", limits="{property: alert, value: {rows: 0}}")
    assert len(publish_day(session, contract, "run-2", "2026-03-02", [500]).alerts) == 1
    again = roll_back(session, contract, old.snapshot_id)
    assert codes(session) == {100: ["amount__high"], 101: []} and again.warning_rows == 1


def test_a_profile_is_kept_and_an_anomaly_is_found(session: LakeSession, read_contract) -> None:
    """29 days of four rows, then one of four rows whose sum is twenty times the usual."""
    contract = read_contract(profile="columns")
    days = [(date(2026, 3, 1) + timedelta(days=n)).isoformat() for n in range(30)]
    for number, day in enumerate(days[:29]):
        usual = publish_day(session, contract, f"run-{number}", day, [1, 2, 3, 4])
    verdict = usual.results[-1]
    assert (verdict.rule.name, verdict.passed, verdict.checked_rows) == ("anomalies", True, 10)
    odd = publish_day(session, contract, "run-29", days[29], [100, 50, 30, 20])
    verdict = odd.results[-1]
    assert not verdict.passed and odd.warning_rows == 0
    [found] = verdict.examples
    assert (found["column"], found["metric"], found["value"], found["usual"]) == ("amount", "sum", 200.0, 10.0)
    profile = session.connection.execute(
        "select column_name, metric, value from analytics._profiles where partition_key = ? order by all", [days[29]]
    ).fetchall()
    assert profile == [
        ("", "row_count", 4), ("amount", "distinct", 4), ("amount", "nulls", 0), ("amount", "sum", 200),
        ("email", "distinct", 1), ("email", "nulls", 0), ("id", "distinct", 4), ("id", "nulls", 0),
        ("sku", "distinct", 4), ("sku", "nulls", 0),
    ]  # fmt: skip
    [series] = [series for series in read_warnings(session, ["analytics"]) if series.rule == "anomalies"]
    assert series.latest.judgement.startswith("sum of amount is 200, ")


def test_a_table_gets_the_column_later(session: LakeSession, read_contract) -> None:
    publish_day(session, read_contract(column=""), "run-1", "2026-03-01", [500])
    column = COLUMN.replace("{name", "{required: true, name")
    publish_day(session, read_contract(column=column), "run-2", "2026-03-02", [500])
    assert codes(session) == {100: [], 200: ["amount__high"]}  # what stood before is marked when it is restated
