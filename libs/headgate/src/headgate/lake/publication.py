"""What one passage through the gate was: who published what from what, how it was judged, and the record of it in the lake.

What belongs here: the gate's words and its records. What does not: writing a table (`headgate.lake.gate`), and the tables that
hold the records (`headgate.lake.records`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headgate.contract import Contract, RuleResult, ddl
from headgate.errors import HeadgateError
from headgate.lake.partitions import Part, merge_by_rule
from headgate.lake.profiles import ANOMALIES
from headgate.lake.records import AUDIT_RESULTS, PUBLICATIONS, insert_rows
from headgate.lake.session import LakeSession, quote

_EXAMPLES_IN_ERROR = 3


@dataclass(frozen=True)
class RunInfo:
    """Who publishes, from what."""

    run_id: str
    code_version: str = "unknown"
    input_snapshots: dict[str, int] = field(default_factory=dict)
    """`team.table` read → snapshot of its zone at that moment."""
    partition_key: str | None = None
    partition_keys: tuple[str, ...] = ()
    """Several partitions that are replaced together, in one commit; each has a record of its own."""
    partition_inputs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Partition → what it alone was made of, recorded beside `input_snapshots`."""

    @property
    def keys(self) -> tuple[str | None, ...]:
        """The partitions, in order; one that is None where there is no partition."""
        return tuple(sorted(set(self.partition_keys))) or (self.partition_key,)

    @property
    def named_keys(self) -> tuple[str, ...]:
        """The partitions; none where there is no partition."""
        return tuple(key for key in self.keys if key is not None)


@dataclass(frozen=True)
class Publication:
    """What one passage through the gate did."""

    table: str
    publication_id: str
    """Of the first partition, where there are several."""
    snapshot_id: int
    row_count: int
    written_rows: int
    results: tuple[RuleResult, ...]
    warning_rows: int = 0
    """Rows with at least one warning: a row with two counts once."""
    partition_keys: tuple[str, ...] = ()
    """The partitions that were replaced."""
    is_replay: bool = False
    """True when this run had published the table before and only its acknowledgement was lost."""

    @property
    def alerts(self) -> tuple[RuleResult, ...]:
        """The warnings beyond the contract's limits for alerts."""
        return tuple(result for result in self.results if result.is_alert)


class AuditError(HeadgateError):
    """The rows break the table's contract; nothing was published."""

    exit_code = 1

    def __init__(self, contract: Contract, results: Sequence[RuleResult], refused_table: str) -> None:
        self.results = tuple(results)
        failed = [result for result in results if not result.passed and result.rule.severity == "error"]
        self.failed = tuple(failed)
        lines = [_describe_failure(result) for result in failed]
        super().__init__(
            f"{contract.team}.{contract.table} was not published: {'; '.join(lines)}",
            where=f"contract {contract.path} version {contract.version}",
            next_step=f"mend the source or the contract; the refused rows are in {refused_table}",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return Exception, (str(self),)


def schema_hash(contract: Contract) -> str:
    """Changes exactly when the DDL of the table does: types, NOT NULL, comments, partitioning."""
    return hashlib.sha256("\n".join(ddl(contract, "t")).encode()).hexdigest()[:16]


def record_publication(
    session: LakeSession,
    contract: Contract,
    run: RunInfo,
    parts: Sequence[Part],
    *,
    publication_ids: Mapping[str | None, str],
    row_count: int,
    written_rows: int,
    now: datetime,
) -> None:
    """Writes what a publication was, by partition, and what its audit found; in the transaction that writes the rows.

    Args:
        session: in a transaction of the team that owns the table.
        contract: the table's.
        run: who publishes.
        parts: the publication's partitions with their results; one where there are none.
        publication_ids: partition → the id of its record.
        row_count: rows of the whole table.
        written_rows: rows that were written.
        now: when.
    """
    zone = quote(contract.team)
    shape = schema_hash(contract)
    insert_rows(
        session.connection,
        f"{zone}.{PUBLICATIONS}",
        [
            [
                publication_ids[part.key],
                now,
                contract.table,
                run.run_id,
                contract.team,
                run.code_version,
                contract.version,
                shape,
                contract.publish_mode,
                part.key,
                json.dumps({**run.input_snapshots, **run.partition_inputs.get(str(part.key), {})}, sort_keys=True),
                row_count,
                part.rows,
                part.doubtful,
            ]
            for part in parts
        ],
    )
    insert_rows(
        session.connection,
        f"{zone}.{AUDIT_RESULTS}",
        [
            [
                publication_ids[part.key],
                now,
                contract.table,
                run.run_id,
                part.key,
                result.rule.name,
                result.rule.severity,
                result.passed,
                result.failed_rows,
                result.checked_rows,
                json.dumps(result.examples, default=str) if result.examples else "[]",
                result.is_alert,
                result.judgement or None,
            ]
            for part in parts
            for result in part.results
        ],
    )
    about = {
        "publication_id": publication_ids[parts[0].key],
        "publication_ids": list(publication_ids.values()),
        "partition_keys": [part.key for part in parts if part.key is not None],
        "run_id": run.run_id,
        "code_version": run.code_version,
        "contract_version": contract.version,
        "input_snapshots": run.input_snapshots,
        "row_count": row_count,
        "written_rows": written_rows,
    }
    session.connection.execute(
        f"call {zone}.set_commit_message(?, ?, extra_info => ?)",
        [contract.team, f"publish {contract.table}", json.dumps(about, sort_keys=True)],
    )


def find_publication(session: LakeSession, contract: Contract, run: RunInfo) -> Publication | None:
    """What this very run has already committed: its writer may have been killed before it heard of it."""
    zone = quote(contract.team)
    found = session.connection.execute(
        f"""
        select partition_key, publication_id, row_count, written_rows, warning_rows
        from {zone}.{PUBLICATIONS}
        where table_name = ? and run_id = ? and list_contains(?::varchar[], coalesce(partition_key, ''))
        order by published_at
        """,
        [contract.table, run.run_id, [key or "" for key in run.keys]],
    ).fetchall()
    rows = {key: row for key, *row in found}
    if len(rows) < len(run.keys):
        return None
    first = rows[run.keys[0]]
    return Publication(
        table=f"{contract.team}.{contract.table}",
        publication_id=first[0],
        snapshot_id=session.snapshot_id(contract.team),
        row_count=first[1],
        written_rows=sum(row[2] for row in rows.values()),
        results=tuple(read_results(session, contract, [row[0] for row in rows.values()])),
        warning_rows=sum(row[3] for row in rows.values()),
        partition_keys=run.named_keys,
        is_replay=True,
    )


def read_results(session: LakeSession, contract: Contract, publication_ids: Sequence[str]) -> list[RuleResult]:
    """What was recorded of some publications: one result for each rule that the contract still has."""
    recorded = session.connection.execute(
        f"""
        select rule, passed, failed_rows, checked_rows, examples, coalesce(is_alert, false), coalesce(judgement, '')
        from {quote(contract.team)}.{AUDIT_RESULTS}
        where list_contains(?::varchar[], publication_id)
        """,
        [list(publication_ids)],
    ).fetchall()
    rules = {rule.name: rule for rule in (*contract.rules, ANOMALIES)}
    return merge_by_rule(
        RuleResult(
            rule=rules[name],
            failed_rows=failed,
            checked_rows=checked,
            passed=passed,
            examples=json.loads(examples),
            is_alert=is_alert,
            judgement=judgement,
        )
        for name, passed, failed, checked, examples, is_alert, judgement in recorded
        if name in rules
    )


def _describe_failure(result: RuleResult) -> str:
    """`2 of 3 rows break id__unique (id is never repeated), e.g. {"id": 1}`."""
    if not result.failed_rows:
        return result.message
    meaning = f" ({result.rule.description})" if result.rule.description else ""
    examples = ", ".join(json.dumps(example, default=str) for example in result.examples[:_EXAMPLES_IN_ERROR])
    return f"{result.message}{meaning}" + (f", e.g. {examples}" if examples else "")
