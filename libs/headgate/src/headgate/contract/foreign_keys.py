"""The foreign keys a contract states as relationships, under a property or, with several columns, under the table."""

import re

from headgate.contract.document import Relationship
from headgate.contract.model import Reference, Rule
from headgate.contract.rulebook import TABLE, RuleBook
from headgate.contract.source import KeyPath

_REFERENCE = re.compile(r"(?:([a-z][a-z0-9_]*)\.)?([a-z][a-z0-9_]*)\.([a-z_][a-z0-9_]*)")


def add_foreign_keys(book: RuleBook) -> set[str]:
    """Adds a rule for every relationship; returns the tables, as `team.table`, that they point at.

    Raises:
        ContractError: a reference of another form, unequal numbers of columns, an unknown column.
    """
    for index, declared in enumerate(book.table.properties):
        for number, relationship in enumerate(declared.relationships):
            path = (*TABLE, "properties", index, "relationships", number)
            if relationship.source is not None:
                raise book.source.error("a foreign key under a property has no from", "remove it", (*path, "from"))
            _add(book, (declared.name,), relationship, path)
    for number, relationship in enumerate(book.table.relationships):
        path = (*TABLE, "relationships", number)
        source = relationship.source
        if source is None:
            raise book.source.error("a foreign key under the table has no from", "name its columns there", path)
        named = [source] if isinstance(source, str) else source
        prefix = f"{book.table.name}."
        for name in named:
            if not name.startswith(prefix):
                next_step = f"write {prefix}<column>, as the standard has it"
                raise book.source.error(f"from: {name} is not a column of this table", next_step, (*path, "from"))
        columns = tuple(name.removeprefix(prefix) for name in named)
        book.require_columns(columns, (*path, "from"))
        _add(book, columns, relationship, path)
    return {rule.references.table for rule in book.rules if rule.references is not None}


def _add(book: RuleBook, columns: tuple[str, ...], relationship: Relationship, path: KeyPath) -> None:
    reference = _read_reference(book, relationship.to, len(columns), (*path, "to"))
    target = ", ".join(f"{reference.table}.{name}" for name in reference.columns)
    rule = Rule(
        name="__".join([*columns, "foreign_key"]),
        kind="foreign_key",
        columns=columns,
        references=reference,
        description=f"{', '.join(columns)} is null or found in {target}",
    )
    book.add(rule, path)


def _read_reference(book: RuleBook, to: str | list[str], count: int, path: KeyPath) -> Reference:
    targets = [to] if isinstance(to, str) else to
    if len(targets) != count:
        what = f"the foreign key has {count} columns and points at {len(targets)}"
        raise book.source.error(what, "name as many on both sides", path)
    tables: set[str] = set()
    columns: list[str] = []
    for target in targets:
        match = _REFERENCE.fullmatch(target)
        if match is None:
            what = f"{target!r} is not the name of a column of a published table"
            raise book.source.error(what, "write team.table.column, or table.column for the same team", path)
        team, table, column = match.groups()
        if team is not None and book.source.content["apiVersion"] == "v3.1.0":
            raise book.source.error(
                f"{target} names a team, which the standard allows from v3.2.0 on",
                "set apiVersion: v3.2.0, or write table.column for a table of the same team",
                path,
            )
        tables.add(f"{team or book.team}.{table}")
        columns.append(column)
    if len(tables) != 1:
        raise book.source.error("the foreign key points at several tables", "point at one", path)
    table = tables.pop()
    if table == f"{book.team}.{book.table.name}":
        book.require_columns(columns, path)
    return Reference(table, tuple(columns))
