"""Which rows break a rule: the second look that an audit takes at a rule that failed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headgate.contract.column_audit import unreadable
from headgate.contract.literals import quote_name
from headgate.contract.model import Contract, Rule

if TYPE_CHECKING:
    import duckdb

EXAMPLES = 5
HIDDEN = "***"
"""What stands in an example for a personal value: nothing of it."""

Resolve = Callable[[str], str]


def failing_rows_sql(
    rule: Rule, relation: str, *, contract: Contract, scope: str | None = None, resolve: Resolve | None = None
) -> str | None:
    """A SELECT of the whole rows that break a rule, in clear; None for a rule that no single row breaks.

    For the rule of kind `type` these are the rows with a value that the contract's type cannot take; the columns
    themselves must be there.

    Args:
        rule: one of the contract's rules.
        relation: what the rule is held against: a qualified name, or a SELECT in parentheses.
        contract: the contract.
        scope: SQL predicate that limits which rows are returned. Keys are still unique across the whole relation.
        resolve: `team.table` → qualified name. Without it the name stands for itself.
    """
    predicate = violation_sql(rule, relation, contract=contract, resolve=resolve, scope=scope)
    if predicate is None:
        return None
    limited = f"({scope}) and ({predicate})" if scope else predicate
    return f"select * from {relation} as _rows where {limited}"


def violation_sql(
    rule: Rule, relation: str, *, contract: Contract, resolve: Resolve | None = None, scope: str | None = None
) -> str | None:
    """The predicate over `relation as _rows` that is true for a row that breaks the rule; None where no row does.

    With the scope, a predicate over partitions, a foreign key that has the partition in it reads those partitions of the other
    table alone: its cost does not grow with the history.
    """
    if rule.violation is not None:
        return rule.violation
    if rule.kind == "type":
        return " or ".join(unreadable(column) for column in contract.columns)
    keys = [quote_name(name) for name in rule.columns]
    grouped = ", ".join(keys)
    present = " and ".join(f"{key} is not null" for key in keys)
    if rule.kind == "unique":
        repeated = f"select {grouped} from {relation} where {present} group by {grouped} having count(*) > 1"
        return f"{present} and ({grouped}) in ({repeated})"
    if rule.kind == "foreign_key" and rule.references is not None:
        table = rule.references.table
        target = relation if table == contract.qualified_table else (resolve or str)(table)
        targets = [quote_name(name) for name in rule.references.columns]
        known = " and ".join(f"{name} is not null" for name in targets)
        if scope and any(part in rule.columns for part in contract.partition_by):
            same = dict(zip(rule.columns, rule.references.columns, strict=True))
            if all(same.get(part) == part for part in contract.partition_by):
                known += f" and {scope}"
        return f"{present} and ({grouped}) not in (select {', '.join(targets)} from {target} where {known})"
    return None


def find_examples(
    connection: "duckdb.DuckDBPyConnection",
    rule: Rule,
    relation: str,
    *,
    contract: Contract,
    scope: str | None = None,
    resolve: Resolve | None = None,
) -> list[dict[str, object]]:
    """A few of the rows that break a rule: the primary key and the rule's columns, personal values hidden."""
    wanted = _select_examples(rule, relation, contract, scope, resolve)
    if wanted is None:
        return []
    names, query = wanted
    rows = connection.execute(f"{query} order by all limit {EXAMPLES}").fetchall()
    return [_hide(contract, names, values) for values in rows]


def find_examples_by(
    connection: "duckdb.DuckDBPyConnection",
    rule: Rule,
    relation: str,
    *,
    by: str,
    contract: Contract,
    scope: str | None = None,
    resolve: Resolve | None = None,
) -> dict[str, list[dict[str, object]]]:
    """As `find_examples`, a few for each value of a column, given quoted; by that value as text."""
    wanted = _select_examples(rule, relation, contract, scope, resolve, by=by)
    if wanted is None:
        return {}
    names, query = wanted
    order = ", ".join(quote_name(name) for name in names)
    numbered = f"select *, row_number() over (partition by _by order by {order}) as _number from ({query})"
    found: dict[str, list[dict[str, object]]] = {}
    for *values, value, _ in connection.execute(
        f"select * from ({numbered}) where _number <= {EXAMPLES} order by _by, _number"
    ).fetchall():
        found.setdefault(value, []).append(_hide(contract, names, values))
    return found


def _select_examples(
    rule: Rule, relation: str, contract: Contract, scope: str | None, resolve: Resolve | None, by: str = ""
) -> tuple[list[str], str] | None:
    """The names that an example shows, and the query of all of them, with `by` as `_by` at the end."""
    failing = failing_rows_sql(rule, relation, contract=contract, scope=scope, resolve=resolve)
    if failing is None:
        return None
    shown = list(rule.columns)
    if rule.kind != "unique":
        shown = [name for name in contract.primary_key if name not in shown] + shown
    names = ", ".join(quote_name(name) for name in shown)
    last = f", cast({by} as varchar) as _by" if by else ""
    if rule.kind == "unique":
        grouped = f"{names}, _by" if by else names
        return [*shown, "rows"], f"select {names}, count(*) as rows{last} from ({failing}) group by {grouped}"
    return shown, f"select {names}{last} from ({failing})"


def _hide(contract: Contract, names: list[str], values: Sequence[object]) -> dict[str, object]:
    personal = {column.name for column in contract.columns if column.masking != "none"}
    return {
        name: HIDDEN if name in personal and value is not None else value
        for name, value in zip(names, values, strict=True)
    }
