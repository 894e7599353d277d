"""Profiles: a few numbers about each publication, kept in the lake, and the anomalies found in them.

What does not belong here: what an anomaly is (`headgate.quality.anomalies`).
"""

from dataclasses import asdict
from datetime import datetime

from headgate.contract import WARNINGS_COLUMN, Column, Contract, Rule, RuleResult
from headgate.contract.sql_types import INTEGERS
from headgate.lake.doubts import is_ordered, select_former
from headgate.lake.records import PROFILES, insert_rows
from headgate.lake.session import LakeSession, quote
from headgate.quality.anomalies import DEFAULT, Profile, find_anomalies

ANOMALIES = Rule(
    name="anomalies",
    kind="sql",
    severity="warning",
    description="Row count, nulls, distinct values and sums are as usual",
)
"""The verdict on a publication's profile, beside the contract's rules: `checked_rows` counts the values judged."""


def measure(session: LakeSession, contract: Contract, relation: str, scope: str | None, key: str) -> list[Profile]:
    """The profile of the rows: their number, and of every scalar column nulls, distinct values and, of numbers, sums.

    Sums are floats: they are compared with one another, never booked. Those of key columns mean nothing and are left
    out, and so is all about the column that the table is partitioned by.
    """
    wanted: list[tuple[str, str]] = []
    expressions = []
    for column in contract.columns:
        if column.name in (WARNINGS_COLUMN, *contract.partition_by) or column.logical_type in ("array", "object"):
            continue
        name = quote(column.name)
        wanted += [(column.name, "nulls"), (column.name, "distinct")]
        expressions += [f"count(*) - count({name})", f"count(distinct {name})"]
        if _is_number(column) and column.name not in contract.primary_key:
            wanted.append((column.name, "sum"))
            expressions.append(f"coalesce(sum(cast({name} as double)), 0)")
    where = f" where {scope}" if scope else ""
    row = session.connection.execute(
        f"select {', '.join(['count(*)', *expressions])} from {relation}{where}"
    ).fetchone()
    assert row is not None
    rows = int(row[0])
    profiles = [Profile(key, "", "row_count", float(rows), rows)]
    for (name, metric), value in zip(wanted, row[1:], strict=True):
        number = float(value) / max(rows, 1) if metric == "nulls" else float(value)
        profiles.append(Profile(key, name, metric, number, rows))  # type: ignore[arg-type]
    return profiles


def profile_rows(
    session: LakeSession,
    contract: Contract,
    relation: str,
    scope: str | None,
    *,
    publication_id: str,
    published_at: datetime,
    run_id: str,
    partition_key: str | None,
) -> RuleResult:
    """Measures a publication, keeps the profile, and compares it with the former ones.

    Returns:
        The verdict: passed without anomalies; else each of them is an example.
    """
    key = str(partition_key) if is_ordered(contract) else str(published_at)
    former = _former_profiles(session, contract, partition_key)
    profiles = measure(session, contract, relation, scope, key)
    insert_rows(
        session.connection,
        f"{quote(contract.team)}.{PROFILES}",
        [
            [publication_id, published_at, contract.table, run_id, partition_key, column, metric, value, rows]
            for _, column, metric, value, rows in profiles
        ],
    )
    anomalies, judged = find_anomalies([*former, *profiles], key)
    words = "; ".join(each.words for each in anomalies[:3])
    if not judged:
        words = f"not judged: fewer than {DEFAULT.minimum_history} former profiles are there"
    return RuleResult(
        ANOMALIES,
        failed_rows=0,
        checked_rows=judged,
        passed=not anomalies,
        examples=[{**asdict(each), "problem": each.words} for each in anomalies],
        measured=len(anomalies),
        judgement=words,
    )


def _former_profiles(session: LakeSession, contract: Contract, partition_key: str | None) -> list[Profile]:
    rows = session.connection.execute(
        f"""
        with former as ({select_former(contract, partition_key)})
        select position, column_name, metric, value, row_count
        from {quote(contract.team)}.{PROFILES}
        inner join former using (publication_id)
        qualify dense_rank() over (order by position desc) <= {DEFAULT.window}
        """,
        [contract.table],
    ).fetchall()
    return [Profile(*row) for row in rows]


def _is_number(column: Column) -> bool:
    return column.sql_type in (*INTEGERS, "DOUBLE", "FLOAT") or column.sql_type.startswith("DECIMAL")
