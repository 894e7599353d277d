"""What an asset that is published by partition returns when it says itself which partitions it made.

What belongs here: the type, and which partitions a run is about. What does not: replacing them (`headgate.lake.gate`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class Partitions:
    """Rows of some partitions, which replace these partitions and no other, in one commit.

    An asset returns one, or a generator of several, each of which is a commit of its own. In a run without a partition they
    are what the asset found to be due; Dagster is told of each of them.

    Args:
        rows: an Ibis table, or a pandas, Polars or Arrow frame.
        keys: the partitions that are replaced, also those without rows. None: nothing is due, and nothing written.
        inputs: partition → what it was made of, as name → number; kept in the publication's `input_snapshots`.
    """

    rows: Any
    keys: Sequence[str]
    inputs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def run_partitions(context: dg.AssetExecutionContext) -> list[str] | None:
    """The partitions that a run was started for: one, or a range; None when it is about none."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return None


def as_passages(value: Any, keys: Sequence[str] | None) -> Iterator[Partitions]:
    """What an asset returned, as publications in order; a bare table is of the run's own partitions."""
    if isinstance(value, Partitions):
        yield value
    elif isinstance(value, Iterator):
        yield from value
    else:
        yield Partitions(value, keys or [])
