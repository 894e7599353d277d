"""The audit: every rule of a contract held against a relation, all counts in one SQL statement.

Row rules are `count(*) filter (where …)` in one scan; foreign keys are anti joins within it; uniqueness compares the
number of keys with the number of distinct keys. Only a rule that fails is looked at again, for examples.
What does not belong here: what to do about a failed rule (`headgate.lake`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.contract.column_audit import count_unreadable, describe_problems, find_column_problems
from headgate.contract.failing import HIDDEN, Resolve, find_examples, violation_sql
from headgate.contract.literals import quote_name
from headgate.contract.model import Contract, Rule
from headgate.contract.queries import bind_query, tables_of
from headgate.contract.source import ContractError
from headgate.contract.sql_types import fits
from headgate.contract.uniqueness import count_excess, find_bounds

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class RuleResult:
    """One rule's verdict."""

    rule: Rule
    failed_rows: int
    """Rows that break the rule; 0 for a rule about the table or its columns."""
    checked_rows: int
    passed: bool
    examples: list[dict[str, object]] = field(default_factory=list)
    """At most five, of a failed rule only; personal values are hidden."""
    measured: object = None
    """What the threshold was held against: a count, a percentage, a number of repeated keys, the value of a query."""
    is_alert: bool = False
    """Whether a warning exceeds the limits that the contract sets for alerts."""
    judgement: str = ""
    """What was found about the rule's limits, in words: what is exceeded, or why it could not be judged."""

    @property
    def message(self) -> str:
        """The verdict in one clause, with figures."""
        name = self.rule.name
        if self.passed:
            return f"{name} holds"
        problems = [str(example["problem"]) for example in self.examples if "problem" in example]
        if problems:
            return f"{name}: {'; '.join(problems)}"
        if self.rule.kind == "row_count" or self.rule.query is not None:
            what = "the number of rows" if self.rule.kind == "row_count" else "the value"
            return f"{name}: {what} is {self.measured} and must be {self.rule.threshold}"
        limits = f" ({self.judgement})" if self.judgement else ""
        return f"{self.failed_rows:,} of {self.checked_rows:,} rows break {name}{limits}"


def audit(
    connection: "duckdb.DuckDBPyConnection",
    contract: Contract,
    relation: str,
    *,
    scope: str | None = None,
    resolve: Resolve | None = None,
    rules: Sequence[Rule] | None = None,
    total: int | None = None,
) -> list[RuleResult]:
    """Holds rules against a relation.

    Of a relation without rows every rule about rows is true; `row_count` is not, unless the contract allows it.

    Args:
        connection: an open connection, in whatever transaction it is.
        contract: the contract.
        relation: a qualified name, or a SELECT in parentheses.
        scope: SQL predicate: row rules look at these rows only, and uniqueness at their keys, but across the whole
            relation. `row_count` and the contract's own queries are about the table and always see all of it.
        resolve: `team.table` → qualified name, for foreign keys. Without it the name stands for itself.
        rules: the rules to hold; all of the contract's when not given.
        total: the rows of the whole relation, where the caller knows them: counting reads every file of the table.

    Returns:
        One result a rule, in the order of the rules.

    Raises:
        ContractError: a rule cannot be computed: a foreign key points at a table or column that is not there, a
            contract's own SQL returns several rows or fails on a value.
    """
    chosen = contract.rules if rules is None else rules
    return _Audit(connection, contract, relation, scope, resolve or str).run(chosen, total)


def audit_columns(contract: Contract, described: Mapping[str, str]) -> list[RuleResult]:
    """Holds the contract's rule of kind `type` against column names and types, before any row is computed.

    Args:
        contract: the contract.
        described: column → DuckDB type, as DESCRIBE gives them.
    """
    problems = find_column_problems(contract, described)
    return [
        RuleResult(rule, 0, 0, passed=not problems, examples=list(problems), measured=len(problems))
        for rule in contract.rules
        if rule.kind == "type"
    ]


class _Audit:
    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        contract: Contract,
        relation: str,
        scope: str | None,
        resolve: Resolve,
    ) -> None:
        self.connection = connection
        self.contract = contract
        self.scope = scope
        self.resolve = resolve
        self.given = relation
        rows = connection.execute(f"describe select * from {relation}").fetchall()
        self.described = {str(name).lower(): str(kind) for name, kind, *_ in rows}
        wrong = {
            column.name: column.sql_type
            for column in contract.columns
            if column.name in self.described and not fits(self.described[column.name], column.sql_type)
        }
        self.types = self.described | wrong
        self.relation = _cast(relation, wrong)
        self.source = f"{self.relation} as _rows" + (f" where {scope}" if scope else "")

    def run(self, rules: Sequence[Rule], total: int | None) -> list[RuleResult]:
        present = [rule for rule in rules if set(rule.columns) <= set(self.described)]
        counted = [rule for rule in present if rule.kind not in ("type", "row_count")]
        bounds = find_bounds(self.connection, counted, self.source, self.types)
        counts_all = total is None and any(rule.kind == "row_count" or rule.query is not None for rule in rules)
        whole = f"(select count(*) from {self.relation})" if counts_all and self.scope else "count(*)"
        expressions = ["count(*)", whole, *(self._measure(rule, bounds) for rule in counted)]
        checked, counted_all, *values = self._fetch(f"select {', '.join(expressions)} from {self.source}")
        measured = dict(zip((rule.name for rule in counted), values, strict=True))
        rows = _as_int(counted_all) if total is None else total
        return [self._judge(rule, measured, _as_int(checked), rows) for rule in rules]

    # --- the statement -----------------------------------------------------------------------------------------------

    def _measure(self, rule: Rule, bounds: Mapping[str, tuple[int, int]]) -> str:
        if rule.query is not None:
            tables = {name: self._locate(name) for name in tables_of(rule.query)}
            return f"({bind_query(rule.query, self.relation, tables)})"
        violation = violation_sql(rule, self.relation, contract=self.contract, resolve=self.resolve, scope=self.scope)
        if rule.kind == "unique":
            excess = count_excess(rule, self.scope, bounds)
            if excess is not None:
                return excess
        return f"count(*) filter (where {violation})"

    def _locate(self, table: str) -> str:
        return self.relation if table == self.contract.qualified_table else self.resolve(table)

    def _fetch(self, query: str) -> list[object]:
        import duckdb  # late: a code server loads this module and audits nothing

        try:
            row = self.connection.execute(query).fetchone()
        except (duckdb.ProgrammingError, duckdb.DataError) as error:
            # A value that cannot be converted stands in quotes in the engine's message, and may be personal.
            reason = re.sub(r"'[^']*'", "'…'", str(error).strip().splitlines()[0])
            raise ContractError(
                f"{self.contract.qualified_table} cannot be audited: {reason}",
                where=str(self.contract.path),
                next_step="mend the rule, or build the table that it refers to first",
            ) from None
        assert row is not None
        return list(row)

    # --- the verdict -------------------------------------------------------------------------------------------------

    def _judge(self, rule: Rule, measured: Mapping[str, object], checked: int, total: int) -> RuleResult:
        if rule.kind == "type":
            return self._judge_columns(rule, checked)
        if rule.kind == "row_count":
            return RuleResult(rule, 0, total, passed=rule.threshold.holds(total), measured=total)
        if rule.name not in measured:
            missing = ", ".join(name for name in rule.columns if name not in self.described)
            problem: dict[str, object] = {"problem": f"it cannot be checked without {missing}"}
            return RuleResult(rule, 0, checked, passed=False, examples=[problem])
        value = measured[rule.name]
        if rule.query is not None:
            holds = rule.threshold.holds(value) or (value is None and total == 0)
            if isinstance(value, str) and any(self.contract.column(name).masking != "none" for name in rule.columns):
                value = HIDDEN
            shown: dict[str, object] = {"value": value, "expected": str(rule.threshold)}
            return RuleResult(rule, 0, total, passed=holds, examples=[] if holds else [shown], measured=value)
        failed = _as_int(value)
        compared: int | float = failed
        if rule.kind == "unique" and failed:
            compared, failed = self._count_repeated(rule)
        elif rule.threshold.is_percent:
            compared = round(failed / checked * 100, 6) if checked else 0.0
        if rule.threshold.holds(compared):
            return RuleResult(rule, failed, checked, passed=True, measured=compared)
        examples = find_examples(
            self.connection, rule, self.relation, contract=self.contract, scope=self.scope, resolve=self.resolve
        )
        return RuleResult(rule, failed, checked, passed=False, examples=examples, measured=compared)

    def _judge_columns(self, rule: Rule, checked: int) -> RuleResult:
        failed, values = count_unreadable(self.connection, self.contract, self.described, self.given, self.scope)
        problems = describe_problems(self.contract, self.described, values)
        return RuleResult(rule, failed, checked, passed=not problems, examples=problems, measured=len(problems))

    def _count_repeated(self, rule: Rule) -> tuple[int, int]:
        """The number of repeated keys, and of the rows in scope that have one."""
        keys = ", ".join(quote_name(name) for name in rule.columns)
        failing = violation_sql(rule, self.relation, contract=self.contract)
        limited = f"({self.scope}) and ({failing})" if self.scope else failing
        grouped = f"select count(*) as n from {self.relation} as _rows where {limited} group by {keys}"
        repeated, rows = self._fetch(f"select count(*), coalesce(sum(n), 0) from ({grouped})")
        return _as_int(repeated), _as_int(rows)


def _cast(relation: str, types: Mapping[str, str]) -> str:
    """The relation with some columns read as another type where they can be, so that the other rules still run."""
    casts = [f"try_cast({quote_name(name)} as {kind}) as {quote_name(name)}" for name, kind in types.items()]
    return f"(select * replace ({', '.join(casts)}) from {relation})" if casts else relation


def _as_int(value: object) -> int:
    return int(str(value))
