"""Checked queries at work: what they read put in, and the engine closed to everything else.

What belongs here: what an audit needs of a query that `sandbox` has checked. What does not: checking it, which needs a parser.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headgate.contract.literals import quote_text

if TYPE_CHECKING:
    import duckdb

OWN_TABLE = "@table"
"""How a checked query names the audited relation; another table is `@team.table`."""

_TOKEN = re.compile(r'"@([a-z0-9_.]+)"')


def bind_query(text: str, relation: str, tables: Mapping[str, str]) -> str:
    """A checked query with the audited relation and the other tables put in.

    Args:
        text: the text of a `SafeQuery`.
        relation: what stands after FROM: a qualified name or a SELECT in parentheses.
        tables: `team.table` → qualified name.
    """
    return _TOKEN.sub(lambda match: relation if f"@{match[1]}" == OWN_TABLE else tables[match[1]], text)


def tables_of(text: str) -> list[str]:
    """The other tables, as `team.table`, that a checked query reads."""
    return sorted({name for name in _TOKEN.findall(text) if f"@{name}" != OWN_TABLE})


def restrict_access(connection: "duckdb.DuckDBPyConnection", folders: Sequence[str]) -> None:
    """Closes an engine to every file and address but some folders, for good: it cannot be opened again.

    Attach everything first. Afterwards `read_text('/etc/passwd')`, COPY, ATTACH and INSTALL outside the folders are
    refused by the engine, whoever asks.

    Args:
        connection: its whole database instance is restricted.
        folders: folders or object-store prefixes that stay readable and writable, such as the lake's own.
    """
    allowed = ", ".join(quote_text(folder if folder.endswith("/") else f"{folder}/") for folder in folders)
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
