"""`dlt_assets`: a dlt source as assets in the team's private zone, one a table.

What belongs here: Dagster's side of it. What does not: reading and landing (`headgate.sources.dlt`), and one service's API. Needs
the extra `dlt` of this library; teams without it do not import this module.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from headgate.lake.session import private_zone
from headgate.orchestration.assets import AssetError, automation_options
from headgate.orchestration.automation import Condition
from headgate.orchestration.failures import dagster_failures
from headgate.orchestration.partitions import has_partitions, report_partitions
from headgate.sources.dlt.landing import land
from headgate.sources.dlt.memory import Memory, read_landed_tables, read_memory
from headgate.sources.dlt.model import Landed, Pull
from headgate.sources.landing import LOADED_AT
from headgate.team import Team, find_team

if TYPE_CHECKING:
    from dlt.extract.resource import DltResource
    from dlt.extract.source import DltSource

SHAPE_CHECK = "source_shape"


def dlt_assets(
    *,
    dlt_source: "DltSource",
    name: str | None = None,
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
) -> Callable[[Callable[[dg.AssetExecutionContext], Any]], dg.AssetsDefinition]:
    """Assets `[team, table]`, one for each table that the resources of a source write; as dagster-dlt's decorator of that name.

    `dlt_source` only tells what there is: it is never read, so it can be made without secrets. The decorated function is called
    when a run begins; it gets the context and returns the source to read: a `DltSource`, several of one name, or a
    `headgate.sources.dlt.model.Pull` that says more about them.

    Each asset carries owner and tags, description and declared columns of its resource, and a check `source_shape` that warns
    when the schema contract kept something aside. Its metadata tell rows, columns, freshness, pages, bytes and waits. A run of a
    part of the assets reads those resources only.

    Raises:
        AssetError: two resources of different kinds, or a resource whose table is known only when it runs.
    """

    def decorate(compute: Callable[[dg.AssetExecutionContext], Any]) -> dg.AssetsDefinition:
        team = find_team(Path(inspect.getfile(compute)))
        resources = _resources_by_table(dlt_source)
        options: dict[str, Any] = {}
        if automation is not None:
            options = automation_options(automation, compute, None, {}, where=f"{team.name}.{dlt_source.name}")
        specs = [
            dg.AssetSpec(
                key=dg.AssetKey([team.name, table]),
                description=_describe(resource, compute),
                group_name=group_name,
                owners=list(owners) if owners is not None else [team.owner],
                tags=dict(tags or {}),
                kinds={"dlt", "ducklake"},
                metadata={
                    "dagster/io_manager_key": "lake_io",
                    "dagster/table_name": f"{private_zone(team.name)}.{table}",
                    "dagster/column_schema": _declared_schema(resource),
                    "dlt/resource": str(resource.name),
                    "dlt/write_disposition": str(resource.write_disposition or "append"),
                },
                partitions_def=partitions_def,
                freshness_policy=freshness_policy,
                **options,
            )
            for table, resource in resources.items()
        ]
        checks = [
            dg.AssetCheckSpec(
                SHAPE_CHECK, asset=spec.key, description="The schema contract let in everything that the source sent"
            )
            for spec in specs
        ]

        @dg.multi_asset(
            name=name or f"{team.name}__{compute.__name__}",
            specs=specs,
            check_specs=checks,
            can_subset=True,
            backfill_policy=backfill_policy,
            pool=pool,
            op_tags=dict(op_tags or {}),
            retry_policy=retry_policy,
            required_resource_keys={"lake"},
        )
        def run(context: dg.AssetExecutionContext) -> Iterator[Any]:
            with dagster_failures(team.secrets):
                yield from _Run(context, team, {str(r.name): t for t, r in resources.items()}).materialize(compute)

        run.node_def.headgate_compute = compute  # type: ignore[attr-defined]
        return run

    return decorate


class _Run:
    """One run of a source's assets."""

    def __init__(self, context: dg.AssetExecutionContext, team: Team, tables: Mapping[str, str]) -> None:
        self.context = context
        self.team = team
        self.tables = tables
        self.session = context.resources.lake.session
        # A run that repeats a killed one must not append again what that one has committed.
        run = context.run
        self.run_id = run.root_run_id or run.tags.get("dagster/root_run_id") or run.run_id

    def materialize(self, compute: Callable[[dg.AssetExecutionContext], Any]) -> Iterator[Any]:
        from headgate.sources.dlt.pull import pull_source

        started = time.monotonic()
        selected = {key.path[-1] for key in self.context.selected_asset_keys}
        made = compute(self.context)
        pull = made if isinstance(made, Pull) else Pull(made)
        sources = pull.source_list
        name = sources[0].name
        memory = read_memory(self.session, name)
        appended = read_landed_tables(self.session, name, self.run_id)
        for source in sources:
            self._select(source, selected, appended)
        sources = [source for source in sources if source.selected_resources]
        landed: dict[str, Landed] = {}
        if sources:
            folder = self.session.settings.state_folder / "run" / "dlt"
            with pull_source(sources, memory, folder) as pulled:
                landed = self._land(pulled, memory, pull)
        for table in sorted(selected):
            yield from self._report(table, landed.get(table, Landed(table)), landed, pull, started)

    def _land(self, pulled: Any, memory: Memory, pull: Pull) -> dict[str, Landed]:
        partition = None
        if has_partitions(self.context):
            keys = self.context.partition_key_range
            partition = keys.start if keys.start == keys.end else f"{keys.start}…{keys.end}"
        return land(
            self.session, pulled, memory=memory, run_id=self.run_id, windows=pull.windows, partition_key=partition
        )

    def _select(self, source: "DltSource", tables: set[str], appended: set[str]) -> None:
        """Leaves selected the resources whose assets the run makes, and that this run has not appended already."""
        for resource in source.resources.values():
            table = _table_of(source, resource)
            is_done = table in appended and (resource.write_disposition or "append") == "append"
            if resource.selected and (table not in tables or is_done):
                resource.selected = False

    def _report(
        self, table: str, result: Landed, landed: Mapping[str, Landed], pull: Pull, started: float
    ) -> Iterator[Any]:
        key = dg.AssetKey([self.team.name, table])
        metadata: dict[str, Any] = {
            "dagster/row_count": result.row_count,
            "written_rows": result.written_rows,
            "gone_rows": result.gone_rows,
            "set_aside_rows": result.set_aside_rows,
            "landed_at": dg.MetadataValue.timestamp(datetime.now(UTC)),
            "seconds": time.monotonic() - started,
        }
        if result.columns:
            metadata["dagster/column_schema"] = self._schema(key, result)
        if result.newest is not None:
            metadata["newest_row_at"] = dg.MetadataValue.timestamp(result.newest)
        nested = {name: other.row_count for name, other in landed.items() if name.startswith(f"{table}__")}
        if nested:
            metadata["nested_rows"] = nested
        if pull.traffic is not None:
            metadata |= {f"pull_{name}": value for name, value in vars(pull.traffic).items()}
        if not has_partitions(self.context):
            report_partitions(self.context, key, pull.partitions)
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=SHAPE_CHECK,
            passed=not result.surprises,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"set_aside_rows": result.set_aside_rows, "surprises": "; ".join(result.surprises) or "none"},
        )

    def _schema(self, key: dg.AssetKey, result: Landed) -> dg.TableSchema:
        declared = self.context.assets_def.metadata_by_key[key]["dagster/column_schema"]
        told = {column.name: column.description for column in declared.columns}
        told[LOADED_AT] = "When the row was landed"
        return dg.TableSchema([dg.TableColumn(name, kind, told.get(name)) for name, kind in result.columns])


def _resources_by_table(source: "DltSource") -> dict[str, "DltResource"]:
    tables: dict[str, DltResource] = {}
    for resource in source.selected_resources.values():
        if callable(resource.table_name):
            raise AssetError(
                f"the table of resource {resource.name} is known only when it runs",
                where=f"dlt source {source.name}",
                next_step="give the resource a fixed table_name; split one that writes several tables",
            )
        tables.setdefault(_table_of(source, resource), resource)
    return tables


def _table_of(source: "DltSource", resource: "DltResource") -> str:
    return str(source.schema.naming.normalize_table_identifier(str(resource.table_name)))


def _describe(resource: "DltResource", compute: Callable[..., Any]) -> str | None:
    described = resource.compute_table_schema().get("description")
    return str(described) if described else inspect.getdoc(compute)


def _declared_schema(resource: "DltResource") -> dg.TableSchema:
    columns = resource.columns
    if not isinstance(columns, dict):
        return dg.TableSchema([])
    return dg.TableSchema(
        [
            dg.TableColumn(str(name), str(column.get("data_type") or "text"), column.get("description"))
            for name, column in columns.items()
        ]
    )
