"""A model that dbt built in the private zone, on its way through the gate."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from headgate.contract import Contract
from headgate.lake.gate import publish
from headgate.lake.partitions import partition_predicate
from headgate.lake.publication import RunInfo
from headgate.lake.session import LakeSession, private_zone, quote
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
    """Publishes what a model holds now: all of it, or some partitions in one commit when its contract says so.

    Raises:
        AuditError: the rows break the contract; the old version stays served.
        LakeError: the lake refused.
    """
    contract = translation.contracts[node.name]
    key = translation.key(node)
    session = reporter.session
    relation = f"{quote(private_zone(translation.team.name))}.{quote(node.schema)}.{quote(node.identifier)}"
    metadata = {**reporter.lineage(node, event), "seconds": event["seconds"]}
    partitions = _partitions(context, session, contract, relation)
    if partitions == []:
        return dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": 0, "written_rows": 0, **metadata})
    publication = publish(
        session,
        contract,
        _rows(context, contract, relation),
        RunInfo(
            run_id=context.run.run_id,
            code_version=session.settings.code_version,
            input_snapshots=dict(lake.input_snapshots),
            partition_key=context.partition_key if context.has_partition_key else None,
            partition_keys=tuple(partitions or ()),
        ),
    )
    _tell_of_partitions(context, key, publication.partition_keys)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**publication_metadata(publication), **metadata},
        check_results=[
            *check_results(contract, publication.results, key),
            *level_results(session, contract, key),
        ],
    )


def _partitions(
    context: dg.AssetExecutionContext, session: LakeSession, contract: Contract, relation: str
) -> list[str] | None:
    """The partitions that are replaced, together; None of a table that is not published by partition.

    They are the run's; when it is about none, every one that the model holds, and every one that is published: of these the
    model may hold nothing any more.
    """
    if contract.publish_mode != "partition":
        return None
    if (keys := run_partitions(context)) is not None:
        return keys
    table = f"{contract.team}.{contract.table}"
    column = contract.column(contract.partition_by[0])
    value = f"cast(try_cast({quote(column.name)} as {column.sql_type}) as varchar) as value"
    relations = [relation, *([session.qualify(table)] if session.has_table(table) else [])]
    values = " union ".join(f"select {value} from {each}" for each in relations)
    found = session.connection.execute(f"select value from ({values}) where value is not null order by 1").fetchall()
    return [str(value) for (value,) in found]


def _tell_of_partitions(context: dg.AssetExecutionContext, key: dg.AssetKey, published: Sequence[str]) -> None:
    """Lets Dagster know which partitions a run published that was about none."""
    definition = context.assets_def.partitions_def
    if definition is None or has_partitions(context):
        return
    report_partitions(context, key, [each for each in published if definition.has_partition_key(each)])


def _rows(context: dg.AssetExecutionContext, contract: Contract, relation: str) -> str:
    """What the model holds of the run's partitions; all of it when the run is about none."""
    keys = run_partitions(context) if contract.publish_mode == "partition" else None
    return f"select * from {relation}" + (f" where {partition_predicate(contract, keys)}" if keys else "")
