"""`asset`: Dagster's decorator plus the contract. What the function returns is published by the gate, or kept private."""

import functools
import hashlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from headgate.contract import Contract, find_contract
from headgate.errors import HeadgateError
from headgate.lake.gate import publish
from headgate.lake.history import read_last_results
from headgate.lake.partitions import merge_by_rule
from headgate.lake.publication import AuditError, Publication, RunInfo
from headgate.orchestration.automation import Condition, make_condition
from headgate.orchestration.checks import check_results, check_specs, column_schema, level_results
from headgate.orchestration.failures import dagster_failures
from headgate.orchestration.io_manager import store_private
from headgate.orchestration.partitions import Partitions, as_passages, report_partitions, run_partitions
from headgate.orchestration.tables import rows_sql_of
from headgate.team import Team, find_team

AS_OF_TAG = "headgate/as_of"
FULL_REFRESH_TAG = "headgate/full_refresh"

_NO_VALUE: Any = dg.MaterializeResult().value
"""What a result holds that was made without a value: metadata alone, as a page has."""


class AssetError(HeadgateError):
    """An asset's definition contradicts its team's manifest or contracts."""


def asset(
    compute: Callable[..., Any] | None = None,
    *,
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: Sequence[Any] = (),
    metadata: Mapping[str, Any] | None = None,
    kinds: set[str] | None = None,
    required_resource_keys: set[str] | None = None,
    automation: str | Condition | None = None,
    **options: Any,
) -> Any:
    """Dagster's `@asset`, with the same options, for a function of a team.

    The key is `[team, function name]`. A parameter is an asset of the team, or a published table that the manifest's
    `consumes` names; it arrives as its annotation asks (`ibis.Table` by default). With `contracts/<name>.odcs.yaml` the
    result is published through the gate and every rule becomes a check; without, it stays in the private zone. A function
    that returns None stores nothing; one that returns `dg.MaterializeResult(value=…, metadata=…)` adds metadata. Where the
    contract publishes by partition, a table is of the run's partition or range of them; `headgate.Partitions` says it itself.
    `automation` says when it runs by itself: a name of `headgate.orchestration.automation`, or a condition.

    Raises:
        AssetError: a parameter names what is neither an own asset nor consumed.
        AutomationError: there is no automation of that name.
        ContractError: the contract is malformed.
    """
    if compute is None:
        return functools.partial(
            asset,
            ins=ins,
            deps=deps,
            metadata=metadata,
            kinds=kinds,
            required_resource_keys=required_resource_keys,
            automation=automation,
            **options,
        )
    team = find_team(Path(inspect.getfile(compute)))
    name = str(options.pop("name", compute.__name__))
    key = dg.AssetKey([team.name, name])
    contract = find_contract(team.contracts_folder, name)
    if automation is not None:
        options.update(automation_options(automation, compute, contract, options, where=key.to_user_string()))
    resource_keys = {"lake", *(required_resource_keys or ())}
    return dg.asset(
        name=name,
        key_prefix=[team.name],
        ins={**_inputs(compute, team, resource_keys, options), **(ins or {})},
        deps=[resolve_dependency(dep, team) for dep in deps],
        metadata={**contract_metadata(contract), **(metadata or {})},
        kinds={"ibis", "ducklake"} if kinds is None else kinds,
        owners=options.pop("owners", [contract.owner if contract and contract.owner else team.owner]),
        description=options.pop("description", None) or inspect.getdoc(compute) or (contract and contract.description),
        check_specs=[*options.pop("check_specs", ()), *(check_specs(contract, key) if contract else ())],
        required_resource_keys=resource_keys,
        io_manager_key="lake_io",
        tags={**({"headgate/published": "true"} if contract else {}), **options.pop("tags", {})},
        **options,
    )(_publishing(compute, key, contract, team))


def run_date(context: dg.AssetExecutionContext) -> date:
    """The date a run computes as of: its tag `headgate/as_of`, else the UTC date on which it was created."""
    tag = context.run.tags.get(AS_OF_TAG)
    if tag:
        try:
            return date.fromisoformat(tag)
        except ValueError:
            raise AssetError(
                f"{tag!r} is no date",
                where=f"tag {AS_OF_TAG} of run {context.run.run_id}",
                next_step="write it as 2026-01-31",
            ) from None
    record = context.instance.get_run_record_by_id(context.run.run_id)
    created = record.create_timestamp if record else datetime.now(UTC)
    return created.astimezone(UTC).date()


def is_full_refresh(context: dg.AssetExecutionContext) -> bool:
    """True when the run was started to read its sources from the beginning."""
    return context.run.tags.get(FULL_REFRESH_TAG) == "true"


# --- how the function becomes an op ----------------------------------------------------------------------------------


def _publishing(
    compute: Callable[..., Any], key: dg.AssetKey, contract: Contract | None, team: Team
) -> Callable[..., Any]:
    """`compute` as a generator of Dagster results, under its own signature."""
    parameters = list(inspect.signature(compute).parameters.values())
    wants_context = bool(parameters) and parameters[0].name == "context"

    def run(context: dg.AssetExecutionContext, **inputs: Any) -> Iterator[Any]:
        started = time.monotonic()
        with dagster_failures(team.secrets):
            try:
                value = compute(context, **inputs) if wants_context else compute(**inputs)
                extra: dict[str, Any] = {}
                own_checks: list[dg.AssetCheckResult] = []
                if isinstance(value, dg.MaterializeResult):
                    extra, own_checks = dict(value.metadata or {}), list(value.check_results or ())
                    value = None if value.value is _NO_VALUE else value.value
                yield from _store(context, key, contract, value, extra, own_checks, started)
            except AuditError as error:
                if contract:
                    yield from check_results(contract, error.results, key)
                    yield from level_results(context.resources.lake.session, contract, key)
                raise

    functools.update_wrapper(run, compute)
    del run.__wrapped__  # type: ignore[attr-defined]
    run.headgate_compute = compute  # type: ignore[attr-defined]
    context_parameter = inspect.Parameter(
        "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=dg.AssetExecutionContext
    )
    table_parameters = parameters[1:] if wants_context else parameters
    run.__signature__ = inspect.Signature([context_parameter, *table_parameters])  # type: ignore[attr-defined]
    run.__annotations__ = {
        p.name: p.annotation for p in table_parameters if p.annotation is not inspect.Parameter.empty
    }
    run.__annotations__["context"] = dg.AssetExecutionContext
    return run


def _store(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    contract: Contract | None,
    value: Any,
    extra: dict[str, Any],
    own_checks: Sequence[dg.AssetCheckResult],
    started: float,
) -> Iterator[Any]:
    lake = context.resources.lake
    if contract is None:
        rows = {} if value is None else {"dagster/row_count": store_private(lake, key.path[-1], value)}
        yield dg.MaterializeResult(
            metadata={**rows, **extra, "seconds": time.monotonic() - started}, check_results=own_checks
        )
        return
    if value is None:
        raise AssetError(
            f"{key.to_user_string()} returned nothing, but has a contract",
            where=str(contract.path),
            next_step="return the table, or remove the contract",
        )
    if contract.publish_mode == "partition":
        publications = list(_publish_partitions(context, key, contract, value))
        found = (result for publication in publications for result in publication.results)
        results = merge_by_rule(found) or read_last_results(lake.session, contract)
        told = partitions_metadata(publications)
    else:
        run = _run_info(context, context.partition_key if context.has_partition_key else None)
        publication = publish(lake.session, contract, rows_sql_of(lake.session, value, asset=key.to_user_string()), run)
        results, told = list(publication.results), publication_metadata(publication)
    yield dg.MaterializeResult(
        metadata={**told, **extra, "seconds": time.monotonic() - started},
        check_results=[
            *own_checks,
            *check_results(contract, results, key),
            *level_results(lake.session, contract, key),
        ],
    )


def _publish_partitions(
    context: dg.AssetExecutionContext, key: dg.AssetKey, contract: Contract, value: Any
) -> Iterator[Publication]:
    """One publication for each of the passages that the asset returned; nothing for one without partitions."""
    lake = context.resources.lake
    keys = run_partitions(context)
    for passage in as_passages(value, keys):
        if not passage.keys and (keys is not None or isinstance(value, Iterator | Partitions)):
            continue
        rows_sql = rows_sql_of(lake.session, passage.rows, asset=key.to_user_string())
        run = replace(
            _run_info(context, None), partition_keys=tuple(passage.keys), partition_inputs=dict(passage.inputs)
        )
        yield publish(lake.session, contract, rows_sql, run)
        if keys is None:
            report_partitions(context, key, passage.keys)


def _run_info(context: dg.AssetExecutionContext, partition_key: str | None) -> RunInfo:
    lake = context.resources.lake
    return RunInfo(
        run_id=context.run.run_id,
        code_version=lake.session.settings.code_version,
        input_snapshots=dict(lake.input_snapshots),
        partition_key=partition_key,
    )


def partitions_metadata(publications: Sequence[Publication]) -> dict[str, Any]:
    """As `publication_metadata`, over several of one table, with the partitions that were rewritten."""
    keys = [key for publication in publications for key in publication.partition_keys]
    if not publications:
        return {"written_rows": 0, "warning_rows": 0, "alerts": 0, "rewritten_partitions": 0}
    return {
        **publication_metadata(publications[-1]),
        "written_rows": sum(publication.written_rows for publication in publications),
        "warning_rows": sum(publication.warning_rows for publication in publications),
        "alerts": len({each.rule.name for publication in publications for each in publication.alerts}),
        "rewritten_partitions": len(keys),
        "partitions": keys[0] if len(keys) == 1 else f"{min(keys)} … {max(keys)}",
    }


def publication_metadata(publication: Publication) -> dict[str, Any]:
    return {
        "dagster/row_count": publication.row_count,
        "written_rows": publication.written_rows,
        "warning_rows": publication.warning_rows,
        "alerts": len(publication.alerts),
        "snapshot_id": publication.snapshot_id,
    }


def contract_metadata(contract: Contract | None) -> dict[str, Any]:
    if contract is None:
        return {}
    return {
        "dagster/column_schema": column_schema(contract),
        "headgate/contract_version": contract.version,
        "dagster/table_name": f"{contract.team}.{contract.table}",
    }


def _inputs(
    compute: Callable[..., Any], team: Team, resource_keys: set[str], options: Mapping[str, Any]
) -> dict[str, dg.AssetIn]:
    """Every table parameter's key: a consumed table's, else an own asset's."""
    consumed = {table.split(".")[1]: table.split(".") for table in team.consumes}
    inputs = {}
    for parameter in inspect.signature(compute).parameters.values():
        if parameter.name in ("context", "config", *resource_keys):
            continue
        inputs[parameter.name] = dg.AssetIn(key=dg.AssetKey(consumed.get(parameter.name, [team.name, parameter.name])))
    return inputs


def automation_options(
    automation: str | Condition,
    compute: Callable[..., Any],
    contract: Contract | None,
    options: Mapping[str, Any],
    *,
    where: str,
) -> dict[str, Any]:
    """The condition; and for what runs when it changed a code version, unless it has one: of its source and contract."""
    condition = make_condition(automation, where=where)
    chosen: dict[str, Any] = {"automation_condition": condition}
    if automation == "missing_or_changed" and options.get("code_version") is None:
        text = inspect.getsource(compute) + (contract.version if contract else "")
        chosen["code_version"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return chosen


def resolve_dependency(dep: Any, team: Team) -> Any:
    """A bare name in `deps` is an asset of the same team; a full key or asset is itself."""
    if isinstance(dep, str):
        return dg.AssetKey(dep.split(".") if "." in dep else [team.name, dep])
    return dep
