"""The code location as Dagster sees it."""

import subprocess
import sys

import dagster as dg

from fitness.definitions import defs

TEAM = "fitness"
PUBLISHED = {"dim_activities", "fct_activities", "sport_type_weekly_totals"}

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


def test_it_loads_without_network_secret_and_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALONE], env={}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
