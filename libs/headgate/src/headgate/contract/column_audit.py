"""The rule about the columns themselves: none missing, none extra, each of a type that fits."""

from collections.abc import Mapping, Sequence

import duckdb

from headgate.contract.literals import quote_name
from headgate.contract.model import Contract
from headgate.contract.sql_types import explain_mismatch, fits

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
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    described: Mapping[str, str],
    relation: str,
    scope: str | None,
    problems: Sequence[Problem],
) -> tuple[int, list[Problem]]:
    """Counts the values of wrongly typed columns that cannot even be cast to the contract's type.

    Returns:
        The rows that hold such a value, and the problems with the count of each column added to its words.
    """
    predicates = {
        column.name: f"{quote_name(column.name)} is not null and "
        f"try_cast({quote_name(column.name)} as {column.sql_type}) is null"
        for column in contract.columns
        if column.name in described and not fits(described[column.name], column.sql_type)
    }
    if not predicates:
        return 0, list(problems)
    counts = ", ".join(f"count(*) filter (where {predicate})" for predicate in predicates.values())
    any_of_them = " or ".join(f"({predicate})" for predicate in predicates.values())
    where = f" where {scope}" if scope else ""
    row = connection.execute(
        f"select count(*) filter (where {any_of_them}), {counts} from {relation} as _rows{where}"
    ).fetchone()
    assert row is not None
    unreadable = dict(zip(predicates, row[1:], strict=True))
    worded = [
        problem | {"problem": f"{problem['problem']}; {unreadable[str(problem['column'])]:,} values cannot be cast"}
        if problem["column"] in unreadable
        else problem
        for problem in problems
    ]
    return int(row[0]), worded
