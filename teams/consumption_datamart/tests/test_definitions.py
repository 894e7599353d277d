"""The code location as Dagster sees it."""

import subprocess
import sys

import dagster as dg

from consumption_datamart.definitions import defs
from consumption_datamart.windows import DAYS

TEAM = "consumption_datamart"
LAKE = {
    "customer_register",
    "sku_register",
    "deployment_register",
    "invoice_order_lines",
    "cloud_deployment_heartbeats",
}

LOAD_ALONE = """
import socket

def refuse(*arguments):
    raise AssertionError("a connection was tried while the code loads")

socket.socket.connect = refuse
import consumption_datamart.definitions
"""


def test_every_asset_is_described_and_owned() -> None:
    specs = [spec for item in defs.assets or () if isinstance(item, dg.AssetsDefinition) for spec in item.specs]
    assert {spec.key.path[0] for spec in specs} == {TEAM}
    assert [spec.key for spec in specs if not spec.description or spec.owners != [f"team:{TEAM}"]] == []


def test_the_lake_tables_are_published_by_day_and_a_range_of_days_is_one_run() -> None:
    made = {item.key.path[-1]: item for item in defs.assets or () if isinstance(item, dg.AssetsDefinition)}
    assert made.keys() >= LAKE
    for name in LAKE:
        assert made[name].partitions_def == DAYS
        assert made[name].backfill_policy == dg.BackfillPolicy.single_run()
        assert made[name].specs_by_key[made[name].key].tags["headgate/published"] == "true"


def test_loading_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys, consumption_datamart.definitions; print([m for m in ('plotly', 'playwright') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_it_loads_without_network_secret_and_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALONE], env={}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
