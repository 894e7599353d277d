"""Doubtful rows on their way through the gate: marked with codes, counted, held against the contract's limits.

What belongs here: the SQL of it. What does not: the transaction (`gate`), what a limit means (`headgate.quality`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from headgate.contract import WARNINGS_COLUMN, Contract, Rule, RuleResult, violation_sql
from headgate.contract.failing import find_examples
from headgate.lake.partitions import Part
from headgate.lake.records import AUDIT_RESULTS, PUBLICATIONS
from headgate.lake.session import LakeSession, quote, quote_literal
from headgate.quality.limits import Count, judge

_COLUMN = quote(WARNINGS_COLUMN)
_EMPTY_TYPES = ('"NULL"', '"NULL"[]', "INTEGER[]")
"""What DuckDB calls a null and an empty list that nobody gave a type."""


def complete_rows(contract: Contract, rows_sql: str, described: Mapping[str, str]) -> str:
    """The query with `meta__warnings`, where the contract has the column and the asset left it to the gate."""
    if not contract.has_warnings_column:
        return rows_sql
    kind = described.get(WARNINGS_COLUMN)
    if kind is None:
        return f"select *, cast([] as varchar[]) as {_COLUMN} from ({rows_sql}) as _rows"
    if kind in _EMPTY_TYPES:
        return f"select * replace (cast({_COLUMN} as varchar[]) as {_COLUMN}) from ({rows_sql}) as _rows"
    return rows_sql


def codes_expression(contract: Contract, relation_of: Callable[[Rule], str], resolve: Callable[[str], str]) -> str:
    """SQL for a row's `meta__warnings`: the codes it came with and the names of the rules it breaks, sorted, each once.

    A code that is the name of one of the contract's rules is given by that rule alone.

    Args:
        contract: the contract.
        relation_of: rule → the relation in which a key must be unique.
        resolve: `team.table` → qualified name.
    """
    rules = contract.warning_rules
    given = f"coalesce({_COLUMN}, cast([] as varchar[]))"
    if not rules:
        return f"list_sort(list_distinct({given}))"
    names = ", ".join(quote_literal(rule.name) for rule in rules)
    broken = ", ".join(
        f"case when {violation_sql(rule, relation_of(rule), contract=contract, resolve=resolve)} "
        f"then {quote_literal(rule.name)} end"
        for rule in rules
    )
    others = f"list_filter({given}, lambda code: code not in ({names}))"
    marked = f"list_sort(list_distinct(list_concat({others}, [{broken}])))"
    if any(rule.violation is None for rule in rules):
        return marked
    # Most rows are beyond doubt: they are spared the work on lists. A rule about keys would be looked up twice.
    doubtful = " or ".join(f"coalesce({rule.violation}, false)" for rule in rules)
    return f"case when len({given}) > 0 or {doubtful} then {marked} else cast([] as varchar[]) end"


def count_other_codes(
    session: LakeSession, contract: Contract, relation: str, scope: str | None, checked_rows: int
) -> list[RuleResult]:
    """The codes that code alone gave: a result for each that is no rule of the contract."""
    where = f"where {scope}" if scope else ""
    rows = session.connection.execute(
        f"select code, count(*) from (select unnest({_COLUMN}) as code from {relation} {where}) group by code order by code"
    ).fetchall()
    declared = {rule.name for rule in contract.warning_rules}
    results = []
    for code, count in rows:
        if code in declared:
            continue
        rule = Rule(
            name=code,
            kind="sql",
            columns=(WARNINGS_COLUMN,),
            severity="warning",
            violation=f"list_contains({_COLUMN}, {quote_literal(code)})",
            description="Given by code",
        )
        examples = find_examples(session.connection, rule, relation, contract=contract, scope=scope)
        results.append(RuleResult(rule, count, checked_rows, passed=False, examples=examples))
    return results


def count_doubtful(
    session: LakeSession, contract: Contract, relation: str, scope: str | None, results: Sequence[RuleResult]
) -> int:
    """The rows with at least one warning: a row with two counts once.

    Args:
        session: the connection, within the gate's transaction.
        contract: the contract.
        relation: where the rows are; in clear, where a rule looks at personal columns.
        scope: which of them.
        results: of the audit of these rows.
    """
    broken = [r for r in results if r.rule.severity == "warning" and r.failed_rows]
    if len(broken) < 2:
        return sum(result.failed_rows for result in broken)
    if contract.has_warnings_column:
        predicate = f"len({_COLUMN}) > 0"
    else:
        violations = [
            violation_sql(result.rule, relation, contract=contract, resolve=session.qualify) for result in broken
        ]
        predicate = " or ".join(f"coalesce({violation}, false)" for violation in violations)
    limited = f"({scope}) and ({predicate})" if scope else predicate
    row = session.connection.execute(f"select count(*) from {relation} as _rows where {limited}").fetchone()
    assert row is not None
    return int(row[0])


def judge_parts(session: LakeSession, contract: Contract, parts: Sequence[Part]) -> list[Part]:
    """The parts with the limits of their results judged: a warning beyond its limit for errors is one, and fails.

    What is usual for a partition is what came before it, in this publication too.
    """
    known: dict[str, list[tuple[str, Count]]] = {}
    if is_ordered(contract):
        parts = sorted(parts, key=lambda part: str(part.key))

    def history_of(rule: Rule, key: str | None, window: int) -> list[Count]:
        if len(parts) == 1 or not is_ordered(contract):
            return [count for _, count in _former_counts(session, contract, rule, key, window)]
        if rule.name not in known:
            # What this publication replaces says nothing any more; its own counts are put in as they are judged.
            former = _former_counts(session, contract, rule, parts[-1].key, None)
            replaced = {part.key for part in parts}
            known[rule.name] = [(day, count) for day, count in former if day not in replaced]
            known[rule.name] += [
                (str(part.key), Count(each.failed_rows, each.checked_rows))
                for part in parts
                for each in part.results
                if each.rule.name == rule.name and each.checked_rows
            ]
            known[rule.name].sort()
        return [count for day, count in known[rule.name] if day < str(key)][-window:]

    return [
        replace(part, results=tuple(_judge_result(result, part.key, history_of) for result in part.results))
        for part in parts
    ]


def _judge_result(
    result: RuleResult, key: str | None, history_of: Callable[[Rule, str | None, int], list[Count]]
) -> RuleResult:
    rule = result.rule
    limits = [each for each in (rule.alert, rule.error) if each is not None]
    if not limits or rule.severity != "warning":
        return result
    windows = [each.window for each in limits if each.deviations is not None]
    history = history_of(rule, key, max(windows)) if windows else []
    verdict = judge(rule, Count(result.failed_rows, result.checked_rows), history)
    return replace(
        result,
        rule=replace(rule, severity="error") if verdict.level == "error" else rule,
        judgement=verdict.words,
        is_alert=verdict.level == "alert",
        passed=result.passed and verdict.level == "none",
    )


def is_ordered(contract: Contract) -> bool:
    """Whether the partitions follow each other in time, so that the earlier ones say what is usual for the next."""
    if contract.publish_mode != "partition":
        return False
    return contract.column(contract.partition_by[0]).sql_type.startswith(("DATE", "TIMESTAMP"))


def select_former(contract: Contract, partition_key: str | None) -> str:
    """SQL of `publication_id, position` of the publications that say what is usual for one; its `?` is the table.

    Of a table partitioned by time: the newest publication of each earlier partition. Of another partitioned table: the
    partition's own former publications. Else: every former publication.
    """
    zone = quote(contract.team)
    key = quote_literal(str(partition_key))
    if is_ordered(contract):
        return (
            f"select publication_id, partition_key as position from {zone}.{PUBLICATIONS} "
            f"where table_name = ? and partition_key < {key} "
            "qualify row_number() over (partition by partition_key order by published_at desc) = 1"
        )
    chosen = f"partition_key = {key}" if contract.publish_mode == "partition" else "true"
    return (
        f"select publication_id, cast(published_at as varchar) as position from {zone}.{PUBLICATIONS} "
        f"where table_name = ? and {chosen}"
    )


def _former_counts(
    session: LakeSession, contract: Contract, rule: Rule, partition_key: str | None, window: int | None
) -> list[tuple[str, Count]]:
    """A rule's former counts with their positions, oldest first."""
    rows = session.connection.execute(
        f"""
        with former as ({select_former(contract, partition_key)})
        select position, failed_rows, checked_rows
        from {quote(contract.team)}.{AUDIT_RESULTS}
        inner join former using (publication_id)
        where rule = ? and checked_rows > 0
        order by position desc
        {f"limit {window:d}" if window else ""}
        """,
        [contract.table, rule.name],
    ).fetchall()
    return [(position, Count(failed, checked)) for position, failed, checked in reversed(rows)]
