"""The code location as Dagster sees it."""

import subprocess
import sys
from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.events import StepMaterializationData
from dagster._core.test_utils import create_run_for_test

from ml.definitions import defs

GROUPS = {
    "ml_features": {"customer_features", "product_features", "market_data"},
    "ml_models": {"customer_churn_model", "demand_forecast_model", "recommendation_model", "model_evaluations"},
    "ml": {"penguin_cluster", "penguin_cluster_selection"},
    "ml_predictions": {"customer_risk_scores", "product_demand_forecasts", "product_recommendations"},
}


def test_every_asset_is_in_its_group_described_owned_and_automatic() -> None:
    found: dict[str, set[str]] = {}
    for definition in defs.assets or ():
        if isinstance(definition, dg.AssetsDefinition):
            for spec in definition.specs:
                found.setdefault(str(spec.group_name), set()).add(spec.key.path[-1])
                assert spec.key.path[0] == "ml"
                assert spec.description
                assert spec.owners == ["team:ml"]
                assert (spec.automation_condition is None) == (spec.group_name == "ml")  # that group has the sensor
    assert found == GROUPS


def test_automation_is_switched_on_and_covers_checks() -> None:
    (sensor,) = (s for s in defs.sensors or () if isinstance(s, dg.AutomationConditionSensorDefinition))
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_loading_needs_none_of_the_heavy_libraries() -> None:
    code = "import sys, ml.definitions; print([m for m in ('mlflow', 'sklearn', 'skops') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


CONSUMED = ("customer_order_summary", "product_performance", "order_data")


def _report(instance: dg.DagsterInstance, team: str, names: Iterable[str]) -> None:
    for name in names:
        instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey([team, name])))


def _report_built(instance: dg.DagsterInstance, names: Iterable[str], failed_check: str = "") -> None:
    """One run that materialized own assets, and the results of all their checks."""
    keys = frozenset(dg.AssetKey(["ml", name]) for name in names)
    run = create_run_for_test(instance, asset_selection=keys, status=dg.DagsterRunStatus.SUCCESS)
    for key in keys:
        data = StepMaterializationData(dg.AssetMaterialization(key))
        event = dg.DagsterEvent(dg.DagsterEventType.ASSET_MATERIALIZATION.value, "", event_specific_data=data)
        instance.report_dagster_event(event, run.run_id)
    for spec in (s for d in defs.assets or () if isinstance(d, dg.AssetsDefinition) for s in d.check_specs):
        if spec.asset_key in keys:
            (record,) = instance.fetch_materializations(spec.asset_key, limit=1).records
            evaluation = dg.AssetCheckEvaluation(
                asset_key=spec.asset_key,
                check_name=spec.name,
                passed=spec.name != failed_check,
                metadata={},
                target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                    storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
                ),
            )
            instance.report_runless_asset_event(evaluation)


def _requested(result: dg.EvaluateAutomationConditionsResult) -> set[str]:
    names = {name for group in GROUPS.values() for name in group}
    return {name for name in names if result.get_num_requested(dg.AssetKey(["ml", name]))}


def test_follows_analytics_once_an_update() -> None:
    instance = dg.DagsterInstance.ephemeral()
    start = dg.evaluate_automation_conditions(defs, instance)
    assert start.total_requested == 0
    _report(instance, "analytics", CONSUMED)
    first = dg.evaluate_automation_conditions(defs, instance, cursor=start.cursor)
    everything = {name for group, names in GROUPS.items() for name in names if group != "ml"}
    assert _requested(first) == everything
    _report_built(instance, everything)
    second = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
    assert second.total_requested == 0
    _report(instance, "analytics", ["product_performance"])
    third = dg.evaluate_automation_conditions(defs, instance, cursor=second.cursor)
    assert _requested(third) == {
        "product_features", "demand_forecast_model", "model_evaluations", "product_demand_forecasts"
    }  # fmt: skip


def test_a_failed_blocking_check_stops_what_is_downstream() -> None:
    instance = dg.DagsterInstance.ephemeral()
    _report(instance, "analytics", CONSUMED)
    first = dg.evaluate_automation_conditions(defs, instance)
    _report_built(instance, GROUPS["ml_features"], failed_check="customer_id__unique")
    second = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
    asked = _requested(second)
    assert "demand_forecast_model" in asked
    assert not asked & {"customer_churn_model", "customer_risk_scores"}


def test_a_run_for_each_update_of_the_penguins() -> None:
    instance = dg.DagsterInstance.ephemeral()
    for _ in range(3):
        _report(instance, "analytics", ["penguins"])
    sensor = defs.resolve_sensor_def("follow_penguins")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with dg.build_sensor_context(instance, definitions=defs) as context:
        tick = sensor.evaluate_tick(context)
    assert len({request.run_key for request in tick.run_requests or ()}) == 3
    targets = {key.path[-1] for request in tick.run_requests or () for key in request.asset_selection or ()}
    assert targets <= GROUPS["ml"]
