"""What an asset that is published by partition returns when it says itself which partitions it made.

What belongs here: the type, which partitions a run is about, and telling Dagster which it made. What does not: replacing them
(`headgate.lake.gate`).
"""

import functools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata
from dagster._core.execution.context.system import StepExecutionContext


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


def has_partitions(context: dg.AssetExecutionContext) -> bool:
    """Whether a run is of a partition or a range of them: `context.partition_time_window` is then what it covers."""
    return context.has_partition_key or context.has_partition_key_range


def run_partitions(context: dg.AssetExecutionContext) -> list[str] | None:
    """The partitions that a run was started for: one, or a range; None when it is about none."""
    return list(context.partition_keys) if has_partitions(context) else None


def report_partitions(context: dg.AssetExecutionContext, key: dg.AssetKey, partitions: Sequence[str]) -> None:
    """Tells Dagster which partitions a run materialized that is about none, in few writes.

    What `context.log_event` does, with what Dagster marks its own events of many partitions by: the storage then takes them
    at once. One by one a thousand days took 2 s a table.
    """
    step, batch = context.get_step_execution_context(), str(uuid.uuid4())
    for number, partition in enumerate(partitions, start=1):
        place = DagsterEventBatchMetadata(batch, is_end=number == len(partitions))
        materialization = dg.AssetMaterialization(asset_key=key, partition=partition)
        event = DagsterEvent.asset_materialization(step, materialization, place)
        context.op_execution_context._events.append(event)


def allow_runs_without_partition() -> None:
    """Lets a run without a partition make partitioned assets that read partitioned assets.

    Dagster (1.13) starts such runs, and fails as soon as an input's asset has any materialization: it asks the run for its range
    of partitions to tell the input's. Here such an input has none, and its newest materialization stands for it.
    """
    original = StepExecutionContext.has_asset_partitions_for_input
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def reads_partitions(self: StepExecutionContext, input_name: str) -> bool:
        is_about_none = self.entity_partitions_def is not None and not self.has_partitions
        return not is_about_none and original(self, input_name)

    StepExecutionContext.has_asset_partitions_for_input = reads_partitions  # type: ignore[method-assign]


def as_passages(value: Any, keys: Sequence[str] | None) -> Iterator[Partitions]:
    """What an asset returned, as publications in order; a bare table is of the run's own partitions."""
    if isinstance(value, Partitions):
        yield value
    elif isinstance(value, Iterator):
        yield from value
    else:
        yield Partitions(value, keys or [])
