"""`monitoring`: a job of every team that holds the contracts against what is published already, and a schedule for it.

What belongs here: when validations run, and how Dagster shows them. What does not: the validation itself
(`headgate.lake.validation`), the arithmetic of service levels (`headgate.quality.service_levels`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from headgate.contract import Contract
from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.lake.service_levels import read_service_levels, record_service_levels
from headgate.lake.validation import Validation, validate_published
from headgate.orchestration.checks import check_results, level_result
from headgate.orchestration.failures import dagster_failures
from headgate.quality.service_levels import Attainment
from headgate.team import Team

JOB = "monitoring"


class MonitoringError(HeadgateError):
    """Something published does not keep its contract any more, or nothing at all could be validated."""


def make_monitoring(
    team: Team, contracts: Sequence[Contract], *, cron: str
) -> tuple[list[dg.JobDefinition], list[dg.ScheduleDefinition]]:
    """The job and the schedule; none of either for a team that publishes nothing.

    The schedule is on in prod, and off elsewhere, unless the settings say otherwise.
    """
    if not contracts:
        return [], []

    @dg.op(name="validate_published", required_resource_keys={"lake"}, out=dg.Out(dg.Nothing))
    def validate(context: dg.OpExecutionContext) -> Iterator[Any]:
        with dagster_failures(team.secrets):
            yield from _validate_all(context, contracts)

    @dg.job(name=JOB, description="Holds the contracts against what is published, and measures the service levels")
    def monitoring() -> None:
        validate()

    schedule = dg.ScheduleDefinition(
        name=JOB,
        job=monitoring,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if read_settings().is_monitored else dg.DefaultScheduleStatus.STOPPED
        ),
        description="Validates what is published; on in prod, elsewhere with HEADGATE_MONITORING=1",
    )
    return [monitoring], [schedule]


def _validate_all(context: dg.OpExecutionContext, contracts: Sequence[Contract]) -> Iterator[Any]:
    """Check evaluations. Every table is looked at, whatever is found in the others; then the run fails if one is broken."""
    lake = context.resources.lake
    broken: list[Validation] = []
    levels: list[tuple[Contract, Attainment]] = []
    for contract in contracts:
        now = datetime.now(UTC)
        validation = validate_published(lake.session, contract, run_id=context.run_id, now=now)
        measured = read_service_levels(lake.session, contract, now)
        yield from _evaluations(context, contract, validation, measured)
        levels += [(contract, attainment) for attainment in measured]
        broken += [] if validation.passed else [validation]
    record_service_levels(lake.session, levels)
    if broken:
        words = "; ".join(f"{each.table}: {', '.join(result.message for result in each.failed)}" for each in broken)
        raise MonitoringError(
            f"{len(broken)} of {len(contracts)} published tables do not keep their contract: {words}",
            where=f"what team {lake.team} publishes; nothing was changed in it",
            next_step="see `headgate history`; build it anew (by day: `--full-refresh`), roll it back, or mend the contract",
        )


def _evaluations(
    context: dg.OpExecutionContext, contract: Contract, validation: Validation, measured: Sequence[Attainment]
) -> Iterator[Any]:
    """Under the names of the checks that the gate evaluates."""
    key = dg.AssetKey([contract.team, contract.table])
    target = _newest_materialization(context, key)
    context.log.info(f"{validation.table}: {len(validation.results)} rules, {len(validation.failed)} broken")
    for result in check_results(contract, validation.results, key):
        yield _evaluation(result, key, target)
    for attainment in measured:
        yield _evaluation(level_result(attainment, key), key, target)


def _evaluation(result: dg.AssetCheckResult, key: dg.AssetKey, target: Any) -> Any:
    from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

    return AssetCheckEvaluation(
        asset_key=key,
        check_name=str(result.check_name),
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
        target_materialization_data=target,
        blocking=False,
    )


def _newest_materialization(context: dg.OpExecutionContext, key: dg.AssetKey) -> Any:
    """What a verdict is about: without it Dagster takes the check for not run on what is there."""
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData,
    )

    found = context.instance.fetch_materializations(key, limit=1).records
    if not found:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=found[0].storage_id, run_id=found[0].run_id, timestamp=found[0].timestamp
    )
