"""The contract's audit on what is published already: has something changed beneath, or does it no longer hold?

The rules are evaluated by the same `headgate.contract.audit` as in the gate. What was found is kept in the team's
`_validations`, beside the publications that the gate refused; a publication that passed is in `_publications`. What does
not belong here: when it happens (`headgate.orchestration.monitoring`).
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headgate.contract import Contract, Rule, RuleResult, audit, without_masking
from headgate.lake.records import PUBLICATIONS, VALIDATIONS, ensure_records
from headgate.lake.session import LakeSession, private_zone, quote, quote_literal

Kind = Literal["refused", "scheduled"]

UNCHANGED = Rule(
    name="unchanged",
    kind="sql",
    description="Nobody changed the table since its last publication",
)
"""Beside the contract's rules: what stands in the table is what the gate committed last."""
PUBLISHED = Rule(name="published", kind="sql", description="The table was published, and not every partition is empty")
"""Fails of a table that is not there, or holds nothing though it has partitions: nothing was validated."""


@dataclass(frozen=True)
class Validation:
    """What one look at a published table found."""

    table: str
    results: tuple[RuleResult, ...]
    unjudged: tuple[str, ...]
    """Rules about personal values in clear: what is published is masked, so only the gate can judge them. And
    `unchanged`, where the lake no longer keeps the snapshot to compare with."""

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """The rules of severity error that do not hold."""
        return tuple(r for r in self.results if not r.passed and r.rule.severity == "error")

    @property
    def passed(self) -> bool:
        return not self.failed


def validate_published(session: LakeSession, contract: Contract, *, run_id: str, now: datetime) -> Validation:
    """Holds a contract's rules against the whole table as it is published, and keeps the verdict. Nothing is changed in it.

    A table without rows breaks `row_count`, unless the contract allows it. What is published by partition may have empty
    ones when it does, but all of them empty break `published`; so does a table that is not there.
    Limits of warnings are not judged: they are about single publications.

    Args:
        session: of the team that owns the table.
        contract: the table's contract.
        run_id: who looks.
        now: the time of the verdict.

    Raises:
        LakeError: the lake is out of reach.
        ContractError: a rule cannot be computed.
    """
    table = contract.qualified_table
    stored = without_masking(contract)
    with session.translate_errors(where=f"validating {table}"):
        ensure_records(session)
        if session.has_table(table):
            results = audit(session.connection, stored, session.qualify(table), resolve=session.qualify)
            if contract.publish_mode == "partition" and not any(result.checked_rows for result in results):
                results.append(_not_published(f"no partition of {table} has a row"))
            results += _compare_with_publication(session, contract)
        else:
            results = [_not_published(f"{table} was never published")]
        record_validation(session, contract, results, kind="scheduled", run_id=run_id, partition_key=None, now=now)
    judged = {result.rule.name for result in results}
    return Validation(
        table, tuple(results), tuple(r.name for r in (*contract.rules, UNCHANGED) if r.name not in judged)
    )


def _not_published(problem: str) -> RuleResult:
    return RuleResult(PUBLISHED, 0, 0, passed=False, examples=[{"problem": problem}])


def record_validation(
    session: LakeSession,
    contract: Contract,
    results: Sequence[RuleResult],
    *,
    kind: Kind,
    run_id: str,
    partition_key: str | None,
    now: datetime,
) -> None:
    """Keeps a verdict in the private zone; in the caller's transaction where there is one."""
    failed = [result for result in results if not result.passed]
    findings = [
        {"rule": r.rule.name, "severity": r.rule.severity, "failed_rows": r.failed_rows, "checked_rows": r.checked_rows}
        for r in failed
    ]
    session.connection.execute(
        f"insert into {quote(private_zone(contract.team))}.{VALIDATIONS} values ({', '.join('?' * 10)})",
        [
            str(uuid.uuid4()),
            now,
            contract.table,
            run_id,
            kind,
            partition_key,
            contract.version,
            all(result.rule.severity != "error" for result in failed),
            max((result.checked_rows for result in results), default=0),
            json.dumps(findings),
        ],
    )


def _compare_with_publication(session: LakeSession, contract: Contract) -> list[RuleResult]:
    """`unchanged`: no row came or went since the newest publication, by the lake's own feed of changes.

    Nothing is said where the lake no longer keeps that publication's snapshot.
    """
    import duckdb  # late: a code server loads this module and compares nothing

    zone = contract.team
    row = session.connection.execute(
        f"""
        with commits as (
            select
                snapshot_id as committed_as,
                json_extract_string(commit_extra_info, '$.publication_id') as publication_id
            from ducklake_snapshots({quote_literal(zone)})
            where commit_extra_info is not null
        )
        select max(committed_as)
        from {quote(zone)}.{PUBLICATIONS}
        inner join commits using (publication_id)
        where table_name = ?
        """,
        [contract.table],
    ).fetchone()
    newest = session.snapshot_id(zone)
    if row is None or row[0] is None:
        return []
    changed = 0
    if row[0] < newest:
        try:
            counted = session.connection.execute(
                f"select count(*) from ducklake_table_changes({quote_literal(zone)}, 'main', "
                f"{quote_literal(contract.table)}, {int(row[0]) + 1}, {newest})"
            ).fetchone()
        except duckdb.Error:
            return []
        changed = int(counted[0]) if counted else 0
    problem: dict[str, object] = {"problem": f"{changed:,} rows came or went since snapshot {row[0]}, around the gate"}
    return [
        RuleResult(
            UNCHANGED, changed, changed, passed=not changed, examples=[problem] if changed else [], measured=changed
        )
    ]
