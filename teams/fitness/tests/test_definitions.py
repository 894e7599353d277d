"""The code location as Dagster sees it."""

import subprocess
import sys

import dagster as dg

from fitness.definitions import defs

TEAM = "fitness"
TABLES: set[str] = set()

LOAD_ALONE = """
import socket

def refuse(*arguments):
    raise AssertionError("a connection was tried while the code loads")

socket.socket.connect = refuse
import fitness.definitions
"""


def test_every_asset_is_described_and_owned() -> None:
    specs = [spec for item in defs.assets or () if isinstance(item, dg.AssetsDefinition) for spec in item.specs]
    assert {tuple(spec.key.path) for spec in specs} == {(TEAM, table) for table in TABLES}
    assert all(spec.description and spec.owners == [f"team:{TEAM}"] for spec in specs)


def test_it_loads_without_network_secret_and_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALONE], env={}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
