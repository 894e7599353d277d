"""Running dlt: a source's rows, extracted and normalised into Parquet files in a folder that lives as long as the pull.

dlt's own loading is not used: it commits tables, state and load marker one by one, and a process killed in between doubles
what was appended. Here nothing outlives the folder but what the landing commits.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.extract.source import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from headgate.errors import HeadgateError
from headgate.sources.dlt.memory import Memory
from headgate.sources.dlt.model import DEFAULT_CONTRACT, Pulled
from headgate.sources.errors import UNCHANGED, SourceError
from headgate.sources.scratch import working_folder

_MERGE_STRATEGIES = ("delete-insert", "upsert", "insert-only")


@contextmanager
def pull_source(sources: Sequence[DltSource], memory: Memory, folder: Path) -> Iterator[Pulled]:
    """Reads the sources to their end.

    Args:
        sources: sources of one name.
        memory: what the last landing remembered.
        folder: where pulls may keep their files; what killed ones left there is removed.

    Raises:
        SourceError: the source failed, or asks for what cannot be landed. Nothing was landed.
    """
    contracts = _take_contracts(sources)
    declared = {name: _declared(resource) for source in sources for name, resource in source.resources.items()}
    with working_folder(folder) as work:
        pipeline = _make_pipeline(work, sources[0].name, memory)
        try:
            with _explained(sources[0].name):
                pipeline.extract(list(sources), loader_file_format="parquet")
                pipeline.normalize()
            yield _describe(pipeline, sources, contracts, declared)
        finally:
            if pipeline.is_active:
                pipeline.deactivate()


def _make_pipeline(work: Path, source: str, memory: Memory) -> dlt.Pipeline:
    # dlt reports its use to its makers and takes over signals unless told not to; termination is Dagster's to handle.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__INTERCEPT_SIGNALS", "false")
    # dlt holds so many rows of each table, of each source, at a time; and reads as many back at once. Its own 5,000 are
    # all of a small pull, so that memory grew with the rows.
    os.environ.setdefault("DATA_WRITER__BUFFER_MAX_ITEMS", "1000")
    # The destination stands for its types and naming only; it is never opened.
    pipeline = dlt.pipeline(
        pipeline_name="landing", pipelines_dir=str(work), destination=dlt.destinations.duckdb(), dataset_name="main"
    )
    pipeline.config.restore_from_destination = False
    if memory.schema:
        pipeline.schemas.save_schema(Schema.from_stored_schema(json.loads(memory.schema)))
        pipeline.default_schema_name = source  # type: ignore[assignment]
    if sources_state := json.loads(memory.state):
        with pipeline.managed_state() as state:
            state["sources"] = sources_state
    return pipeline


def _describe(
    pipeline: dlt.Pipeline,
    sources: Sequence[DltSource],
    contracts: dict[str, dict[str, str]],
    declared: dict[str, frozenset[str]],
) -> Pulled:
    load_ids = tuple(pipeline.list_normalized_load_packages())
    files: dict[str, list[Path]] = {}
    for load_id in load_ids:
        for job in pipeline.get_load_package_info(load_id).jobs["new_jobs"]:
            if job.file_path.endswith(".parquet"):
                files.setdefault(job.job_file_info.table_name, []).append(Path(job.file_path))
    schema = pipeline.schemas[sources[0].name]
    tables = {str(table["name"]): dict(table) for table in schema.data_tables(include_incomplete=True)}
    return Pulled(
        source=sources[0].name,
        load_ids=load_ids,
        tables=tables,
        files={name: tuple(sorted(paths)) for name, paths in files.items() if name in tables},
        contracts=contracts,
        declared=declared,
        resources=frozenset(name for source in sources for name in source.selected_resources),
        state=json.dumps(pipeline.state.get("sources", {})),
        schema=json.dumps(schema.to_dict(), default=str),
    )


def _take_contracts(sources: Sequence[DltSource]) -> dict[str, dict[str, str]]:
    """The resources' schema contracts, taken off them: the landing keeps them, and keeps aside what dlt would drop."""
    contracts: dict[str, dict[str, str]] = {}
    for source in sources:
        default = Schema.expand_schema_contract_settings(source.schema_contract or {}, DEFAULT_CONTRACT)  # type: ignore[arg-type]
        source.schema_contract = None  # type: ignore[assignment]
        for name, resource in source.resources.items():
            own: Any = resource.schema_contract or {}
            contracts[name] = dict(Schema.expand_schema_contract_settings(own, default))  # type: ignore[arg-type]
            resource.apply_hints(schema_contract="evolve")
            _check_disposition(source.name, name, resource)
    return contracts


def _check_disposition(source: str, name: str, resource: Any) -> None:
    disposition = resource.write_disposition
    strategy = disposition.get("strategy", "delete-insert") if isinstance(disposition, dict) else "delete-insert"
    if strategy not in _MERGE_STRATEGIES and resource.write_disposition.get("disposition") == "merge":
        raise SourceError(
            f"resource {name} merges by {strategy}, which landing does not do",
            where=f"dlt source {source}",
            next_step=f"use one of {', '.join(_MERGE_STRATEGIES)}; history of a table is a dbt snapshot",
        )


def _declared(resource: Any) -> frozenset[str]:
    columns = resource.columns
    return frozenset(columns) if isinstance(columns, dict) else frozenset()


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Errors of dlt as three lines; one of ours somewhere inside comes out as it is."""
    try:
        yield
    except PipelineStepFailed as error:
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, HeadgateError):
                raise cause from None
        innermost = causes[-1]
        raise SourceError(
            f"dlt could not {error.step} the source: {type(innermost).__name__}: {str(innermost).splitlines()[0][:300]}",
            where=f"dlt source {source}",
            next_step=f"mend the source's code or its data; {UNCHANGED}",
        ) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
