"""SQL that people write into contracts: one SELECT over the contract's own table and the tables it declares.

The text is checked twice when the contract is loaded: by sqlglot, which also rewrites the table names, and then, as
rewritten, by DuckDB itself (`engine_check`), so no difference between two parsers is a way out. What is executed is the
rewritten text, never the original. `queries.restrict_access` closes the engine itself as a third wall.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from headgate.contract.engine_check import UnsafeQuery, check_with_engine
from headgate.contract.literals import quote_name
from headgate.contract.queries import OWN_TABLE

_TABLE_WORDS = ("table", "object", "model", "schema")
_COLUMN_WORDS = ("column", "property", "field")
_PLACEHOLDER = re.compile(rf"[\"'`]?\$?\{{({'|'.join(_TABLE_WORDS + _COLUMN_WORDS)})\}}[\"'`]?")
_FIRST_TOKENS = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN)
_FORBIDDEN_NODES = (
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Copy,
    exp.Attach,
    exp.Detach,
    exp.Describe,
    exp.Summarize,
    exp.Pragma,
    exp.Set,
    exp.Use,
    exp.Into,
    exp.Lateral,
    exp.Unnest,
    exp.Explode,
    exp.Placeholder,
    exp.Parameter,
    exp.TableSample,
    exp.Pivot,
    exp.Version,
)


@dataclass(frozen=True)
class SafeQuery:
    """A checked query."""

    text: str
    """The query with `"@table"` for the audited relation and `"@team.table"` for another table."""
    columns: tuple[str, ...]
    """The own table's columns that it mentions, in the contract's order."""
    violation: str | None
    """The predicate, when the query only counts the own table's rows that meet it."""


def check_query(
    query: str, *, team: str, table: str, column: str | None, columns: Mapping[str, str], foreign: Collection[str]
) -> SafeQuery:
    """Checks and rewrites a contract's SQL.

    Args:
        query: the SQL, with the standard's placeholders `{table}` and `{column}`, also written `${table}`.
        team: the contract's team.
        table: its table.
        column: the column that the rule stands at, None for a rule of the table.
        columns: the table's columns with their DuckDB types.
        foreign: the other tables, as `team.table`, that the contract declares by a foreign key.

    Raises:
        UnsafeQuery: it does not parse, is not one SELECT, or reaches for anything else.
    """
    if '"@' in query:
        raise UnsafeQuery('the SQL holds "@, which no name of the lake does')
    tree = _parse(_fill_placeholders(query, table, column))
    _refuse_nodes(tree)
    names = {table: OWN_TABLE, f"{team}.{table}": OWN_TABLE}
    names |= {name: f"@{name}" for name in foreign}
    names |= {name.removeprefix(f"{team}."): f"@{name}" for name in foreign if name.startswith(f"{team}.")}
    own_aliases = _rewrite_tables(tree, names)
    mentioned = {c.name.lower() for c in tree.find_all(exp.Column) if not c.table or c.table.lower() in own_aliases}
    text = tree.sql(dialect="duckdb")
    check_with_engine(text, columns, own_table=OWN_TABLE, foreign=[f"@{name}" for name in foreign])
    return SafeQuery(text, tuple(name for name in columns if name in mentioned), _find_violation(tree, own_aliases))


def _fill_placeholders(query: str, table: str, column: str | None) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1] in _TABLE_WORDS:
            return quote_name(table)
        if column is None:
            raise UnsafeQuery(f"{{{match[1]}}} means nothing in a rule of the table: put the rule under its property")
        return quote_name(column)

    return _PLACEHOLDER.sub(fill, query)


def _parse(query: str) -> exp.Query:
    try:
        first = next(iter(sqlglot.tokenize(query, dialect="duckdb")), None)
        if first is None or first.token_type not in _FIRST_TOKENS:
            raise UnsafeQuery("the SQL is not one SELECT statement")
        statements = [tree for tree in sqlglot.parse(query, dialect="duckdb") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        details = getattr(error, "errors", None)
        reason = f"{details[0]['description']} near {details[0]['highlight']!r}" if details else "it cannot be read"
        raise UnsafeQuery(f"the SQL does not parse: {reason}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UnsafeQuery("the SQL is not one SELECT statement")
    selected = statements[0].selects
    if len(selected) != 1 or selected[0].is_star:
        raise UnsafeQuery("the SQL returns more than one column, and a rule compares one value")
    return statements[0]


def _refuse_nodes(tree: exp.Query) -> None:
    for node in tree.walk():
        if isinstance(node, _FORBIDDEN_NODES):
            raise UnsafeQuery(f"the SQL uses {node.key.upper()}, and a contract's SQL only selects")
        if isinstance(node, exp.With) and (node.parent is not tree or node.args.get("recursive")):
            raise UnsafeQuery("WITH stands only at the beginning of a contract's SQL, and never RECURSIVE")


def _rewrite_tables(tree: exp.Query, names: Mapping[str, str]) -> set[str]:
    """Replaces every table by its token; returns the names by which the own table's columns can be qualified.

    A WITH entry is visible in the entries after it and in the query itself, nowhere else.
    """
    entries = {entry.alias.lower(): position for position, entry in enumerate(_entries_of(tree))}
    if hidden := sorted(set(entries) & {name for name in names if "." not in name}):
        raise UnsafeQuery(f"WITH hides the table {hidden[0]}: give the entry another name")
    own_aliases: set[str] = set()
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            raise UnsafeQuery(f"the SQL reads from {table.sql(dialect='duckdb')}: table functions are not allowed")
        name = ".".join(part.name for part in table.parts).lower()
        enclosing = table.find_ancestor(exp.CTE)
        visible = entries[enclosing.alias.lower()] if enclosing is not None else len(entries)
        if entries.get(name, visible) < visible:
            continue
        if name not in names:
            known = ", ".join(sorted(name for name in names if "." in name))
            raise UnsafeQuery(f"the SQL reads {name}, and may read only {known}; a foreign key declares another table")
        alias = (table.alias or table.name).lower()
        if names[name] == OWN_TABLE:
            own_aliases.add(alias)
        table.set("this", exp.to_identifier(names[name], quoted=True))
        table.set("db", None)
        table.set("catalog", None)
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    return own_aliases


def _entries_of(tree: exp.Query) -> list[exp.CTE]:
    with_ = tree.args.get("with_") or tree.args.get("with")
    return list(with_.expressions) if with_ is not None else []


def _find_violation(tree: exp.Query, own_aliases: Collection[str]) -> str | None:
    """P of `select count(*) from table where P`; None for a query of any other shape."""
    if not isinstance(tree, exp.Select):
        return None
    parts = {name.rstrip("_"): value for name, value in tree.args.items() if value}
    if set(parts) != {"expressions", "from", "where"} or len(parts["expressions"]) != 1:
        return None
    counted = parts["expressions"][0].unalias()
    source = parts["from"].this
    predicate = parts["where"].this
    if not (isinstance(counted, exp.Count) and isinstance(counted.this, exp.Star)):
        return None
    if not isinstance(source, exp.Table) or source.name != OWN_TABLE or source.args.get("joins"):
        return None
    if predicate.find(exp.Query, exp.AggFunc, exp.Window) is not None:
        return None
    predicate = predicate.copy()
    for column in predicate.find_all(exp.Column):
        if column.table and column.table.lower() not in own_aliases:
            return None
        column.set("table", None)
    return str(predicate.sql(dialect="duckdb"))
