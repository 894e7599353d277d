"""The code location as Dagster sees it."""

import subprocess
import sys
from collections.abc import Iterable

import dagster as dg

from ml.definitions import defs

GROUPS = {
    "ml_features": {"customer_features", "product_features", "market_data"},
    "ml_models": {"customer_churn_model", "demand_forecast_model", "recommendation_model", "model_evaluations"},
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
                assert spec.automation_condition is not None
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
    """Materializations of own assets, and the results of all their checks."""
    _report(instance, "ml", names)
    specs = [s for d in defs.assets or () if isinstance(d, dg.AssetsDefinition) for s in d.check_specs]
    for spec in specs:
        if spec.asset_key.path[-1] in names:
            passed = spec.name != failed_check
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(asset_key=spec.asset_key, check_name=spec.name, passed=passed, metadata={})
            )


def _requested(result: dg.EvaluateAutomationConditionsResult) -> set[str]:
    names = {name for group in GROUPS.values() for name in group}
    return {name for name in names if result.get_num_requested(dg.AssetKey(["ml", name]))}


def test_follows_analytics_once_an_update() -> None:
    """Edge-triggered: what analytics published before this location was first evaluated starts nothing."""
    instance = dg.DagsterInstance.ephemeral()
    start = dg.evaluate_automation_conditions(defs, instance)
    assert start.total_requested == 0
    _report(instance, "analytics", CONSUMED)
    first = dg.evaluate_automation_conditions(defs, instance, cursor=start.cursor)
    everything = {name for group in GROUPS.values() for name in group}
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
