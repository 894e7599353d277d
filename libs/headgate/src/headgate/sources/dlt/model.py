"""What a team hands over to be landed, and what came of it. Nothing here imports dlt: it is only asked for when used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from headgate.lake.session import quote, quote_literal
from headgate.sources.http import Traffic

if TYPE_CHECKING:
    from dlt.extract.source import DltSource

DEFAULT_CONTRACT = {"tables": "evolve", "columns": "evolve", "data_type": "evolve"}


@dataclass(frozen=True)
class Window:
    """Rows of which the source sent all there are: what is landed inside and was not sent again is gone at the source.

    Args:
        table: the table.
        column: its column with the time.
        start: first moment inside; None for no limit.
        end: first moment after; None for no limit.
        where: values of further columns (`{"athlete__id": 7}`).
    """

    table: str
    column: str
    start: datetime | None = None
    end: datetime | None = None
    where: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def predicate(self) -> str:
        parts = [f"{quote(name)} = {_literal(value)}" for name, value in self.where.items()]
        if self.start is not None:
            parts.append(f"{quote(self.column)} >= timestamptz {quote_literal(self.start.isoformat())}")
        if self.end is not None:
            parts.append(f"{quote(self.column)} < timestamptz {quote_literal(self.end.isoformat())}")
        return " and ".join(parts) or "true"


@dataclass(frozen=True)
class Pull:
    """A dlt source to be landed, with what is known about it.

    Args:
        sources: one source, or several of one name (an account each, say): they are landed together.
        windows: what was asked for completely.
        traffic: counts of the HTTP session the sources use.
        partitions: partitions that a run without a partition covers whole.
    """

    sources: "DltSource | Sequence[DltSource]"
    windows: Sequence[Window] = ()
    traffic: Traffic | None = None
    partitions: Sequence[str] = ()

    @property
    def source_list(self) -> "list[DltSource]":
        return list(self.sources) if isinstance(self.sources, (list, tuple)) else [cast("DltSource", self.sources)]


@dataclass(frozen=True)
class Pulled:
    """A source's rows as Parquet files, with dlt's description of them."""

    source: str
    load_ids: tuple[str, ...]
    tables: Mapping[str, Mapping[str, Any]]
    """dlt's table schemas by name, without dlt's own tables."""
    files: Mapping[str, tuple[Path, ...]]
    contracts: Mapping[str, Mapping[str, str]]
    """Resource → its schema contract, expanded."""
    declared: Mapping[str, frozenset[str]]
    """Resource → columns that the code itself names: they are no surprise."""
    resources: frozenset[str]
    """The resources that were read to their end."""
    state: str
    schema: str

    def contract_of(self, table: str) -> Mapping[str, str]:
        return self.contracts.get(self.resource_of(table), DEFAULT_CONTRACT)

    def resource_of(self, table: str) -> str:
        return str(self.tables[self.root_of(table)].get("resource", table))

    def root_of(self, table: str) -> str:
        while parent := self.tables[table].get("parent"):
            table = str(parent)
        return table

    def nested_of(self, root: str) -> list[str]:
        return [name for name in self.tables if name != root and self.root_of(name) == root]


@dataclass
class Landed:
    """What one landing did to one table."""

    table: str
    written_rows: int = 0
    gone_rows: int = 0
    """No longer at the source inside a window; kept aside."""
    set_aside_rows: int = 0
    """Rows, or values of rows, that the schema contract did not let in; kept aside."""
    surprises: list[str] = field(default_factory=list)
    """What the contract did not let in, in words."""
    row_count: int = 0
    columns: list[tuple[str, str]] = field(default_factory=list)
    newest: datetime | None = None
    """Latest value of the column of the table's windows."""


def _literal(value: int | str) -> str:
    return str(int(value)) if isinstance(value, int) else quote_literal(value)
