"""Which columns a model's columns come from: found once for each state of the project, then read from a file.

Asking the lake and sqlglot in every run is what makes this dear elsewhere. The compiled SQL is dbt's own.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.translation import Translation

Types = Mapping[str, str]
"""Column → type."""
Origins = dict[str, list[list[str]]]
"""Column → what it comes from: unique id and column of each."""


def column_lineage(
    project: DbtProject,
    translation: Translation,
    node: Node,
    sql: str | None,
    read_types: Callable[[Node], Types],
) -> dg.TableColumnLineage | None:
    """Where the columns of a model or snapshot come from; None when that cannot be told.

    Args:
        project: the project.
        translation: it in Dagster's words.
        node: the model.
        sql: its compiled SQL.
        read_types: gives the columns of what it reads; asked the first time only.
    """
    path = project.state / "lineage" / f"{node.unique_id}.json"
    try:
        origins: Origins = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        if not sql:
            return None
        origins = trace_columns(sql, {parent: read_types(parent) for parent in project.manifest.parents(node)})
        _write(path, origins)
    found = {
        column: [
            dg.TableColumnDep(asset_key=translation.key(parent), column_name=name)
            for unique_id, name in parts
            if (parent := project.manifest.nodes.get(unique_id))
        ]
        for column, parts in origins.items()
    }
    return dg.TableColumnLineage(deps_by_column=found) if found else None


def trace_columns(sql: str, parents: Mapping[Node, Types]) -> Origins:
    """Each column of a query with the columns of the parents that its values come from.

    What sqlglot cannot read has no lineage; it is no reason to fail.
    """
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    relations = {(node.database, node.schema, node.identifier): node for node in parents}
    schema: dict[str, Any] = {}
    for node, types in parents.items():
        schema.setdefault(node.database, {}).setdefault(node.schema, {})[node.identifier] = dict(types)
    origins: Origins = {}
    try:
        tree = qualify(
            parse_one(sql, dialect="duckdb"), dialect="duckdb", schema=schema, validate_qualify_columns=False
        )
        scope = build_scope(tree)
        for column in tree.named_selects:  # type: ignore[attr-defined]
            parts = set()
            for leaf in lineage(column, tree, scope=scope, dialect="duckdb").walk():
                if not leaf.downstream and isinstance(leaf.expression, exp.Table):
                    table = leaf.expression
                    if parent := relations.get((table.catalog, table.db, table.name)):
                        parts.add((parent.unique_id, leaf.name.rpartition(".")[2].strip('"')))
            origins[column] = [list(part) for part in sorted(parts)]
    except (SqlglotError, ValueError, KeyError, AttributeError, RecursionError):
        return {}
    return origins


def _write(path: Path, origins: Origins) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(origins, file)
        Path(draft).replace(path)
    except OSError:  # it is found again the next time
        pass
