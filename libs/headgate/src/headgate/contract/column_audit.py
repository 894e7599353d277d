"""The rule about the columns themselves: none missing, none extra, each of a type that fits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headgate.contract.literals import quote_name
from headgate.contract.model import Column, Contract
from headgate.contract.sql_types import explain_mismatch, fits, may_overflow

if TYPE_CHECKING:
    import duckdb

Problem = dict[str, object]


def find_column_problems(contract: Contract, described: Mapping[str, str]) -> list[Problem]:
    """One entry, with `column` and `problem` in words, for every column that is not as the contract says.

    Args:
        contract: the contract.
        described: column → DuckDB type. Names are compared as DuckDB does, without regard to case.
    """
    actual = {name.lower(): kind for name, kind in described.items()}
    problems: list[Problem] = []
    for column in contract.columns:
        kind = actual.pop(column.name, None)
        if kind is None:
            problems.append({"column": column.name, "problem": f"column {column.name} ({column.sql_type}) is missing"})
        elif not fits(kind, column.sql_type):
            words = f"column {column.name} {explain_mismatch(kind, column.sql_type)}"
            problems.append({"column": column.name, "problem": words})
    for name in actual:
        words = f"column {name} is not in the contract: add it there, or leave it out"
        problems.append({"column": name, "problem": words})
    return problems


def count_unreadable(
    connection: "duckdb.DuckDBPyConnection",
    contract: Contract,
    described: Mapping[str, str],
    relation: str,
    scope: str | None,
) -> tuple[int, dict[str, int]]:
    """Counts the values that the contract's types cannot take: unreadable ones, numbers out of range.

    Args:
        connection: an open connection.
        contract: the contract.
        described: column in lower case → DuckDB type.
        relation: a qualified name, or a SELECT in parentheses.
        scope: SQL predicate of the rows to look at.

    Returns:
        The rows that hold such a value, and the values by column, of the columns that may hold one. Where every type is
        wide enough no row is looked at.
    """
    doubtful = [
        column
        for column in contract.columns
        if column.name in described
        and (not fits(described[column.name], column.sql_type) or may_overflow(described[column.name], column.sql_type))
    ]
    if not doubtful:
        return 0, {}
    predicates = [unreadable(column) for column in doubtful]
    counts = ", ".join(f"count(*) filter (where {predicate})" for predicate in [" or ".join(predicates), *predicates])
    where = f" where {scope}" if scope else ""
    row = connection.execute(f"select {counts} from {relation} as _rows{where}").fetchone()
    assert row is not None
    return int(row[0]), {column.name: int(count) for column, count in zip(doubtful, row[1:], strict=True)}


def describe_problems(
    contract: Contract, described: Mapping[str, str], unreadable_values: Mapping[str, int]
) -> list[Problem]:
    """The problems of `find_column_problems`, with the counts of `count_unreadable` in their words."""
    problems = find_column_problems(contract, described)
    for problem in problems:
        if count := unreadable_values.get(str(problem["column"])):
            problem["problem"] = f"{problem['problem']}; {count:,} values cannot be cast"
    known = {problem["column"] for problem in problems}
    for name, count in unreadable_values.items():
        if count and name not in known:
            words = f"column {name}: {count:,} values are out of the range of {contract.column(name).sql_type}"
            problems.append({"column": name, "problem": words})
    return problems


def unreadable(column: Column) -> str:
    """The predicate of a value that the contract's type cannot take, whatever type it has now."""
    name = quote_name(column.name)
    return f"({name} is not null and try_cast({name} as {column.sql_type}) is null)"
