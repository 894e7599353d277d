"""The audit: every rule of a contract held against a relation, all counts in one SQL statement.

Row rules are `count(*) filter (where …)` in one scan; foreign keys are anti joins within it; uniqueness compares the number of
keys with the number of distinct keys. Only a rule that fails is looked at again, for the exact rows and for examples.
What does not belong here: what to do about a failed rule (`headgate.lake`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from headgate.contract.failing import Resolve, find_examples, violation_sql
from headgate.contract.literals import quote_name
from headgate.contract.model import Contract, Rule
from headgate.contract.sandbox import bind_query, tables_of
from headgate.contract.source import ContractError
from headgate.contract.sql_types import INTEGERS, explain_mismatch, fits

_BITMAP_BITS = 1 << 29
"""Distinct integers are counted in a bitmap when their range is below this: 64 MB a thread."""


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
    """What the threshold was held against: a count, a percentage, the number of duplicated keys, the value of a query."""

    @property
    def message(self) -> str:
        """The verdict in one clause, with figures."""
        name = self.rule.name
        if self.passed:
            return f"{name} holds"
        if self.rule.kind == "type" or any("problem" in example for example in self.examples):
            return f"{name}: " + "; ".join(str(example["problem"]) for example in self.examples)
        if self.rule.kind == "row_count" or (self.rule.kind == "sql" and self.rule.violation is None):
            what = "rows" if self.rule.kind == "row_count" else "the value"
            return f"{name}: {what} must be {self.rule.threshold}, and it is {self.measured}"
        return f"{self.failed_rows:,} of {self.checked_rows:,} rows break {name}"


def audit(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    relation: str,
    *,
    scope: str | None = None,
    resolve: Resolve | None = None,
    rules: Sequence[Rule] | None = None,
) -> list[RuleResult]:
    """Holds rules against a relation.

    Args:
        connection: an open connection, in whatever transaction it is.
        contract: the contract.
        relation: a qualified name, or a SELECT in parentheses.
        scope: SQL predicate: row rules look at these rows only, and uniqueness at their keys, but across the whole
            relation. `row_count` and the contract's own queries are about the table and always see all of it.
        resolve: `team.table` → qualified name, for foreign keys. Without it the name stands for itself.
        rules: the rules to hold; all of the contract's when not given.

    Returns:
        One result a rule, in the order of the rules.

    Raises:
        ContractError: the statement cannot be planned: a foreign key points at a table or column that is not there.
    """
    chosen = contract.rules if rules is None else rules
    return _Audit(connection, contract, relation, scope, resolve or str).run(chosen)


def audit_columns(contract: Contract, described: Mapping[str, str]) -> list[RuleResult]:
    """Holds the contract's rule of kind `type` against column names and DuckDB types, before any row is computed.

    Args:
        contract: the contract.
        described: column → type, as DESCRIBE gives them.
    """
    problems = _find_column_problems(contract, described)
    return [
        RuleResult(rule, 0, 0, passed=not problems, examples=list(problems), measured=len(problems))
        for rule in contract.rules
        if rule.kind == "type"
    ]


def _find_column_problems(contract: Contract, described: Mapping[str, str]) -> list[dict[str, object]]:
    actual = {name.lower(): kind for name, kind in described.items()}
    problems: list[dict[str, object]] = []
    for column in contract.columns:
        kind = actual.pop(column.name, None)
        if kind is None:
            problem = f"column {column.name} ({column.sql_type}) is missing"
        elif not fits(kind, column.sql_type):
            problem = f"column {column.name} {explain_mismatch(kind, column.sql_type)}"
        else:
            continue
        problems.append({"column": column.name, "problem": problem})
    problems.extend(
        {"column": name, "problem": f"column {name} is not in the contract: add it there, or leave it out"}
        for name in actual
    )
    return problems


class _Audit:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: Contract,
        relation: str,
        scope: str | None,
        resolve: Resolve,
    ) -> None:
        self.connection = connection
        self.contract = contract
        self.scope = scope
        self.resolve = resolve
        self.described = self._describe(relation)
        self.relation = self._cast_wrong_types(relation)
        self.where = f" where {scope}" if scope else ""

    def run(self, rules: Sequence[Rule]) -> list[RuleResult]:
        runnable = [rule for rule in rules if rule.kind != "type" and set(rule.columns) <= set(self.described)]
        bounds = self._find_bounds(runnable)
        expressions = ["count(*)", f"(select count(*) from {self.relation})" if self.scope else "count(*)"]
        expressions += [self._measure(rule, bounds) for rule in runnable]
        query = f"select {', '.join(expressions)} from {self.relation} as _rows{self.where}"
        checked, total, *counts = self._fetch(query)
        measured = dict(zip((rule.name for rule in runnable), counts, strict=True))
        return [self._judge(rule, measured, int(str(checked)), int(str(total))) for rule in rules]

    # --- the statement -----------------------------------------------------------------------------------------------

    def _describe(self, relation: str) -> dict[str, str]:
        rows = self.connection.execute(f"describe select * from {relation}").fetchall()
        return {str(name).lower(): str(kind) for name, kind, *_ in rows}

    def _cast_wrong_types(self, relation: str) -> str:
        """Values of a wrong type are read as the contract's type where they can be, so the other rules still run."""
        casts = [
            f"try_cast({quote_name(column.name)} as {column.sql_type}) as {quote_name(column.name)}"
            for column in self.contract.columns
            if column.name in self.described and not fits(self.described[column.name], column.sql_type)
        ]
        return f"(select * replace ({', '.join(casts)}) from {relation})" if casts else relation

    def _measure(self, rule: Rule, bounds: Mapping[str, tuple[int, int]]) -> str:
        if rule.kind == "row_count":
            return "0"
        if rule.query is not None:
            tables = {name: self._locate(name) for name in tables_of(rule.query)}
            return f"({bind_query(rule.query, self.relation, tables)})"
        if rule.kind == "unique":
            return self._measure_excess(rule, bounds)
        violation = violation_sql(rule, self.relation, contract=self.contract, resolve=self.resolve)
        return f"count(*) filter (where {violation})"

    def _locate(self, table: str) -> str:
        return self.relation if table == self.contract.qualified_table else self.resolve(table)

    def _measure_excess(self, rule: Rule, bounds: Mapping[str, tuple[int, int]]) -> str:
        """Rows with a key, less distinct keys. It is 0 exactly when no key is repeated, or (several columns) when a hash
        of the key is not; a hash that is repeated by chance is found out in the second look."""
        keys = [quote_name(name) for name in rule.columns]
        present = " and ".join(f"{key} is not null" for key in keys)
        if self.scope and not self._is_closed(rule):
            failing = violation_sql(rule, self.relation, contract=self.contract)
            return f"count(*) filter (where {failing})"
        if len(keys) == 1 and rule.columns[0] in bounds:
            lowest, highest = bounds[rule.columns[0]]
            kind = self.described[rule.columns[0]]
            bitmap = f"bitstring_agg({keys[0]}, {lowest}::{kind}, {highest}::{kind})"
            return f"count({keys[0]}) - coalesce(bit_count({bitmap}), 0)"
        if len(keys) == 1:
            return f"count({keys[0]}) - count(distinct {keys[0]})"
        return f"count(*) filter (where {present}) - count(distinct hash({', '.join(keys)})) filter (where {present})"

    def _is_closed(self, rule: Rule) -> bool:
        """Whether rows that share a key are all in the scope or all outside: it looks at nothing but key columns."""
        import sqlglot
        from sqlglot import exp

        tree = sqlglot.parse_one(f"select {self.scope}", dialect="duckdb")
        mentioned = {column.name.lower() for column in tree.find_all(exp.Column)}
        return mentioned <= set(rule.columns) and tree.find(exp.Subquery, exp.Anonymous) is None

    def _find_bounds(self, rules: Sequence[Rule]) -> dict[str, tuple[int, int]]:
        """The ranges of the unique integer columns whose distinct values fit into a bitmap."""
        names = [
            rule.columns[0]
            for rule in rules
            if rule.kind == "unique" and len(rule.columns) == 1 and self.described[rule.columns[0]] in INTEGERS
        ]
        if not names:
            return {}
        extremes = ", ".join(f"count({q}), min({q}), max({q})" for q in map(quote_name, names))
        values = self._fetch(f"select {extremes} from {self.relation} as _rows{self.where}")
        bounds = {}
        for index, name in enumerate(names):
            count, lowest, highest = (int(str(value or 0)) for value in values[3 * index : 3 * index + 3])
            if highest - lowest < min(_BITMAP_BITS, 64 * count):
                bounds[name] = (lowest, highest)
        return bounds

    def _fetch(self, query: str) -> list[object]:
        try:
            row = self.connection.execute(query).fetchone()
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise ContractError(
                f"{self.contract.qualified_table} cannot be audited: {str(error).splitlines()[0]}",
                where=str(self.contract.path),
                next_step="mend the rule, or build the table it refers to first",
            ) from None
        assert row is not None
        return list(row)

    # --- the verdict -------------------------------------------------------------------------------------------------

    def _judge(self, rule: Rule, measured: Mapping[str, object], checked: int, total: int) -> RuleResult:
        if rule.kind == "type":
            problems = _find_column_problems(self.contract, self.described)
            return RuleResult(rule, 0, checked, passed=not problems, examples=problems, measured=len(problems))
        if rule.name not in measured:
            missing = ", ".join(sorted(set(rule.columns) - set(self.described)))
            problem: dict[str, object] = {"problem": f"it cannot be checked, {missing} is missing"}
            return RuleResult(rule, 0, checked, passed=False, examples=[problem])
        if rule.kind == "row_count":
            return RuleResult(rule, 0, total, passed=rule.threshold.holds(total), measured=total)
        value = measured[rule.name]
        if rule.query is not None:
            holds = rule.threshold.holds(value) or (value is None and total == 0)
            examples = [] if holds else [{"value": value, "expected": str(rule.threshold)}]
            return RuleResult(rule, 0, total, passed=holds, examples=examples, measured=value)
        failed = int(str(value))
        compared: object = failed
        if rule.kind == "unique" and failed:
            compared, failed = self._count_duplicates(rule)
        elif rule.threshold.is_percent:
            compared = round(failed / checked * 100, 6) if checked else 0.0
        if rule.threshold.holds(compared):
            return RuleResult(rule, failed, checked, passed=True, measured=compared)
        examples = find_examples(
            self.connection,
            rule,
            self.relation,
            contract=self.contract,
            scope=self.scope,
            resolve=self.resolve,
        )
        return RuleResult(rule, failed, checked, passed=False, examples=examples, measured=compared)

    def _count_duplicates(self, rule: Rule) -> tuple[int, int]:
        """The number of repeated keys, and of the rows in scope that have one."""
        keys = ", ".join(quote_name(name) for name in rule.columns)
        failing = violation_sql(rule, self.relation, contract=self.contract)
        limited = f"({self.scope}) and ({failing})" if self.scope else failing
        query = f"select count(*), coalesce(sum(n), 0) from (select count(*) as n from {self.relation} as _rows where {limited} group by {keys})"
        repeated, rows = self._fetch(query)
        return int(str(repeated)), int(str(rows))
