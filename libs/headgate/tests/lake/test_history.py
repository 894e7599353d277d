"""History and roll-back on a table that was published three times."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.contract import Contract, load_contract
from headgate.lake.gate import publish
from headgate.lake.history import published_version, read_history, roll_back
from headgate.lake.publication import RunInfo
from headgate.lake.session import LakeError, LakeSession

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.t
name: t
version: 1.2.0
status: active
description:
  purpose: Numbers.
schema:
  - name: t
    physicalType: table
    description: One row a number.
    properties:
      - name: id
        logicalType: integer
        physicalType: bigint
        description: Number.
        required: true
        primaryKey: true
        primaryKeyPosition: 1
team:
  name: analytics
"""


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    path = tmp_path / "analytics" / "contracts" / "t.odcs.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(CONTRACT, encoding="utf-8")
    return load_contract(path)


@pytest.fixture
def session(open_session: Callable[[str], LakeSession], contract: Contract) -> LakeSession:
    session = open_session("analytics")
    for count in (1, 2, 3):
        publish(
            session, contract, f"select i as id from range({count}) r(i)", RunInfo(f"run-{count}", code_version="c1")
        )
    return session


def ids(session: LakeSession) -> list[int]:
    return [row[0] for row in session.connection.execute("select id from analytics.t order by id").fetchall()]


def test_history_lists_every_publication_newest_first(session: LakeSession) -> None:
    history = read_history(session, "analytics.t")
    assert [(entry.run_id, entry.row_count) for entry in history] == [("run-3", 3), ("run-2", 2), ("run-1", 1)]
    assert history[0].snapshot_id > history[1].snapshot_id > history[2].snapshot_id
    assert published_version(session, "analytics.t") == "1.2.0"


def test_roll_back_brings_the_rows_of_a_snapshot_back_and_is_itself_history(
    session: LakeSession, contract: Contract
) -> None:
    second = read_history(session, "analytics.t")[1]
    publication = roll_back(session, contract, second.snapshot_id)
    assert ids(session) == [0, 1] and publication.row_count == 2
    newest = read_history(session, "analytics.t")[0]
    assert newest.run_id.startswith("rollback-") and newest.input_snapshots == {"analytics.t": second.snapshot_id}


def test_an_unknown_snapshot_is_refused_and_the_known_ones_named(session: LakeSession, contract: Contract) -> None:
    newest = read_history(session, "analytics.t")[0].snapshot_id
    with pytest.raises(LakeError) as error:
        roll_back(session, contract, 4711)
    assert "4711" in error.value.what and str(newest) in error.value.next_step
    assert ids(session) == [0, 1, 2]


def test_an_unknown_table_is_refused_and_the_published_ones_named(session: LakeSession) -> None:
    with pytest.raises(LakeError) as error:
        read_history(session, "analytics.nothing")
    assert "which publishes t" in error.value.where


def test_rows_in_files_come_back_too(session: LakeSession, contract: Contract) -> None:
    """A few rows lie in the catalog itself; these do not."""
    full = publish(session, contract, "select i as id from range(5000) r(i)", RunInfo("run-4"))
    publish(session, contract, "select i as id from range(7) r(i)", RunInfo("run-5"))
    assert roll_back(session, contract, full.snapshot_id).row_count == 5000
    assert ids(session) == list(range(5000))
    emptied = publish(session, contract, "select i as id from range(4) r(i)", RunInfo("run-6"))
    assert roll_back(session, contract, emptied.snapshot_id).row_count == 4
