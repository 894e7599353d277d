"""The rules a contract states under `quality`: the standard's metrics, and SQL of its own."""

import re
from collections.abc import Collection, Sequence

from headgate.contract.column_rules import violate_pattern, violate_values
from headgate.contract.document import Quality
from headgate.contract.engine_check import UnsafeQuery
from headgate.contract.limits import read_limits
from headgate.contract.literals import quote_name
from headgate.contract.model import NO_ROW, Column, Rule, RuleKind, Threshold
from headgate.contract.rulebook import RuleBook
from headgate.contract.source import KeyPath
from headgate.contract.thresholds import read_threshold

_RULE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ARGUMENTS = {
    "missingValues": {"missingValues"},
    "invalidValues": {"validValues", "pattern"},
    "duplicateValues": {"properties"},
}


def add_quality_rules(
    book: RuleBook,
    qualities: Sequence[Quality],
    column: Column | None,
    path: KeyPath,
    *,
    foreign: Collection[str],
) -> None:
    """Adds the quality rules of a property, or with `column` None of the table. Those of type `text` are for people.

    Args:
        book: where they go.
        qualities: the list as written.
        column: the property's column.
        path: the property or the table in the document.
        foreign: the other tables that SQL may read, as `team.table`.

    Raises:
        ContractError: a metric where it has no meaning, arguments it does not take, no operator, unsafe SQL, …
    """
    for index, quality in enumerate(qualities):
        where = (*path, "quality", index)
        if quality.name is not None and not _RULE_NAME.fullmatch(quality.name):
            what = f"{quality.name!r} is not the name of a rule"
            raise book.source.error(what, "use lower-case letters, digits and _", (*where, "name"))
        if quality.type == "sql":
            _add_sql(book, quality, column, where, foreign)
        elif quality.type == "library":
            _add_metric(book, quality, column, where)


def _add_metric(book: RuleBook, quality: Quality, column: Column | None, path: KeyPath) -> None:
    metric = quality.metric
    if metric is None:
        next_step = "name a metric such as nullValues, or set type: sql and write a query"
        raise book.source.error("the rule has no metric", next_step, path)
    if quality.query is not None:
        raise book.source.error("a rule of type library has no query", "remove it, or set type: sql", (*path, "query"))
    _refuse_arguments(book, quality, path)
    threshold = read_threshold(quality, book.source, path)
    if metric == "duplicateValues":
        columns = _read_key(book, quality, column, path)
        words = f"Repeated values of {', '.join(columns)}: {threshold}"
        _add(book, quality, "__".join([*columns, "unique"]), "unique", columns, threshold, words, path)
    elif metric == "rowCount":
        if column is not None:
            raise book.source.error("rowCount belongs to the table", "put it under the table's quality", path)
        _add(book, quality, "row_count", "row_count", (), threshold, f"Number of rows: {threshold}", path)
    else:
        if column is None:
            raise book.source.error(f"{metric} belongs to a property", "put it under a property's quality", path)
        _add_count(book, quality, column, threshold, path)


def _add_count(book: RuleBook, quality: Quality, column: Column, threshold: Threshold, path: KeyPath) -> None:
    """A rule that counts the rows where a column is null, missing or invalid."""
    name = quote_name(column.name)
    arguments = quality.arguments
    kind: RuleKind = "not_null"
    allowed: tuple[object, ...] = ()
    suffix = "null_values"
    violation = f"{name} is null"
    if quality.metric == "missingValues":
        suffix = "missing_values"
        written = arguments.missingValues or [] if arguments else []
        where = (*path, "arguments", "missingValues")
        values = [
            book.write(value, column, (*where, index)) for index, value in enumerate(written) if value is not None
        ]
        violation += f" or {name} in ({', '.join(values)})" if values else ""
    elif quality.metric == "invalidValues":
        parts = []
        if arguments is not None and arguments.validValues is not None:
            kind = "allowed_values"
            where = (*path, "arguments", "validValues")
            predicate, allowed = violate_values(book, column, arguments.validValues, where)
            parts.append(predicate)
        if arguments is not None and arguments.pattern is not None:
            kind = "allowed_values" if parts else "pattern"
            parts.append(violate_pattern(book, column, arguments.pattern, (*path, "arguments", "pattern")))
        if not parts:
            what = "invalidValues says nothing of what is valid"
            raise book.source.error(what, "add arguments: validValues or pattern", path)
        violation = " or ".join(parts)
        suffix = kind
    words = f"Rows with {suffix.replace('_', ' ')} of {column.name}: {threshold}"
    if suffix in ("allowed_values", "pattern"):
        words = f"Rows with another value of {column.name} than allowed: {threshold}"
    rule_name = f"{column.name}__{suffix}"
    _add(book, quality, rule_name, kind, (column.name,), threshold, words, path, violation=violation, allowed=allowed)


def _read_key(book: RuleBook, quality: Quality, column: Column | None, path: KeyPath) -> tuple[str, ...]:
    listed = quality.arguments.properties if quality.arguments else None
    if (column is None) == (listed is None):
        raise book.source.error(
            "duplicateValues needs one column, or under the table a list of columns",
            "put it under a property, or under the table with arguments: properties",
            path,
        )
    columns = (column.name,) if column is not None else tuple(listed or ())
    book.require_columns(columns, (*path, "arguments", "properties"))
    return columns


def _refuse_arguments(book: RuleBook, quality: Quality, path: KeyPath) -> None:
    allowed = _ARGUMENTS.get(quality.metric or "", set())
    given = quality.arguments.model_fields_set if quality.arguments else set()
    for unknown in sorted(given - allowed):
        next_step = f"use {' or '.join(sorted(allowed))}" if allowed else "remove it"
        raise book.source.error(f"{quality.metric} has no argument {unknown}", next_step, (*path, "arguments", unknown))


def _add_sql(book: RuleBook, quality: Quality, column: Column | None, path: KeyPath, foreign: Collection[str]) -> None:
    # Late: most contracts carry no SQL, and a parser is 10 MB in each code server.
    from headgate.contract.sandbox import check_query

    if quality.query is None or quality.metric is not None or quality.arguments is not None:
        what = "a rule of type sql has a query, and neither metric nor arguments"
        raise book.source.error(what, "mend the rule", path)
    if quality.name is None:
        next_step = "name it: its results are kept under the name"
        raise book.source.error("a rule of type sql has no name", next_step, path)
    threshold = read_threshold(quality, book.source, path)
    try:
        safe = check_query(
            quality.query,
            team=book.team,
            table=book.table.name,
            column=column.name if column else None,
            columns={name: known.sql_type for name, known in book.columns.items()},
            foreign=foreign,
        )
    except UnsafeQuery as error:
        raise book.source.error(
            f"rule {quality.name}: {error}",
            "write one SELECT over {table} that returns one value",
            (*path, "query"),
        ) from None
    # Only where fewer is better are the counted rows the bad ones.
    is_row_rule = safe.violation is not None and (threshold == NO_ROW or threshold.operator in ("<", "<="))
    rule = Rule(
        name=quality.name,
        kind="sql",
        columns=safe.columns,
        severity=quality.severity,
        description=quality.description or f"{' '.join(quality.query.split())}: {threshold}",
        threshold=threshold,
        violation=safe.violation if is_row_rule else None,
        query=None if is_row_rule else safe.text,
    )
    book.add(read_limits(rule, quality, book.source, path), path)


def _add(
    book: RuleBook,
    quality: Quality,
    name: str,
    kind: RuleKind,
    columns: tuple[str, ...],
    threshold: Threshold,
    words: str,
    path: KeyPath,
    *,
    violation: str | None = None,
    allowed: tuple[object, ...] = (),
) -> None:
    rule = Rule(
        name=quality.name or name,
        kind=kind,
        columns=columns,
        severity=quality.severity,
        description=quality.description or words,
        threshold=threshold,
        violation=violation,
        allowed_values=allowed,
    )
    book.add(read_limits(rule, quality, book.source, path), path)
