"""What a publication costs must not grow with what was published before: the catalog is indexed, records are merged."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from headgate.contract import Contract, load_contract
from headgate.lake import upkeep
from headgate.lake.gate import publish
from headgate.lake.history import read_history, read_last_results
from headgate.lake.publication import Publication, RunInfo
from headgate.lake.session import LakeSession
from headgate.testing import Catalog

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: analytics.readings
name: Readings
version: 1.0.0
status: active
team: {name: analytics}
schema:
  - name: readings
    description: One row a reading.
    properties:
      - {name: id, logicalType: integer, description: Number., primaryKey: true, primaryKeyPosition: 1}
      - name: day
        logicalType: date
        description: Day.
        primaryKey: true
        primaryKeyPosition: 2
        partitioned: true
        partitionKeyPosition: 1
      - {name: amount, logicalType: integer, description: Much., required: true, logicalTypeOptions: {minimum: 0}}
    quality:
      - {metric: rowCount, mustBeGreaterOrEqualTo: 1}
customProperties:
  - {property: publishMode, value: partition}
"""
CATALOG = "__ducklake_metadata_analytics.analytics"
Open = Callable[[str], LakeSession]


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    path = tmp_path / "readings.odcs.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return load_contract(path)


def publish_day(session: LakeSession, contract: Contract, day: int, rows: int, run_id: str) -> Publication:
    query = f"select n as id, date '2026-03-{day:02}' as day, 1 as amount from range({rows}) as r (n)"
    return publish(session, contract, query, RunInfo(run_id, partition_key=f"2026-03-{day:02}"))


def test_a_zones_catalog_is_indexed_by_what_it_is_asked(
    open_session: Open, contract: Contract, catalog: Catalog
) -> None:
    publish_day(open_session("analytics"), contract, 1, 2, "first")
    with psycopg.connect(catalog.admin_url) as admin:
        found = admin.execute(
            "select schemaname, tablename from pg_indexes where indexname like '%\\_by\\_table' order by 1, 2"
        ).fetchall()
    tables = ["ducklake_data_file", "ducklake_delete_file", "ducklake_file_column_stats"]
    assert found == [(zone, table) for zone in ("analytics", "analytics_private") for table in tables]


def test_the_rows_of_a_table_are_counted_as_each_day_leaves_them(open_session: Open, contract: Contract) -> None:
    session = open_session("analytics")
    counted = [
        publish_day(session, contract, day, rows, f"run {number}").row_count
        for number, (day, rows) in enumerate([(1, 20), (2, 30), (1, 5), (3, 0), (2, 12)])
    ]
    assert counted == [20, 50, 35, 35, 17]
    assert session.connection.execute("select count(*) from analytics.readings").fetchone() == (17,)


def test_records_are_merged_and_stay_what_they_were(
    open_session: Open, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_session("analytics")
    published = [publish_day(before, contract, day, 3, f"run {day}") for day in (1, 2, 3)]
    history, results = read_history(before, "analytics.readings"), read_last_results(before, contract)
    assert _inlined(before, "_publications") == 3
    monkeypatch.setattr(upkeep, "LOOSE_PIECES", 3)

    after = open_session("analytics")
    again = publish_day(after, contract, 3, 3, "run 3")

    assert again.is_replay
    assert (again.publication_id, again.row_count) == (published[2].publication_id, 9)
    assert read_history(after, "analytics.readings") == history
    assert read_last_results(after, contract) == results
    assert _inlined(after, "_publications") == 0
    assert publish_day(after, contract, 4, 1, "run 4").row_count == 10
    assert len(read_history(before, "analytics.readings")) == 4


def _inlined(session: LakeSession, table: str) -> int:
    """The rows of a table that are in the catalog, not in a file."""
    row = session.connection.execute(
        f"""
        select s.record_count - coalesce(sum(f.record_count), 0)
        from {CATALOG}.ducklake_table as t
        inner join {CATALOG}.ducklake_table_stats as s using (table_id)
        left join {CATALOG}.ducklake_data_file as f on f.table_id = t.table_id
        where t.table_name = ?
        group by s.record_count
        """,
        [table],
    ).fetchone()
    assert row is not None
    return int(row[0])
