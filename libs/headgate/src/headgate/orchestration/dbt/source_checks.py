"""Tests and freshness of a dbt project's sources, as checks that run by themselves.

A build of what reads a source runs its tests too, as dbt does; these run without building anything.
"""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from headgate.orchestration.dbt.invocation import invoke
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.reporting import Reporter
from headgate.orchestration.dbt.settings import read_automation
from headgate.orchestration.dbt.sources import find_missing
from headgate.orchestration.dbt.translation import Translation
from headgate.orchestration.failures import dagster_failures

FRESHNESS = "freshness"


def source_checks(translation: Translation, project: DbtProject) -> Iterator[dg.AssetChecksDefinition]:
    """One definition for all checks of sources; none when there are no such checks."""
    manifest = translation.manifest
    tests = [test for test in manifest.tests if _is_about_source(translation, test)]
    fresh = [source for source in manifest.of_kind("source") if has_freshness(source)]
    specs = [*(translation.check_spec(test) for test in tests), *(_freshness_spec(translation, node) for node in fresh)]
    if not specs:
        return

    @dg.multi_asset_check(
        name=f"{translation.team.name}_dbt_sources",
        specs=specs,
        can_subset=True,
        required_resource_keys={"lake"},
    )
    def check_sources(context: dg.AssetCheckExecutionContext) -> Iterator[Any]:
        keys = context.selected_asset_check_keys
        with dagster_failures(translation.team.secrets):
            yield from _check(
                context,
                translation,
                project,
                [test for test in tests if translation.check_spec(test).key in keys],
                [source for source in fresh if _freshness_spec(translation, source).key in keys],
            )

    yield check_sources


def has_freshness(source: Node) -> bool:
    """Whether the source promises how old it may be, by a column that tells."""
    promised = source.raw.get("freshness") or {}
    limits = [promised.get("warn_after") or {}, promised.get("error_after") or {}]
    has_column = source.raw.get("loaded_at_field") or source.raw.get("loaded_at_query")
    return bool(has_column) and any(limit.get("count") for limit in limits)


def _check(
    context: dg.AssetCheckExecutionContext,
    translation: Translation,
    project: DbtProject,
    tests: list[Node],
    fresh: list[Node],
) -> Iterator[dg.AssetCheckResult]:
    lake = context.resources.lake
    attachments = translation.manifest.attachments
    subjects = {attachments[test.unique_id].unique_id: attachments[test.unique_id] for test in tests}
    subjects |= {source.unique_id: source for source in fresh}
    missing = find_missing(translation, subjects.values(), lake)
    for test in [test for test in tests if attachments[test.unique_id].unique_id in missing]:
        spec = translation.check_spec(test)
        problem = str(missing[attachments[test.unique_id].unique_id])
        yield _failed(spec, problem)
        tests.remove(test)
    for source in [source for source in fresh if source.unique_id in missing]:
        yield _failed(_freshness_spec(translation, source), str(missing[source.unique_id]))
        fresh.remove(source)
    by_id = {node.unique_id: node for node in (*tests, *fresh)}
    commands = []
    if tests:
        chosen = [test.selector for test in tests]
        commands.append(["test", "--no-write-json", "--select", *chosen, "--indirect-selection", "empty"])
    if fresh:
        commands.append(["source", "freshness", "--select", *(_selector(source) for source in fresh)])
    if not commands:
        return
    reporter = Reporter(context.instance, translation, project, lake, tests)
    with invoke(translation, project, commands, by_id.values()) as (events, scratch):
        for event in events:
            node = by_id.get(event["unique_id"]) if event["kind"] == "node" else None
            if node is not None and node in tests:
                yield reporter.check(node, event, reporter.read_failing_rows(node, event))
        found = json.loads((scratch / "sources.json").read_text(encoding="utf-8"))["results"] if fresh else []
    for result in found:
        if result["unique_id"] in by_id:
            yield _freshness_result(_freshness_spec(translation, by_id[result["unique_id"]]), result)


def _is_about_source(translation: Translation, test: Node) -> bool:
    subject = translation.manifest.attachments.get(test.unique_id)
    return subject is not None and subject.kind == "source"


def _selector(source: Node) -> str:
    return f"source:{source.raw['package_name']}.{source.raw['source_name']}.{source.raw['name']}"


def _freshness_spec(translation: Translation, source: Node) -> dg.AssetCheckSpec:
    limits = source.raw["freshness"]
    said = [
        f"{kind} after {limit['count']} {limit['period']}s"
        for kind, limit in (("warn", limits.get("warn_after") or {}), ("fail", limits.get("error_after") or {}))
        if limit.get("count")
    ]
    return dg.AssetCheckSpec(
        name=FRESHNESS,
        asset=translation.key(source),
        description=f"Age of the newest {source.raw.get('loaded_at_field', 'row')}: {', '.join(said)}",
        automation_condition=read_automation(source),
    )


def _freshness_result(spec: dg.AssetCheckSpec, result: dict[str, Any]) -> dg.AssetCheckResult:
    status = result["status"]
    metadata: dict[str, Any] = {}
    if result.get("max_loaded_at"):
        metadata["max_loaded_at"] = result["max_loaded_at"]
        metadata["age_hours"] = round(result["max_loaded_at_time_ago_in_s"] / 3600, 2)
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=status == "pass",
        severity=dg.AssetCheckSeverity.WARN if status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
        description=result.get("error") or spec.description,
    )


def _failed(spec: dg.AssetCheckSpec, problem: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=problem,
    )
