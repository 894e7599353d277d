"""Several partitions in one publication: which rows they are, and what was counted in each of them.

What belongs here: the SQL of it. What does not: the transaction (`gate`), and what a doubtful row is (`doubts`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from headgate.contract import WARNINGS_COLUMN, Contract, Rule, RuleResult, violation_sql
from headgate.contract.failing import find_examples_by
from headgate.lake.session import LakeSession, quote, quote_literal


@dataclass(frozen=True)
class Part:
    """One partition of a publication; the whole of it where the table is not published by partition."""

    key: str | None
    rows: int
    doubtful: int
    """Rows with at least one warning: a row with two counts once."""
    results: tuple[RuleResult, ...]


def partition_predicate(contract: Contract, keys: Sequence[str]) -> str:
    """SQL that is true for the rows of some partitions; bounds first, by which the lake leaves files unread."""
    column = contract.column(contract.partition_by[0])
    name = quote(column.name)
    values = [f"cast({quote_literal(key)} as {column.sql_type})" for key in sorted(keys)]
    if len(values) == 1:
        return f"{name} = {values[0]}"
    bounds = f"{name} >= {values[0]} and {name} <= {values[-1]}"
    return bounds if _are_days_in_a_row(keys) else f"{bounds} and {name} in ({', '.join(values)})"


def split_results(
    session: LakeSession,
    contract: Contract,
    results: Sequence[RuleResult],
    keys: Sequence[str],
    *,
    target: str,
    source: str,
    masked: Sequence[str],
) -> list[Part]:
    """What an audit found, partition by partition: exact counts, and examples of its own for each.

    Args:
        session: the connection, within the gate's transaction.
        contract: of a table that is published by partition.
        results: of the audit of all of the partitions; no rule of severity error failed.
        keys: the partitions.
        target: where the rows now are.
        source: the query they came from, in clear.
        masked: the personal columns, whose rules look at the query.
    """
    scope = partition_predicate(contract, keys)
    column = quote(contract.partition_by[0])
    clear = [r for r in results if r.failed_rows and set(r.rule.columns) & set(masked)]
    stored = [r for r in results if r.failed_rows and r not in clear]
    broken = [r for r in results if r.failed_rows and r.rule.severity == "warning"]
    doubtful = _doubtful(session, contract, broken, f"({source})" if clear else target)
    reads_clear = bool(clear) and not contract.has_warnings_column

    rows_of = {key: 0 for key in keys}
    doubts_of = dict(rows_of)
    failed_of: dict[str, dict[str, int]] = {key: {} for key in keys}
    examples_of: dict[tuple[str, str], list[dict[str, object]]] = {}
    names = _canonical_keys(session, contract, keys)
    for relation, where, some in ((target, scope, stored), (f"({source})", None, clear)):
        if relation != target and not some:
            continue
        counted = [f"count(*) filter (where {_violation(session, contract, r, relation)})" for r in some]
        counted.append(f"count(*) filter (where {doubtful if reads_clear == (relation != target) else 'false'})")
        limited = f" where {where}" if where else ""
        for value, rows, *counts, doubts in session.connection.execute(
            f"select cast({column} as varchar), count(*), {', '.join(counted)} from {relation} as _rows{limited} group by 1"
        ).fetchall():
            key = names[value]
            rows_of[key] = rows
            doubts_of[key] += doubts
            failed_of[key] |= {r.rule.name: count for r, count in zip(some, counts, strict=True)}
        for result in some:
            found = find_examples_by(
                session.connection,
                result.rule,
                relation,
                by=column,
                contract=contract,
                scope=where,
                resolve=session.qualify,
            )
            examples_of |= {(names[value], result.rule.name): examples for value, examples in found.items()}
    return [
        Part(
            key,
            rows_of[key],
            doubts_of[key],
            tuple(
                _of_partition(r, failed_of[key].get(r.rule.name), rows_of[key], examples_of.get((key, r.rule.name), []))
                for r in results
            ),
        )
        for key in keys
    ]


def merge_parts(parts: Sequence[Part]) -> list[RuleResult]:
    """One result a rule over all parts."""
    named = []
    for part in parts:
        words = f"{part.key}: " if len(parts) > 1 else ""
        named.append([replace(r, judgement=words + r.judgement) if r.judgement else r for r in part.results])
    return [merge_results(same) for same in zip(*named, strict=True)]


def merge_by_rule(results: Iterable[RuleResult]) -> list[RuleResult]:
    """One result a rule over those of several publications of one table."""
    found: dict[str, list[RuleResult]] = {}
    for result in results:
        found.setdefault(result.rule.name, []).append(result)
    return [merge_results(same) for same in found.values()]


def merge_results(same: Sequence[RuleResult]) -> RuleResult:
    """One rule's results: counts added up; examples and words of the partition in which it looks worst."""
    worst = max(same, key=lambda r: (not r.passed and r.rule.severity == "error", r.is_alert, r.failed_rows))
    if len(same) == 1:
        return worst
    checked = worst.checked_rows if not is_of_rows(worst.rule) else sum(r.checked_rows for r in same)
    return replace(
        worst,
        failed_rows=sum(r.failed_rows for r in same),
        checked_rows=checked,
        passed=all(r.passed for r in same),
        is_alert=any(r.is_alert for r in same),
    )


def is_of_rows(rule: Rule) -> bool:
    """Whether a rule looks at the rows that are published, not at the table as a whole."""
    return rule.kind not in ("row_count", "type") and rule.query is None


def _of_partition(result: RuleResult, failed: int | None, rows: int, examples: list[dict[str, object]]) -> RuleResult:
    if not is_of_rows(result.rule):
        return result
    if not result.failed_rows:
        return replace(result, checked_rows=rows)
    count = failed or 0
    share = round(count / rows * 100, 6) if rows else 0.0
    measured = share if result.rule.threshold.is_percent else count
    passed = result.rule.threshold.holds(measured)
    return replace(
        result,
        failed_rows=count,
        checked_rows=rows,
        passed=passed,
        measured=measured,
        examples=[] if passed else examples,
    )


def _violation(session: LakeSession, contract: Contract, result: RuleResult, relation: str) -> str:
    violation = violation_sql(result.rule, relation, contract=contract, resolve=session.qualify)
    return f"coalesce({violation or 'false'}, false)"


def _doubtful(session: LakeSession, contract: Contract, broken: Sequence[RuleResult], relation: str) -> str:
    if not broken:
        return "false"
    if contract.has_warnings_column:
        return f"len({quote(WARNINGS_COLUMN)}) > 0"
    return " or ".join(_violation(session, contract, result, relation) for result in broken)


def _canonical_keys(session: LakeSession, contract: Contract, keys: Sequence[str]) -> dict[str, str]:
    """How the engine writes the value of each key → the key."""
    kind = contract.column(contract.partition_by[0]).sql_type
    rows = session.connection.execute(
        f"select cast(cast(key as {kind}) as varchar), key from (select unnest(?::varchar[]) as key)", [list(keys)]
    ).fetchall()
    return dict(rows)


def _are_days_in_a_row(keys: Sequence[str]) -> bool:
    try:
        days = sorted({date.fromisoformat(key) for key in keys})
    except ValueError:
        return False
    return (days[-1] - days[0]).days == len(days) - 1
