"""A model that dbt built in the private zone, on its way through the gate."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from headgate.contract import Contract, RuleResult
from headgate.lake.gate import Publication, RunInfo, publish
from headgate.lake.session import LakeSession, private_zone, quote, quote_literal
from headgate.orchestration.assets import publication_metadata
from headgate.orchestration.checks import check_results, level_results
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.process import Event
from headgate.orchestration.dbt.reporting import Reporter
from headgate.orchestration.dbt.translation import Translation
from headgate.orchestration.partitions import has_partitions, report_partitions, run_partitions
from headgate.orchestration.resources import LakeResource


def publish_model(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    node: Node,
    translation: Translation,
    reporter: Reporter,
    event: Event,
) -> dg.MaterializeResult[Any]:
    """Publishes what a model holds now: all of it, or partition by partition when its contract says so.

    Raises:
        AuditError: the rows break the contract; the old version stays served.
        LakeError: the lake refused.
    """
    contract = translation.contracts[node.name]
    key = translation.key(node)
    session = reporter.session
    relation = f"{quote(private_zone(translation.team.name))}.{quote(node.schema)}.{quote(node.identifier)}"
    partitions = _partitions(context, session, contract, relation)
    publications = [
        publish(
            session,
            contract,
            _rows(relation, contract, partition),
            RunInfo(
                run_id=context.run.run_id,
                code_version=session.settings.code_version,
                input_snapshots=dict(lake.input_snapshots),
                partition_key=partition,
            ),
        )
        for partition in partitions
    ]
    _tell_of_partitions(context, key, partitions)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**_summed(publications), **reporter.lineage(node, event), "seconds": event["seconds"]},
        check_results=[
            *check_results(contract, _worst(publications), key),
            *level_results(session, contract, key),
        ],
    )


def _partitions(
    context: dg.AssetExecutionContext, session: LakeSession, contract: Contract, relation: str
) -> Sequence[str | None]:
    """The run's partitions; every partition that the model holds when the run is about none."""
    if contract.publish_mode != "partition":
        return [context.partition_key if context.has_partition_key else None]
    if (keys := run_partitions(context)) is not None:
        return keys
    column = quote(contract.partition_by[0])
    found = session.connection.execute(f"select distinct cast({column} as varchar) from {relation} order by 1")
    return [str(value) for (value,) in found.fetchall() if value is not None]


def _tell_of_partitions(context: dg.AssetExecutionContext, key: dg.AssetKey, published: Sequence[str | None]) -> None:
    """Lets Dagster know which partitions a run published that was about none."""
    definition = context.assets_def.partitions_def
    if definition is None or has_partitions(context):
        return
    known = [each for each in published if each is not None and definition.has_partition_key(each)]
    report_partitions(context, key, known)


def _rows(relation: str, contract: Contract, partition: str | None) -> str:
    if contract.publish_mode != "partition" or partition is None:
        return f"select * from {relation}"
    column = contract.column(contract.partition_by[0])
    return (
        f"select * from {relation} where {quote(column.name)} = cast({quote_literal(partition)} as {column.sql_type})"
    )


def _summed(publications: Sequence[Publication]) -> dict[str, Any]:
    if not publications:
        return {"dagster/row_count": 0, "written_rows": 0, "warning_rows": 0}
    return {
        **publication_metadata(publications[-1]),
        "written_rows": sum(publication.written_rows for publication in publications),
        "warning_rows": sum(publication.warning_rows for publication in publications),
    }


def _worst(publications: Sequence[Publication]) -> list[RuleResult]:
    """One result a rule: of the partition in which most rows break it."""
    found: dict[str, RuleResult] = {}
    for publication in publications:
        for result in publication.results:
            former = found.setdefault(result.rule.name, result)
            if (not result.passed, result.failed_rows) > (not former.passed, former.failed_rows):
                found[result.rule.name] = result
    return list(found.values())
