"""SQL that people write into contracts: one SELECT over the contract's own table and the tables it declares, nothing else.

The text is checked twice when the contract is loaded: by sqlglot, which also rewrites the table names, and then, as
rewritten, by DuckDB's own parser, so no difference between the two parsers is a way out. What is executed is the rewritten
text, never the original. `restrict_access` closes the engine itself as a third wall.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headgate.contract.literals import quote_name, quote_text

_TABLE_WORDS = ("table", "object", "model", "schema")
_COLUMN_WORDS = ("column", "property", "field")
_PLACEHOLDER = re.compile(r"[\"'`]?\$?\{(%s)\}[\"'`]?" % "|".join(_TABLE_WORDS + _COLUMN_WORDS))
_TOKEN = re.compile(r'"@([a-z0-9_.]+)"')
_OWN = "table"

# Functions that look outside the query: settings, variables, environment, sequences, logs, other queries.
_FORBIDDEN_FUNCTIONS = frozenset(
    "getenv current_setting set_config getvariable nextval currval write_log query query_table error "
    "current_query current_connection_id current_transaction_id txid_current in_search_path "
    "add_parquet_key pg_read_file http_get http_post shell_exec".split()
)
_FORBIDDEN_NODES = (
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Copy,
    exp.Attach,
    exp.Detach,
    exp.Pragma,
    exp.Set,
    exp.Into,
    exp.Lateral,
    exp.Unnest,
    exp.Placeholder,
    exp.Parameter,
    exp.TableSample,
)


class UnsafeQuery(ValueError):
    """A contract's SQL does more than read what it may; the message says what."""


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
    names = {table: _OWN, f"{team}.{table}": _OWN}
    names |= {name: name for name in foreign}
    names |= {name.removeprefix(f"{team}."): name for name in foreign if name.startswith(f"{team}.")}
    own_aliases = _rewrite_tables(tree, names)
    mentioned = {c.name for c in tree.find_all(exp.Column) if not c.table or c.table in own_aliases}
    violation = _find_violation(tree)
    if violation is not None and (unknown := mentioned - set(columns)):
        raise UnsafeQuery(f"{table} has no column {', '.join(sorted(unknown))}")
    text = tree.sql(dialect="duckdb")
    _check_with_engine(text, columns, foreign)
    return SafeQuery(text, tuple(name for name in columns if name in mentioned), violation)


def bind_query(text: str, relation: str, tables: Mapping[str, str]) -> str:
    """A checked query with the audited relation and the other tables put in.

    Args:
        text: the text of a `SafeQuery`.
        relation: what stands after FROM: a qualified name or a SELECT in parentheses.
        tables: `team.table` → qualified name.
    """
    return _TOKEN.sub(lambda match: relation if match[1] == _OWN else tables[match[1]], text)


def tables_of(text: str) -> list[str]:
    """The other tables, as `team.table`, that a checked query reads."""
    return sorted({name for name in _TOKEN.findall(text) if name != _OWN})


def restrict_access(connection: duckdb.DuckDBPyConnection, folders: Sequence[str]) -> None:
    """Closes an engine to every file and address but some folders, for good: it cannot be opened again.

    Attach everything first. Afterwards `read_text('/etc/passwd')`, COPY, ATTACH and INSTALL outside the folders are refused.

    Args:
        connection: its whole database instance is restricted.
        folders: folders or object-store prefixes that stay readable and writable, such as the lake's own.
    """
    allowed = ", ".join(quote_text(folder if folder.endswith("/") else f"{folder}/") for folder in folders)
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _fill_placeholders(query: str, table: str, column: str | None) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1] in _TABLE_WORDS:
            return quote_name(table)
        if column is None:
            raise UnsafeQuery(f"{{{match[1]}}} has no meaning in a rule of the table: put the rule under its property")
        return quote_name(column)

    return _PLACEHOLDER.sub(fill, query)


def _parse(query: str) -> exp.Expression:
    try:
        statements = [tree for tree in sqlglot.parse(query, dialect="duckdb") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        details = getattr(error, "errors", None)
        reason = details[0]["description"] if details else "it cannot be read"
        raise UnsafeQuery(f"the SQL does not parse: {reason}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise UnsafeQuery("the SQL is not one SELECT statement")
    return statements[0]


def _refuse_nodes(tree: exp.Expression) -> None:
    for node in tree.walk():
        if isinstance(node, _FORBIDDEN_NODES):
            raise UnsafeQuery(f"the SQL uses {node.key.upper()}, and a contract's SQL only selects")
        if isinstance(node, exp.With) and (node.parent is not tree or node.args.get("recursive")):
            raise UnsafeQuery("WITH stands only at the beginning of a contract's SQL, and never RECURSIVE")
        if isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if name in _FORBIDDEN_FUNCTIONS or name.startswith(("read_", "pg_", "duckdb_", "pragma_")):
                raise UnsafeQuery(f"the SQL calls {name}, which reaches outside its tables")


def _rewrite_tables(tree: exp.Expression, names: Mapping[str, str]) -> set[str]:
    """Replaces every table by its token; returns the names under which the own table's columns can be qualified."""
    ctes = {cte.alias: position for position, cte in enumerate(tree.ctes)}
    own_aliases: set[str] = set()
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            raise UnsafeQuery(f"the SQL reads from {table.sql(dialect='duckdb')}: table functions are not allowed")
        name = ".".join(part.name for part in table.parts)
        enclosing = table.find_ancestor(exp.CTE)
        visible = ctes.get(enclosing.alias, 0) if enclosing is not None else len(ctes)
        if ctes.get(name, visible) < visible:
            continue
        if name not in names:
            known = ", ".join(sorted(name for name in names if "." in name))
            raise UnsafeQuery(f"the SQL reads {name}, and may read only {known}; declare a foreign key to read another")
        alias = table.alias or table.name
        if names[name] == _OWN:
            own_aliases.add(alias)
        replacement = exp.to_table(f'"@{names[name]}"', dialect="duckdb")
        replacement.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        for part in ("joins", "pivots", "laterals"):
            if table.args.get(part):
                replacement.set(part, table.args[part])
        table.replace(replacement)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    if shadowed := set(ctes) & {name for name in names if "." not in name}:
        raise UnsafeQuery(f"WITH names {', '.join(sorted(shadowed))}, which is a table")
    return own_aliases


def _find_violation(tree: exp.Expression) -> str | None:
    """P of `select count(*) from table where P`; None for any other shape."""
    if not isinstance(tree, exp.Select):
        return None
    present = {name for name, value in tree.args.items() if value}
    if present != {"expressions", "from_", "where"} and present != {"expressions", "from", "where"}:
        return None
    source = (tree.args.get("from_") or tree.args["from"]).this
    counted = [expression.unalias() for expression in tree.expressions]
    is_count = len(counted) == 1 and isinstance(counted[0], exp.Count) and isinstance(counted[0].this, exp.Star)
    if not is_count or not isinstance(source, exp.Table) or source.name != f"@{_OWN}" or source.args.get("joins"):
        return None
    predicate = tree.args["where"].this
    if predicate.find(exp.Query, exp.AggFunc, exp.Window) is not None:
        return None
    predicate = predicate.copy()
    for column in predicate.find_all(exp.Column):
        column.set("table", None)
    return predicate.sql(dialect="duckdb")


def _check_with_engine(text: str, columns: Mapping[str, str], foreign: Collection[str]) -> None:
    """DuckDB's own parser and, where only the own table is read, its binder look at the rewritten text."""
    with duckdb.connect(config={"enable_external_access": "false", "autoload_known_extensions": "false"}) as engine:
        row = engine.execute("select json_serialize_sql(?)", [text]).fetchone()
        serialized = json.loads(row[0]) if row else {"error": True}
        if serialized.get("error"):
            raise UnsafeQuery(f"the SQL does not parse: {serialized.get('error_message', 'it cannot be read')}")
        ctes = {entry["key"] for entry in _find(serialized, "cte_map") for entry in entry.get("map", [])}
        for node in _find_nodes(serialized):
            if node.get("type") == "TABLE_FUNCTION":
                raise UnsafeQuery("the SQL reads from a table function")
            if node.get("type") == "BASE_TABLE":
                name = node["table_name"]
                qualified = node.get("catalog_name") or node.get("schema_name")
                if qualified or not (name in ctes or name == f"@{_OWN}" or name.removeprefix("@") in foreign):
                    raise UnsafeQuery(f"the SQL reads {name}")
        if not any(f'"@{name}"' in text for name in foreign):
            definitions = ", ".join(f"{quote_name(name)} {kind}" for name, kind in columns.items())
            engine.execute(f'create table "@{_OWN}" ({definitions})')
            try:
                engine.execute(f"explain {text}")
            except duckdb.Error as error:
                raise UnsafeQuery(f"the SQL is refused by the engine: {str(error).splitlines()[0]}") from None


def _find_nodes(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [value, *(node for child in value.values() for node in _find_nodes(child))]
    if isinstance(value, list):
        return [node for child in value for node in _find_nodes(child)]
    return []


def _find(value: object, key: str) -> list[dict[str, object]]:
    return [node[key] for node in _find_nodes(value) if isinstance(node.get(key), dict)]  # type: ignore[misc]
