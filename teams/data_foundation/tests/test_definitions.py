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


def test_groups_own_what_they_make() -> None:
    specs = {spec.key.path[-1]: spec for spec in defs.resolve_all_asset_specs()}
    marketing = {"campaign_details", "int_clicks", "int_attributions", "fct_attributions", "dim_campaigns"}
    assert {name for name, spec in specs.items() if "noor.haddad@example.com" in spec.owners} == marketing
    own = {name for name, spec in specs.items() if "priya.raman@example.com" in spec.owners}
    assert own == {name for name, spec in specs.items() if "dbt" in spec.kinds} - marketing


def test_marts_are_published() -> None:
    published = {spec.key.path[-1] for spec in defs.resolve_all_asset_specs() if "headgate/published" in spec.tags}
    assert published == {"fct_transactions", "fct_attributions", "dim_products", "dim_accounts", "dim_campaigns"}


def test_all_but_months_of_hits_run_by_themselves() -> None:
    built = [spec for spec in defs.resolve_all_asset_specs() if "dbt" in spec.kinds]
    assert [spec.key.path[-1] for spec in built if spec.automation_condition is None] == ["int_hits"]
    pools = {
        asset.op.pool for asset in defs.assets or () if isinstance(asset, dg.AssetsDefinition) if asset.is_executable
    }
    assert pools >= {"data_foundation_hits", "data_foundation_history"}


def test_the_age_of_every_raw_table_is_a_check_that_runs_by_itself() -> None:
    graph = defs.resolve_asset_graph()
    keys = [key for key in graph.asset_check_keys if key.name == "freshness"]
    assert {key.asset_key.path[-1] for key in keys} == {
        *("raw_accounts", "raw_transactions", "raw_products", "raw_individual_party_keys"),
        *("raw_web_hits", "raw_app_hits"),
    }
    assert all(graph.get(key).automation_condition for key in keys)


def test_it_loads_without_network_secret_and_database() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALONE], env={}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
