"""The code location as Dagster sees it."""

import subprocess
import sys

import dagster as dg

from fitness.definitions import defs

TEAM = "fitness"
PUBLISHED = {
    "dim_activities",
    "fct_activities",
    "sport_type_weekly_totals",
    "ride_energy_evaluation",
    "ride_energy_predictions",
}
GROUPS = {
    "energy": {
        "rides",
        "ride_energy_backtest",
        "ride_energy_model",
        "ride_energy_evaluation",
        "ride_energy_predictions",
        "ride_energy_drift",
    },
    "dashboard": {"activity_dashboard", "ride_energy_page"},
}

LOAD_ALONE = """
import socket

def refuse(*arguments):
    raise AssertionError("a connection was tried while the code loads")

socket.socket.connect = refuse
import fitness.definitions
"""


def test_every_asset_is_described_and_owned() -> None:
    specs = [spec for item in defs.assets or () if isinstance(item, dg.AssetsDefinition) for spec in item.specs]
    assert all(spec.key.path[0] == TEAM for spec in specs)
    assert [spec.key for spec in specs if not spec.description or spec.owners != [f"team:{TEAM}"]] == []


def test_products_are_published() -> None:
    published = {spec.key.path[-1] for spec in defs.resolve_all_asset_specs() if "headgate/published" in spec.tags}
    assert published >= PUBLISHED


def test_the_model_and_the_pages_are_made_by_the_daily_job_and_not_once_more_after_it() -> None:
    specs = {spec.key.path[-1]: spec for spec in defs.resolve_all_asset_specs()}
    for group, names in GROUPS.items():
        assert {name for name, spec in specs.items() if spec.group_name == group} == names
        assert [name for name in names if specs[name].automation_condition is not None] == []


def test_the_model_is_checked_beside_what_its_contracts_say() -> None:
    keys = {(key.asset_key.path[-1], key.name) for key in defs.resolve_asset_graph().asset_check_keys}
    assert keys >= {
        ("ride_energy_model", "beats_baselines"),
        ("ride_energy_evaluation", "is_calibrated_by_distance"),
        ("ride_energy_evaluation", "absolute_error_kj__at_least_difference"),
        ("ride_energy_drift", "inputs_have_not_drifted"),
        ("ride_energy_predictions", "predicted_energy_kj__range"),
    }


def test_loading_needs_none_of_the_heavy_libraries() -> None:
    code = "import sys, fitness.definitions; print([m for m in ('mlflow', 'sklearn', 'skops', 'plotly') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_it_loads_without_network_secret_and_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALONE], env={}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr


def test_one_job_a_day_makes_everything() -> None:
    [schedule] = [each for each in defs.schedules or () if each.name != "monitoring"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.default_status) == ("0 4 * * *", dg.DefaultScheduleStatus.RUNNING)
    made = set(defs.resolve_job_def(schedule.job_name).asset_layer.executable_asset_keys)
    own = {key for item in defs.assets or () if isinstance(item, dg.AssetsDefinition) for key in item.keys}
    assert made == own
    assert {tuple(key.path) for key in own} >= {
        (TEAM, "activities"),
        (TEAM, "src_doubts"),
        (TEAM, "activity_dashboard"),
    }


def test_the_age_of_the_newest_load_is_a_check() -> None:
    checks = {(key.asset_key.path[-1], key.name) for check in defs.asset_checks or () for key in check.check_keys}
    assert ("athlete_stats", "freshness") in checks
