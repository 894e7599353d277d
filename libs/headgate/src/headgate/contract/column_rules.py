"""The rules a property states by its own keys: required, unique, logicalTypeOptions, enum."""

from collections.abc import Sequence

from headgate.contract.document import Property, TypeOptions
from headgate.contract.engine_check import open_engine
from headgate.contract.literals import quote_name, quote_text, write_literal
from headgate.contract.model import Bounds, Column, Rule, RuleKind
from headgate.contract.rulebook import RuleBook
from headgate.contract.source import KeyPath

_RANGED = ("integer", "number", "date", "timestamp", "time")
_RANGE_KEYS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def add_column_rules(book: RuleBook, declared: Property, path: KeyPath) -> None:
    """Adds what a property promises by itself, in a fixed order.

    Raises:
        ContractError: bounds that contradict each other or the type, an unknown regular expression, no allowed value.
    """
    column = book.columns[declared.name]
    name = quote_name(column.name)
    if column.required:
        _add(book, column, "not_null", f"{name} is null", f"{column.name} is never null", path)
    if column.unique:
        book.add_unique((column.name,), column.name, path)
    options = declared.logicalTypeOptions
    _add_range(book, column, options, (*path, "logicalTypeOptions"))
    _add_length(book, column, options, (*path, "logicalTypeOptions"))
    if options.pattern is not None:
        where = (*path, "logicalTypeOptions", "pattern")
        words = f"{column.name} matches {options.pattern}"
        _add(book, column, "pattern", violate_pattern(book, column, options.pattern, where), words, where)
    if declared.enum is not None:
        values = [entry.value for entry in declared.enum]
        violation, allowed = violate_values(book, column, values, (*path, "enum"))
        words = f"{column.name} is one of {', '.join(map(str, values))}"
        _add(book, column, "allowed_values", violation, words, (*path, "enum"), allowed=allowed)


def violate_pattern(book: RuleBook, column: Column, pattern: str, path: KeyPath) -> str:
    """The predicate of a text in which an expression is found nowhere; patterns of the standard are not anchored."""
    import duckdb  # late: only a pattern needs the engine when a contract is loaded

    text = _write_text(book, column, "pattern", path)
    with open_engine() as engine:
        try:
            engine.execute("select regexp_matches('', ?, 's')", [pattern])
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].partition(": ")[2]
            raise book.source.error(
                f"{pattern} is not a regular expression of DuckDB (RE2): {reason}",
                "mend it; look-around and back-references do not exist there",
                path,
            ) from None
    return f"not regexp_matches({text}, {quote_text(pattern)}, 's')"


def violate_values(
    book: RuleBook, column: Column, values: Sequence[object], path: KeyPath
) -> tuple[str, tuple[object, ...]]:
    """The predicate of a value outside a list, and the list as values of the column."""
    if not values:
        raise book.source.error("no value is allowed", "list at least one", path)
    allowed = [book.read_value(value, column, (*path, index)) for index, value in enumerate(values)]
    return f"{quote_name(column.name)} not in ({', '.join(map(write_literal, allowed))})", tuple(allowed)


def _add_range(book: RuleBook, column: Column, options: TypeOptions, path: KeyPath) -> None:
    given = {key: value for key in _RANGE_KEYS if (value := getattr(options, key)) is not None}
    if not given:
        return
    first = next(iter(given))
    if column.logical_type not in _RANGED:
        next_step = "remove it, or use minLength, maxLength or pattern"
        raise book.source.error(f"{first} has no meaning for a {column.logical_type}", next_step, (*path, first))
    for one, other in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if one in given and other in given:
            raise book.source.error(f"both {one} and {other} are given", "keep one", (*path, other))
    values = {key: book.read_value(value, column, (*path, key)) for key, value in given.items()}
    bounds = Bounds(
        lower=values.get("minimum", values.get("exclusiveMinimum")),
        upper=values.get("maximum", values.get("exclusiveMaximum")),
        excludes_lower="exclusiveMinimum" in values,
        excludes_upper="exclusiveMaximum" in values,
    )
    described = " and ".join(f"{key} {value}" for key, value in given.items())
    if bounds.is_empty:
        raise book.source.error(
            f"{described} contradict each other: no value fits", "mend one of the bounds", (*path, list(given)[-1])
        )
    name = quote_name(column.name)
    signs = {"minimum": "<", "exclusiveMinimum": "<=", "maximum": ">", "exclusiveMaximum": ">="}
    violations = [f"{name} {signs[key]} {write_literal(value)}" for key, value in values.items()]
    if column.sql_type in ("FLOAT", "DOUBLE"):
        # DuckDB holds NaN above every number, so it would pass a minimum.
        violations.append(f"isnan({name})")
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    described = " and ".join(f"{words[key]} {value}" for key, value in given.items())
    _add(book, column, "range", " or ".join(violations), f"{column.name} is {described}", path, bounds=bounds)


def _add_length(book: RuleBook, column: Column, options: TypeOptions, path: KeyPath) -> None:
    bounds = Bounds(lower=options.minLength, upper=options.maxLength)
    if bounds == Bounds():
        return
    key = "maxLength" if bounds.lower is None else "minLength"
    text = _write_text(book, column, key, (*path, key))
    if bounds.is_empty:
        what = f"minLength {bounds.lower} and maxLength {bounds.upper} contradict each other: no text fits"
        raise book.source.error(what, "mend one of the bounds", (*path, "maxLength"))
    limits = [
        (f"length({text}) < {bounds.lower}", f"at least {bounds.lower}", bounds.lower),
        (f"length({text}) > {bounds.upper}", f"at most {bounds.upper}", bounds.upper),
    ]
    violation = " or ".join(predicate for predicate, _, limit in limits if limit is not None)
    described = " and ".join(words for _, words, limit in limits if limit is not None)
    _add(book, column, "length", violation, f"{column.name} has {described} characters", path, bounds=bounds)


def _write_text(book: RuleBook, column: Column, key: str, path: KeyPath) -> str:
    if column.logical_type != "string":
        what = f"{key} has no meaning for a {column.logical_type}"
        raise book.source.error(what, "remove it, or make the column a string", path)
    name = quote_name(column.name)
    return name if column.sql_type == "VARCHAR" else f"cast({name} as varchar)"


def _add(
    book: RuleBook,
    column: Column,
    kind: RuleKind,
    violation: str,
    words: str,
    path: KeyPath,
    *,
    bounds: Bounds | None = None,
    allowed: tuple[object, ...] = (),
) -> None:
    rule = Rule(
        name=f"{column.name}__{kind}",
        kind=kind,
        columns=(column.name,),
        violation=violation,
        description=words,
        bounds=bounds,
        allowed_values=allowed,
    )
    book.add(rule, path)
