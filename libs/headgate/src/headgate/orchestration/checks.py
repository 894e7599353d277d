"""A contract's rules and service levels as Dagster checks, and its columns as Dagster's column schema."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from headgate.contract import Contract, Rule, RuleResult
from headgate.lake.profiles import ANOMALIES
from headgate.lake.service_levels import describe_promise, read_service_levels
from headgate.lake.session import LakeSession
from headgate.quality.service_levels import Attainment

_SERVICE_LEVEL = "service_level__"


def check_specs(contract: Contract, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """One check a rule, one for anomalies of a profiled table, one a service level that is measured.

    A rule of severity error blocks what is downstream.
    """
    rules = (*contract.rules, ANOMALIES) if contract.is_profiled else contract.rules
    specs = [
        dg.AssetCheckSpec(
            name=rule.name, asset=key, description=rule.description or None, blocking=rule.severity == "error"
        )
        for rule in rules
    ]
    levels = [
        dg.AssetCheckSpec(name=_SERVICE_LEVEL + level.property, asset=key, description=describe_promise(level))
        for level in contract.measured_levels
    ]
    return [*specs, *levels]


def check_results(contract: Contract, results: Sequence[RuleResult], key: dg.AssetKey) -> list[dg.AssetCheckResult]:
    """The gate's verdicts that have a check: codes that only code knows are counted in the lake alone."""
    promised = {spec.name for spec in check_specs(contract, key)}
    return [check_result(result, key) for result in results if result.rule.name in promised]


def check_result(result: RuleResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    """The gate's verdict on one rule; counts are numbers, so Dagster plots them."""
    rule = result.rule
    metadata: dict[str, Any] = {
        "failed_rows": result.failed_rows,
        "checked_rows": result.checked_rows,
        "ratio": result.failed_rows / result.checked_rows if result.checked_rows else 0.0,
    }
    if rule.name == ANOMALIES.name:
        metadata["anomalies"] = result.measured if isinstance(result.measured, int) else len(result.examples)
    if rule.severity == "warning":
        metadata["alert"] = result.is_alert
    if result.judgement:
        metadata["judgement"] = result.judgement
    if result.examples:
        names = list(result.examples[0])
        metadata["examples"] = dg.MetadataValue.table(
            records=[dg.TableRecord({name: str(row.get(name)) for name in names}) for row in result.examples],
            schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in names]),
        )
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=rule.name,
        passed=result.passed,
        severity=_severity(rule),
        metadata=metadata,
        description=rule.description or None,
    )


def level_results(session: LakeSession, contract: Contract, key: dg.AssetKey) -> list[dg.AssetCheckResult]:
    """The service levels of a table as they are now."""
    return [level_result(each, key) for each in read_service_levels(session, contract, datetime.now(UTC))]


def level_result(attainment: Attainment, key: dg.AssetKey) -> dg.AssetCheckResult:
    """A service level: it warns when the error budget is spent or there is no history, not while there is too little."""
    metadata: dict[str, Any] = {
        "target": float(attainment.level.target or 0),
        f"bad_{attainment.unit}": float(attainment.tally.bad),
        f"measured_{attainment.unit}": float(attainment.tally.total),
        "window_days": attainment.window.days,
        "state": attainment.state,
    }
    numbers = {
        "attained": attainment.attained,
        "budget_left": attainment.budget_left,
        "burn_rate": attainment.burn_rate,
        "days_left": attainment.days_left,
    }
    metadata |= {name: number for name, number in numbers.items() if number is not None}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=_SERVICE_LEVEL + attainment.level.property,
        passed=attainment.state not in ("spent", "no history"),
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
        description=attainment.words,
    )


def column_schema(contract: Contract) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.sql_type,
                description=column.description or None,
                constraints=dg.TableColumnConstraints(nullable=not column.required, unique=column.unique),
                tags={"classification": column.classification} if column.classification else None,
            )
            for column in contract.columns
        ]
    )


def _severity(rule: Rule) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if rule.severity == "error" else dg.AssetCheckSeverity.WARN
