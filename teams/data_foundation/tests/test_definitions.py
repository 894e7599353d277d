"""The code location as Dagster sees it."""

import subprocess
import sys

import dagster as dg

from data_foundation.definitions import defs

TEAM = "data_foundation"

LOAD_ALONE = """
import socket

def refuse(*arguments):
    raise AssertionError("a connection was tried while the code loads")

socket.socket.connect = refuse
import data_foundation.definitions
"""


def test_the_project_has_assets_of_the_team_that_are_described_and_owned() -> None:
    specs = [spec for item in defs.assets or () if isinstance(item, dg.AssetsDefinition) for spec in item.specs]
    assert specs
    assert {spec.key.path[0] for spec in specs} == {TEAM}
    assert all(spec.description and spec.owners for spec in specs)


def test_it_loads_without_network_secret_and_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALONE], env={}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
