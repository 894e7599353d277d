"""The rules of one table while they are being collected: unique names, known columns, errors that point at a line."""

from collections.abc import Sequence

from headgate.contract.document import Table
from headgate.contract.literals import read_value, write_literal
from headgate.contract.model import Column, Rule
from headgate.contract.source import KeyPath, Source

TABLE: KeyPath = ("schema", 0)
"""Where the one table stands in the document."""


class RuleBook:
    """Collects rules. What goes into it is derived in `column_rules`, `foreign_keys` and `quality_rules`."""

    def __init__(self, table: Table, columns: Sequence[Column], *, team: str, source: Source) -> None:
        self.table = table
        self.team = team
        self.source = source
        self.columns = {column.name: column for column in columns}
        self.rules: list[Rule] = []
        self._paths: dict[str, KeyPath] = {}

    def add(self, rule: Rule, path: KeyPath) -> None:
        """Adds a rule that the document states at `path`.

        Raises:
            ContractError: another rule has its name.
        """
        if rule.name in self._paths:
            line = self.source.line_of(self._paths[rule.name])
            raise self.source.error(
                f"two rules are named {rule.name}, the other on line {line}", "give this one a name of its own", path
            )
        self._paths[rule.name] = path
        self.rules.append(rule)

    def add_unique(self, columns: tuple[str, ...], words: str, path: KeyPath) -> None:
        name = "__".join([*columns, "unique"])
        self.add(Rule(name=name, kind="unique", columns=columns, description=f"{words} is never repeated"), path)

    def require_columns(self, columns: Sequence[str], path: KeyPath) -> None:
        """Raises ContractError unless the names are columns of the table, each named once, at least one."""
        for name in columns:
            if name not in self.columns:
                raise self.source.error(
                    f"the rule is about {name!r}, and {self.table.name} has no such column",
                    f"name one of {', '.join(self.columns)}",
                    path,
                )
        if len(set(columns)) != len(columns) or not columns:
            raise self.source.error("a column is named twice, or none is", "name each once", path)

    def read_value(self, value: object, column: Column, path: KeyPath) -> object:
        """A value of the document as one of the column.

        Raises:
            ContractError: it is not of the column's type.
        """
        try:
            return read_value(value, column.sql_type)
        except ValueError as error:
            raise self.source.error(str(error), f"write a value of the type of {column.name}", path) from None

    def write(self, value: object, column: Column, path: KeyPath) -> str:
        """A value of the document as an SQL literal that compares with the column."""
        return write_literal(self.read_value(value, column, path))
