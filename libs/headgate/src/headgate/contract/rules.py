"""From a contract's document to its rules: one `Rule` for everything the contract promises about the rows.

Names are `<column>__<kind>`, `<column>__<column>__<kind>` for several columns, the `name` of a quality rule where it
has one, `schema` for the columns themselves and `row_count` for the table. They are stable: history and checks are kept
under them.
"""

from collections.abc import Sequence

from headgate.contract.column_rules import add_column_rules
from headgate.contract.document import Table
from headgate.contract.foreign_keys import add_foreign_keys
from headgate.contract.model import Column, Rule, Threshold
from headgate.contract.quality_rules import add_quality_rules
from headgate.contract.rulebook import TABLE, RuleBook
from headgate.contract.source import Source


def derive_rules(
    table: Table, columns: Sequence[Column], primary_key: Sequence[str], *, team: str, source: Source
) -> tuple[Rule, ...]:
    """Every rule of a table: its columns, each column's own, keys, foreign keys, quality rules, the number of rows.

    A published table has at least one row, unless the contract says something else with the metric rowCount.

    Raises:
        ContractError: the document promises what contradicts itself or cannot be checked.
    """
    book = RuleBook(table, columns, team=team, source=source)
    names = tuple(book.columns)
    words = "The columns are those of the contract, with types that fit"
    book.add(Rule(name="schema", kind="type", columns=names, description=words), TABLE)
    for index, declared in enumerate(table.properties):
        add_column_rules(book, declared, (*TABLE, "properties", index))
    if len(primary_key) > 1:
        book.add_unique(tuple(primary_key), f"the primary key ({', '.join(primary_key)})", TABLE)
    foreign = add_foreign_keys(book)
    for index, declared in enumerate(table.properties):
        path = (*TABLE, "properties", index)
        add_quality_rules(book, declared.quality, book.columns[declared.name], path, foreign=foreign)
    add_quality_rules(book, table.quality, None, TABLE, foreign=foreign)
    if not any(rule.kind == "row_count" for rule in book.rules):
        words = "The table has at least one row"
        book.add(Rule(name="row_count", kind="row_count", threshold=Threshold(">", 0), description=words), TABLE)
    return tuple(book.rules)
