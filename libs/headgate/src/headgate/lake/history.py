"""What a published table was, and how to bring a former version back."""

import json
import uuid
from dataclasses import dataclass, fields, replace
from datetime import datetime

from headgate.contract import Contract, RuleResult, without_masking
from headgate.lake.gate import publish
from headgate.lake.publication import Publication, RunInfo, read_results
from headgate.lake.records import PUBLICATIONS
from headgate.lake.session import LakeError, LakeSession, quote, quote_literal, split_name

ROLLBACK_RUN = "rollback-"
"""How the run ids of roll-backs begin."""


@dataclass(frozen=True)
class HistoryEntry:
    """One publication of a table."""

    publication_id: str
    snapshot_id: int
    published_at: datetime
    run_id: str
    team: str
    code_version: str
    contract_version: str
    mode: str
    partition_key: str | None
    row_count: int
    written_rows: int
    warning_rows: int
    input_snapshots: dict[str, int]


def read_history(session: LakeSession, table: str) -> list[HistoryEntry]:
    """Every publication of `team.table` that the lake still keeps, newest first.

    Raises:
        LakeError: there is no such published table.
    """
    zone, name = split_name(table)
    require_published(session, table)
    with session.translate_errors(where=f"history of {table}"):
        rows = session.connection.execute(
            f"""
            with commits as (
                select
                    snapshot_id as committed_as, -- every lake table has a hidden snapshot_id of its own
                    unnest(list_distinct(list_concat( -- one a partition
                        json_extract_string(commit_extra_info, '$.publication_ids[*]'),
                        [json_extract_string(commit_extra_info, '$.publication_id')]
                    ))) as publication_id
                from ducklake_snapshots({quote_literal(zone)})
                where commit_extra_info is not null
            )
            select
                publication_id, committed_as, published_at, run_id, team, code_version, contract_version, mode, partition_key,
                row_count, written_rows, warning_rows, input_snapshots
            from {quote(zone)}.{PUBLICATIONS}
            inner join commits using (publication_id)
            where table_name = ?
            order by committed_as desc, partition_key desc
            """,
            [name],
        ).fetchall()
    names = [each.name for each in fields(HistoryEntry)]
    return [HistoryEntry(**dict(zip(names, (*row[:12], json.loads(row[12])), strict=True))) for row in rows]


def roll_back(
    session: LakeSession, contract: Contract, snapshot_id: int, *, code_version: str = "unknown"
) -> Publication:
    """Publishes the rows a table had at a snapshot, through the gate and under today's contract.

    Raises:
        LakeError: the table was not published at that snapshot.
        AuditError: the old rows break today's contract.
    """
    table = f"{contract.team}.{contract.table}"
    history = read_history(session, table)
    earliest = min((entry.snapshot_id for entry in history), default=None)
    latest = session.snapshot_id(contract.team)
    if earliest is None or not earliest <= snapshot_id <= latest:
        known = ", ".join(str(entry.snapshot_id) for entry in history[:5]) or "none"
        raise LakeError(
            f"{table} has no snapshot {snapshot_id}",
            where=f"zone {contract.team}, whose newest snapshot is {latest}",
            next_step=f"choose one of `headgate history {table}` (newest: {known})",
        )
    columns = ", ".join(quote(column.name) for column in contract.columns)
    run = RunInfo(
        run_id=f"{ROLLBACK_RUN}{uuid.uuid4()}", code_version=code_version, input_snapshots={table: snapshot_id}
    )
    with session.translate_errors(where=f"{table} at snapshot {snapshot_id}"):
        # Read before the gate empties the table: a transaction that truncated it sees none of its former files.
        session.connection.execute(
            f"create or replace temp table _former as "
            f"select {columns} from {session.qualify(table)} at (version => {int(snapshot_id)})"
        )
    try:
        return publish(session, unmasked_replacement(contract), "select * from temp._former", run)
    finally:
        session.connection.execute("drop table if exists temp._former")


def read_last_results(session: LakeSession, contract: Contract) -> list[RuleResult]:
    """What the newest publication of a table found, where a run has nothing to publish; the bare rules before the first."""
    zone = quote(contract.team)
    if session.has_table(f"{contract.team}.{PUBLICATIONS}"):
        row = session.connection.execute(
            f"select publication_id from {zone}.{PUBLICATIONS} where table_name = ? "
            "order by published_at desc, partition_key desc limit 1",
            [contract.table],
        ).fetchone()
        if row:
            return read_results(session, contract, [row[0]])
    return [RuleResult(rule, 0, 0, passed=True, judgement="nothing was published yet") for rule in contract.rules]


def published_version(session: LakeSession, table: str) -> str | None:
    """The contract version under which a table was last published; None when it never was."""
    zone, name = split_name(table)
    if not session.has_table(f"{zone}.{PUBLICATIONS}"):
        return None
    row = session.connection.execute(
        f"select contract_version from {quote(zone)}.{PUBLICATIONS} where table_name = ? "
        "order by published_at desc limit 1",
        [name],
    ).fetchone()
    return str(row[0]) if row else None


def require_published(session: LakeSession, table: str) -> None:
    """Raises LakeError, which lists what there is, unless `team.table` was published."""
    zone, _ = split_name(table)
    if not session.has_table(f"{zone}.{PUBLICATIONS}") or not session.has_table(table):
        names = session.connection.execute(
            "select table_name from duckdb_tables() where database_name = ? and not starts_with(table_name, '_') "
            "order by table_name",
            [zone],
        ).fetchall()
        listed = ", ".join(name for (name,) in names) or "nothing yet"
        raise LakeError(
            f"{table} is not a published table",
            where=f"zone {zone}, which publishes {listed}",
            next_step="check the name, or build the team that owns it",
        )


def unmasked_replacement(contract: Contract) -> Contract:
    """A roll-back replaces the whole table, however the table is usually published; what is stored is masked already."""
    return replace(without_masking(contract), publish_mode="replace")
