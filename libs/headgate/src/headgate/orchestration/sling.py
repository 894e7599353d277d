"""`sling_assets`: the tables of a replication file as assets in the team's private zone, one a stream.

What belongs here: Dagster's side of it. What does not: the file's meaning, reading and landing (`headgate.sources.sling`).
Needs the extra `sling` of this library; teams without it do not import this module.
"""

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from headgate.environment import read_secret
from headgate.lake.session import private_zone
from headgate.orchestration.assets import AssetError, is_full_refresh, resolve_dependency
from headgate.orchestration.automation import Condition, make_condition
from headgate.orchestration.failures import dagster_failures
from headgate.orchestration.partitions import has_partitions
from headgate.sources.landing import LOADED_AT, alone
from headgate.sources.scratch import working_folder
from headgate.sources.sling import window
from headgate.sources.sling.columns import SourceColumn
from headgate.sources.sling.extract import extract
from headgate.sources.sling.landing import Landed, Landing
from headgate.sources.sling.postgres import read_source_columns, reading_sql
from headgate.sources.sling.replication import Replication, Stream, read_replication
from headgate.team import Team, find_team

_WHOLE = ("full-refresh", "truncate", "snapshot")
_LOADED_AT_NOTE = "When the row was landed"


def sling_assets(
    replication: Path | str,
    *,
    group_name: str | None = None,
    partitions_def: dg.PartitionsDefinition[str] | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    pool: str | None = None,
    automation: str | Condition | None = None,
    owners: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    op_tags: Mapping[str, Any] | None = None,
    freshness_policy: Any = None,
    retry_policy: dg.RetryPolicy | None = None,
) -> list[dg.AssetsDefinition]:
    """Assets `[team, table]`, one for each stream of a replication file; nothing is connected to or run by making them.

    Args:
        replication: the file, from the team's folder.
        group_name: Dagster's, for all of them.
        partitions_def: by time; a run of partitions reads what the streams' `update_key` puts into them, and replaces it.
        backfill_policy: by default a range of partitions is one run.
        pool: by default one for the source's connection, named like it.
        automation: a name or a condition; a stream's `meta: headgate: automation:` goes first.
        owners: by default the team's.
        tags: beside those of the streams.
        op_tags: Dagster's, as `freshness_policy` and `retry_policy`.

    Raises:
        ReplicationError: the file is not understood; with the line.
        AssetError: partitions that are not by time, or of a stream without `update_key`; a connection that is no secret of
            the team.
    """
    team = find_team(Path(inspect.stack()[1].filename))
    read = read_replication(team.folder / replication)
    _check(team, read, partitions_def)
    definitions = []
    for stream in read.streams:
        chosen = stream.automation if stream.automation is not None else automation
        spec = dg.AssetSpec(
            key=dg.AssetKey([team.name, stream.table]),
            deps=[resolve_dependency(dep, team) for dep in stream.deps],
            description=stream.description or None,
            group_name=group_name,
            owners=list(owners) if owners is not None else [team.owner],
            tags={**(tags or {}), **dict.fromkeys(stream.tags, "")},
            kinds={"sling", "ducklake"},
            automation_condition=None if chosen is None else make_condition(chosen, where=stream.place("meta")),
            partitions_def=partitions_def,
            freshness_policy=freshness_policy,
            metadata={
                "dagster/io_manager_key": "lake_io",
                "dagster/table_name": f"{private_zone(team.name)}.{stream.table}",
                "dagster/column_schema": _declared_schema(stream),
                "sling/stream": stream.name,
                "sling/mode": stream.mode,
            },
        )
        definitions.append(
            _define(
                team,
                read,
                stream,
                spec,
                backfill_policy=backfill_policy or (dg.BackfillPolicy.single_run() if partitions_def else None),
                pool=pool or read.source.lower(),
                op_tags=dict(op_tags or {}),
                retry_policy=retry_policy,
            )
        )
    return definitions


def _define(
    team: Team, replication: Replication, stream: Stream, spec: dg.AssetSpec, **options: Any
) -> dg.AssetsDefinition:
    @dg.multi_asset(name=f"{team.name}__{stream.table}", specs=[spec], required_resource_keys={"lake"}, **options)
    def run(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with dagster_failures(team.secrets):
            yield _Run(context, replication, stream).materialize()

    return run


class _Run:
    """One run of one stream."""

    def __init__(self, context: dg.AssetExecutionContext, replication: Replication, stream: Stream) -> None:
        self.context = context
        self.stream = stream
        self.source = replication.source
        self.session = context.resources.lake.session
        # A run that repeats a killed one must not append again what that one has committed.
        run = context.run
        self.run_id = run.root_run_id or run.tags.get("dagster/root_run_id") or run.run_id
        self.partition_key: str | None = None
        if has_partitions(context):
            keys = context.partition_key_range
            self.partition_key = keys.start if keys.start == keys.end else f"{keys.start}…{keys.end}"

    def materialize(self) -> dg.MaterializeResult[Any]:
        started = time.monotonic()
        url = read_secret(self.source, purpose=f"the stream {self.stream.name} ({self.stream.place()})")
        columns = read_source_columns(url, self.stream)
        landing = Landing(
            self.session,
            self.stream,
            columns,
            run_id=self.run_id,
            partition_key=self.partition_key,
            may_reshape=is_full_refresh(self.context) and self.partition_key is None,
        )
        with alone(self.session, f"sling.{self.stream.table}"):
            is_done = self.stream.mode == "snapshot" and landing.is_done()
            if is_done:
                return dg.MaterializeResult(metadata={"written_rows": 0})
            landing.check_shape()
            read = self._window(columns)
            with working_folder(self.session.settings.state_folder / "run" / "sling") as folder:
                rows = extract(url, self.stream, reading_sql(self.stream, columns, read.source_sql), folder)
                landed = landing.land(rows, read)
        return self._report(landed, read, columns, time.monotonic() - started)

    def _window(self, columns: list[SourceColumn]) -> window.Window:
        if self.stream.mode == "snapshot":
            return window.Window()
        if self.partition_key is not None:
            span = self.context.partition_time_window
            return window.of_partitions(self.stream, columns, span.start, span.end)
        if self.stream.mode in _WHOLE or is_full_refresh(self.context):
            return window.EVERYTHING
        if self.stream.mode == "backfill" and self.stream.range is not None:
            return window.of_range(self.stream, columns)
        return window.of_news(self.session, self.stream, columns)

    def _report(
        self, landed: Landed, read: window.Window, columns: list[SourceColumn], seconds: float
    ) -> dg.MaterializeResult[Any]:
        notes = {column.name: column.description for column in columns} | {LOADED_AT: _LOADED_AT_NOTE}
        schema = dg.TableSchema([dg.TableColumn(name, kind, notes.get(name)) for name, kind in landed.columns])
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": landed.row_count,
                "dagster/column_schema": schema,
                "written_rows": landed.written_rows,
                "gone_rows": landed.gone_rows,
                "new_columns": ", ".join(landed.new_columns) or "none",
                "read": read.source_sql or "everything",
                "landed_at": dg.MetadataValue.timestamp(datetime.now(UTC)),
                "seconds": seconds,
            }
        )


def _check(team: Team, replication: Replication, partitions_def: dg.PartitionsDefinition[str] | None) -> None:
    if replication.source not in team.secrets:
        raise AssetError(
            f"the connection {replication.source} is not among the secrets of team {team.name}, so no process is given it",
            where=str(replication.path),
            next_step=f'add "{replication.source}" to secrets under [tool.headgate] in {team.folder / "pyproject.toml"}',
        )
    if partitions_def is not None and not isinstance(partitions_def, dg.TimeWindowPartitionsDefinition):
        raise AssetError(
            f"{type(partitions_def).__name__} does not say which times a partition holds",
            where=str(replication.path),
            next_step="partition by hours, days, weeks or months",
        )
    for stream in replication.streams:
        if partitions_def is not None and (stream.update_key is None or stream.mode in _WHOLE):
            raise AssetError(
                f"{stream.name} is partitioned, and does not say by what",
                where=stream.place(),
                next_step="give it an update_key and mode: incremental or backfill, or a file of its own",
            )
        if partitions_def is None and stream.mode == "backfill" and stream.range is None:
            raise AssetError(
                f"{stream.name} is to be backfilled, and does not say what",
                where=stream.place(),
                next_step="give it source_options: {range: 'first,last'}, or give sling_assets a partitions_def",
            )


def _declared_schema(stream: Stream) -> dg.TableSchema:
    notes = stream.columns or {}
    return dg.TableSchema(
        [dg.TableColumn(name, note.sql_type or "unknown", note.description or None) for name, note in notes.items()]
    )
