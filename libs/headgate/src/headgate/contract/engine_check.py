"""What DuckDB's own parser and binder say about a contract's SQL. Only what is known to be harmless passes.

Knows nothing of contracts: it is given the SQL, the columns and the names that may be read.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from headgate.contract.literals import quote_name

if TYPE_CHECKING:
    import duckdb

_HARMLESS_NODES = re.compile(
    r"(SELECT|SET_OPERATION|CTE)_NODE|BASE_TABLE|SUBQUERY|JOIN|EMPTY|EXPRESSION_LIST|STAR|COLUMN_REF|LAMBDA|LAMBDA_REF"
    r"|FUNCTION|CASE|CASE_EXPR|COLLATE|CAST|INVALID|COMPARISON|CONJUNCTION|BETWEEN|CLASS"
    r"|(VALUE|OPERATOR|COMPARE|CONJUNCTION|WINDOW|ARRAY|STRUCT|ORDER|LIMIT|DISTINCT|GROUPING)(_\w+)?|\w+_TYPE_INFO"
)
# Functions that look outside the query (settings, variables, sequences, logs, the session), wait, raise at will, or
# answer differently each time.
_FORBIDDEN_FUNCTIONS = re.compile(
    r"current_(setting|query\w*|connection_id|transaction_id|database|catalog|schemas?|user|role)|session_user|user"
    r"|getenv|getvariable|nextval|currval|write_log|parse_duckdb_log_message|error|sleep_ms|stats|txid_current|version"
    r"|in_search_path|random|setseed|uuid|uuidv\d|gen_random_uuid|json_execute_\w+|json_(de)?serialize_\w+"
    r"|inet_\w+|has_\w+_privilege|(col|obj|shobj)_description|pg_\w+|__internal\w*|get_block_size|cast_to_type"
)


class UnsafeQuery(ValueError):
    """A contract's SQL does more than read what it may; the message says what."""


def check_with_engine(text: str, columns: Mapping[str, str], *, own_table: str, foreign: Collection[str]) -> None:
    """Checks a query as DuckDB understands it.

    Args:
        text: the query, its tables named as in `own_table` and `foreign`.
        columns: the own table's columns with their types.
        own_table: the name under which the query reads the own table.
        foreign: the names of the other tables it may read.

    Raises:
        UnsafeQuery: DuckDB reads it as anything but a harmless SELECT over these tables, or cannot plan it.
    """
    import duckdb  # late: most contracts carry no SQL, and a code server only loads them

    with open_engine() as engine:
        answer = engine.execute("select json_serialize_sql(?)", [text]).fetchone()
        tree = json.loads(answer[0]) if answer else {"error": True}
        if tree.get("error"):
            raise UnsafeQuery(f"the SQL does not parse: {tree.get('error_message', 'it cannot be read')}")
        _refuse_nodes(tree, {own_table, *foreign})
        if any(quote_name(name) in text for name in foreign):
            return  # its columns are known only to the other team's contract: the audit binds it
        definitions = ", ".join(f"{quote_name(name)} {kind}" for name, kind in columns.items())
        engine.execute("begin transaction")
        try:
            engine.execute(f"create table {quote_name(own_table)} ({definitions})")
            engine.execute(f"explain select ({text})")
        except duckdb.Error as error:
            reason = str(error).strip().splitlines()[0].replace(own_table, "table")
            raise UnsafeQuery(f"the engine refuses the SQL: {reason}") from None
        finally:
            engine.execute("rollback")


def open_engine() -> "duckdb.DuckDBPyConnection":
    """A cursor on an engine without data, files or network: it tells how the lake will read a piece of SQL."""
    return _shared_engine().cursor()


@cache
def _shared_engine() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect(
        config={"enable_external_access": "false", "autoload_known_extensions": "false", "threads": "1"}
    )


@cache
def _known_functions() -> frozenset[str]:
    """The scalar and aggregate functions of a plain DuckDB; not those of an extension, nor a macro somebody made."""
    with open_engine() as engine:
        rows = engine.execute(
            "select distinct lower(function_name) from duckdb_functions() "
            "where function_type in ('scalar', 'aggregate', 'macro') and internal"
        ).fetchall()
    return frozenset(name for (name,) in rows)


def _refuse_nodes(tree: object, tables: Collection[str]) -> None:
    nodes = list(_walk(tree))
    entries = {entry["key"].lower() for node in nodes for entry in _entries_of(node)}
    for node in nodes:
        kind = node.get("type")
        if kind == "BASE_TABLE":
            name = str(node.get("table_name"))
            is_qualified = node.get("catalog_name") or node.get("schema_name")
            if is_qualified or node.get("at_clause") or not (name in tables or name.lower() in entries):
                raise UnsafeQuery(f"the SQL reads {name}, which it may not")
        elif isinstance(kind, str) and kind.isupper() and not _HARMLESS_NODES.fullmatch(kind):
            raise UnsafeQuery(f"the SQL uses {kind.lower().replace('_', ' ')}, and a contract's SQL only selects")
        if node.get("sample"):
            raise UnsafeQuery("the SQL takes a sample, and a rule looks at every row")
        function = node.get("function_name")
        if isinstance(function, str) and function:
            _refuse_function(function.lower())


def _refuse_function(name: str) -> None:
    if _FORBIDDEN_FUNCTIONS.fullmatch(name):
        raise UnsafeQuery(f"the SQL calls {name}, which reaches outside its rows")
    if name not in _known_functions():
        raise UnsafeQuery(f"the SQL calls {name}, which is not a function of rows or columns")


def _walk(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _walk(child)
    elif isinstance(value, list):
        for child in value:
            yield from _walk(child)


def _entries_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The WITH entries of a node."""
    entries = node.get("cte_map")
    return list(entries.get("map", [])) if isinstance(entries, dict) else []
