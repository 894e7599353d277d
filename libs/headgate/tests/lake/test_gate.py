"""The gate on rows: what is published, what is refused, and what readers see meanwhile."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest

from headgate.contract import Contract, load_contract
from headgate.lake.gate import publish
from headgate.lake.publication import AuditError, RunInfo
from headgate.lake.session import LakeError, LakeSession
from headgate.testing import Catalog

Open = Callable[[str], LakeSession]

ORDERS = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.orders
name: orders
version: {version}
status: active
description:
  purpose: Orders.
schema:
  - name: orders
    physicalType: table
    description: One row an order.
    properties:
      - name: id
        logicalType: integer
        physicalType: bigint
        description: Number.
        required: true
        primaryKey: true
        primaryKeyPosition: 1
      - name: email
        logicalType: string
        physicalType: varchar
        description: Address.
        classification: personal
        logicalTypeOptions:
          pattern: ^[^@ ]+@[^@ ]+[.][a-z]+$
        customProperties:
          - property: masking
            value: hash
      - name: price
        logicalType: number
        physicalType: decimal(12,2)
        description: US dollars.
        required: true
        logicalTypeOptions:
          minimum: 0
{partitioned}{extra}
    quality:
      - type: sql
        name: price__unusually_high
        description: More than a thousand.
        query: select count(*) from {{table}} where price > 1000
        mustBe: 0
        severity: warning
team:
  name: analytics
{mode}
"""
DAY = """
      - name: day
        logicalType: date
        physicalType: date
        description: Day.
        required: true
        partitioned: true
        partitionKeyPosition: 1
"""
NOTE = """
      - name: note
        logicalType: string
        physicalType: varchar
        description: Free text.
"""
GOOD = "select * from (values (1, 'ann@x.org', 5.00), (2, 'bob@x.org', 7.50)) t (id, email, price)"


@pytest.fixture
def write_contract(tmp_path: Path) -> Callable[..., Contract]:
    def write(*, version: str = "1.0.0", mode: str = "", partitioned: bool = False, extra: str = "") -> Contract:
        path = tmp_path / "analytics" / "contracts" / "orders.odcs.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        setting = f"customProperties:\n  - property: publishMode\n    value: {mode}" if mode else ""
        text = ORDERS.format(version=version, mode=setting, partitioned=DAY if partitioned else "", extra=extra)
        path.write_text(text, encoding="utf-8")
        return load_contract(path)

    return write


@pytest.fixture
def session(open_session: Open) -> LakeSession:
    return open_session("analytics")


def read(session: LakeSession, columns: str = "id, price") -> list[tuple[object, ...]]:
    table = session.qualify("analytics.orders")
    return session.connection.execute(f"select {columns} from {table} order by all").fetchall()


def test_good_rows_are_published_with_their_record(session: LakeSession, write_contract, open_session: Open) -> None:
    run = RunInfo("run-1", code_version="abc", input_snapshots={"crm.customers": 7})
    publication = publish(session, write_contract(), GOOD, run)
    assert (publication.row_count, publication.written_rows, publication.warning_rows) == (2, 2, 0)
    reader = open_session("ml")
    assert [float(price) for (price,) in read(reader, "price")] == [5.0, 7.5]
    [record] = session.connection.execute(
        "select run_id, code_version, contract_version, input_snapshots, row_count from analytics._publications"
    ).fetchall()
    assert record == ("run-1", "abc", "1.0.0", '{"crm.customers": 7}', 2)
    message = session.connection.execute(
        "select author, commit_message, commit_extra_info from ducklake_snapshots('analytics') "
        f"where snapshot_id = {publication.snapshot_id}"
    ).fetchone()
    assert message is not None and message[:2] == ("analytics", "publish orders")
    assert json.loads(message[2])["run_id"] == "run-1"


def test_a_failed_audit_changes_nothing_and_keeps_the_refused_rows(session: LakeSession, write_contract) -> None:
    contract = write_contract()
    publish(session, contract, GOOD, RunInfo("run-1"))
    before = session.snapshot_id("analytics")
    bad = "select * from (values (1, 'ann@x.org', -5.00), (3, 'c@x.org', 1.00), (3, 'd@x.org', 2.00)) t (id, email, price)"
    with pytest.raises(AuditError) as refusal:
        publish(session, contract, bad, RunInfo("run-2"))
    assert {result.rule.kind: result.failed_rows for result in refusal.value.failed} == {"range": 1, "unique": 2}
    text = str(refusal.value)
    assert "analytics.orders was not published" in text and "analytics_private._refused_rows" in text
    assert len(text.splitlines()) == 3
    assert [row[0] for row in read(session)] == [1, 2]
    assert session.snapshot_id("analytics") == before
    kept = session.connection.execute(
        "select run_id, rule, refused_row from analytics_private._refused_rows order by rule, refused_row"
    ).fetchall()
    assert [(run, json.loads(row)["id"]) for run, _, row in kept] == [("run-2", 3), ("run-2", 3), ("run-2", 1)]
    assert {rule for _, rule, _ in kept} == {result.rule.name for result in refusal.value.failed}


@pytest.mark.parametrize("mode", ["", "merge"])
def test_a_null_is_refused_by_its_rule_and_kept(session: LakeSession, write_contract, mode: str) -> None:
    """The stored table is NOT NULL itself: that must not hide which rows and which rule it was."""
    contract = write_contract(mode=mode)
    publish(session, contract, GOOD, RunInfo("run-1"))
    before = session.snapshot_id("analytics")
    bad = f"{GOOD} union all select null, 'c@x.org', 1.00 union all select 4, 'd@x.org', null"
    with pytest.raises(AuditError) as refusal:
        publish(session, contract, bad, RunInfo("run-2"))
    assert {result.rule.name: result.failed_rows for result in refusal.value.failed} == {
        "id__not_null": 1,
        "price__not_null": 1,
    }
    assert [row[0] for row in read(session)] == [1, 2]
    assert session.snapshot_id("analytics") == before
    kept = session.connection.execute(
        "select rule, refused_row from analytics_private._refused_rows where run_id = 'run-2' order by rule"
    ).fetchall()
    refused = [(rule, json.loads(row)) for rule, row in kept]
    assert [(rule, row["id"], row["price"]) for rule, row in refused] == [
        ("id__not_null", None, 1.0),
        ("price__not_null", 4, None),
    ]
    assert all(len(row["email"]) == 64 for _, row in refused)  # a hash, as it would have been published


def test_a_warning_lets_rows_pass_and_is_counted(session: LakeSession, write_contract) -> None:
    publication = publish(session, write_contract(), f"{GOOD} union all select 9, 'z@x.org', 2000", RunInfo("run-1"))
    assert publication.row_count == 3 and publication.warning_rows == 1
    [warned] = [result for result in publication.results if not result.passed]
    assert warned.rule.name == "price__unusually_high" and warned.examples[0]["id"] == 9
    assert session.connection.execute(
        "select severity, passed, failed_rows, checked_rows from analytics._audit_results where rule = ?",
        ["price__unusually_high"],
    ).fetchall() == [("warning", False, 1, 3)]


def test_personal_values_are_judged_in_clear_and_published_masked(
    session: LakeSession, write_contract, catalog: Catalog, tmp_path: Path
) -> None:
    contract = write_contract()
    publish(session, contract, GOOD, RunInfo("run-1"))
    emails = [email for (email,) in read(session, "email")]
    assert len(set(emails)) == 2 and not any("@" in str(email) for email in emails)
    with pytest.raises(AuditError) as refusal:
        publish(session, contract, "select 1 as id, 'broken-address' as email, 1.0 as price", RunInfo("run-2"))
    assert [result.rule.kind for result in refusal.value.failed] == ["pattern"]
    assert "broken-address" not in str(refusal.value)
    # Neither the files nor the catalog (statistics, inlined rows) of the published zone hold a value in clear.
    for file in (tmp_path / "lake" / "dev" / "analytics").rglob("*.parquet"):
        assert b"ann@x.org" not in file.read_bytes()
    with psycopg.connect(catalog.admin_url) as admin:
        tables = admin.execute(
            "select table_name from information_schema.tables where table_schema = 'analytics'"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            rows = admin.execute(f'select t::text from analytics."{table}" t').fetchall()
            assert not any("ann@x.org" in row for (row,) in rows), table


def test_missing_and_mistyped_columns_are_named(session: LakeSession, write_contract) -> None:
    with pytest.raises(AuditError) as refusal:
        publish(session, write_contract(), "select 1 as id, 'a@x.org' as email, 'cheap' as price", RunInfo("run-1"))
    assert "price" in str(refusal.value)
    with pytest.raises(AuditError, match="email"):
        publish(session, write_contract(), "select 1 as id, 2.0 as price", RunInfo("run-1"))
    assert not session.has_table("analytics.orders")


def test_a_number_that_its_column_cannot_hold_is_refused_with_its_row(session: LakeSession, write_contract) -> None:
    contract = write_contract()
    publish(session, contract, GOOD, RunInfo("run-1"))
    huge = f"{GOOD} union all select 3, 'c@x.org', cast('99999999999.99' as decimal(18, 2))"
    with pytest.raises(AuditError, match="price") as refusal:
        publish(session, contract, huge, RunInfo("run-2"))
    assert [(result.rule.kind, result.failed_rows) for result in refusal.value.failed] == [("type", 1)]
    kept = session.connection.execute("select refused_row from analytics_private._refused_rows").fetchall()
    assert [json.loads(row)["id"] for (row,) in kept] == [3]
    assert [row[0] for row in read(session)] == [1, 2]


def test_the_same_run_never_publishes_twice(session: LakeSession, write_contract) -> None:
    contract = write_contract(mode="merge")
    first = publish(session, contract, GOOD, RunInfo("run-1"))
    again = publish(session, contract, f"{GOOD} union all select 3, 'c@x.org', 1", RunInfo("run-1"))
    assert again.is_replay and again.publication_id == first.publication_id
    assert len(read(session)) == 2


def test_merge_replaces_rows_with_the_same_key(session: LakeSession, write_contract) -> None:
    contract = write_contract(mode="merge")
    publish(session, contract, GOOD, RunInfo("run-1"))
    publication = publish(
        session,
        contract,
        "select * from (values (2, 'b@x.org', 9.00), (3, 'c@x.org', 1.00)) t (id, email, price)",
        RunInfo("2"),
    )
    assert (publication.row_count, publication.written_rows) == (3, 2)
    assert [(number, float(str(price))) for number, price in read(session)] == [(1, 5.0), (2, 9.0), (3, 1.0)]


def test_a_partition_replaces_its_own_rows_only(session: LakeSession, write_contract) -> None:
    contract = write_contract(mode="partition", partitioned=True)
    first, second = (f"select *, date '2026-01-0{day}' as day from ({GOOD})" for day in (1, 2))
    publish(session, contract, first, RunInfo("run-1", partition_key="2026-01-01"))
    publish(
        session,
        contract,
        f"select * replace (id + 10 as id) from ({second})",
        RunInfo("run-1", partition_key="2026-01-02"),
    )
    publish(session, contract, f"{first} limit 1", RunInfo("run-2", partition_key="2026-01-01"))
    found = read(session, "day, id")
    assert [row for row in found if row[0] == date(2026, 1, 2)] == [(date(2026, 1, 2), 11), (date(2026, 1, 2), 12)]
    assert len(found) == 3
    with pytest.raises(AuditError, match="2026-01-01"):
        publish(session, contract, second, RunInfo("run-3", partition_key="2026-01-01"))
    assert read(session, "day, id") == found


def test_a_new_column_keeps_the_rows_of_an_incremental_table(session: LakeSession, write_contract) -> None:
    publish(session, write_contract(mode="merge"), GOOD, RunInfo("run-1"))
    contract = write_contract(mode="merge", extra=NOTE, version="1.1.0")
    publish(session, contract, "select 3 as id, 'c@x.org' as email, 1.0 as price, 'new' as note", RunInfo("run-2"))
    assert read(session, "id, note") == [(1, None), (2, None), (3, "new")]


def test_another_team_may_not_publish_it(open_session: Open, write_contract) -> None:
    with pytest.raises(LakeError, match="may not publish"):
        publish(open_session("ml"), write_contract(), GOOD, RunInfo("run-1"))


KILLED = """
import os, signal, sys
from pathlib import Path
from headgate.contract import load_contract
from headgate.environment import read_settings
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo
from headgate.lake.session import LakeSession

session = LakeSession(read_settings(), "analytics")
session.committed_snapshot_id = lambda zone: os.kill(os.getpid(), signal.SIGKILL)
publish(session, load_contract(Path(sys.argv[1])), sys.argv[2], RunInfo("run-1"))
"""


def test_a_run_killed_between_commit_and_acknowledgement_is_not_doubled(
    session: LakeSession, write_contract, catalog: Catalog, tmp_path: Path
) -> None:
    contract = write_contract(mode="merge")
    environment = os.environ | catalog.environment("analytics", tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(contract.path), GOOD], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(read(session)) == 2
    publication = publish(session, contract, GOOD, RunInfo("run-1"))
    assert publication.is_replay and publication.row_count == 2
    assert session.connection.execute("select count(*) from analytics._publications").fetchone() == (1,)


FULL_DISK = """
import sys
from pathlib import Path
from headgate.contract import load_contract
from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo
from headgate.lake.session import LakeSession

try:
    with LakeSession(read_settings(), "analytics") as session:
        rows = "select i as id, concat(hash(i), '@x.org') as email, 1.0 as price from range(2000000) r(i)"
        publish(session, load_contract(Path(sys.argv[1])), rows, RunInfo("run-2"))
except HeadgateError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_under_the_lake(session: LakeSession, write_contract, catalog: Catalog, tmp_path: Path) -> None:
    contract = write_contract()
    publish(session, contract, GOOD, RunInfo("run-1"))
    session.close()
    environment = os.environ | catalog.environment("analytics", tmp_path)
    zone = tmp_path / "lake" / "dev" / "analytics" / "main" / "orders"
    # A private mount in a namespace of its own: nothing of it is left when the process ends.
    mount = 'mount -t tmpfs -o size=2m tmpfs "$1" && shift && exec "$@"'
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    done = subprocess.run(
        [*namespace, "sh", "-c", mount, "sh", str(zone), sys.executable, "-c", FULL_DISK, str(contract.path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the disk under the lake is full" in done.stderr
    with LakeSession(catalog.settings("analytics", tmp_path), "analytics") as reader:
        assert [row[0] for row in read(reader)] == [1, 2]
