"""Headgate: the library every team imports.

The public face is what this module names; everything else is reached by its own module when it is needed. Names load on
first use, so that the control plane can use the lake without Dagster or Ibis being installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.environment import read_secret, read_settings
    from headgate.errors import HeadgateError
    from headgate.orchestration.assets import asset, is_full_refresh, run_date
    from headgate.orchestration.automation import automation
    from headgate.orchestration.dbt.assets import dbt_assets
    from headgate.orchestration.definitions import team_definitions
    from headgate.orchestration.dlt import dlt_assets
    from headgate.orchestration.partitions import Partitions, has_partitions, run_partitions
    from headgate.orchestration.sling import sling_assets

_HOME = {
    "HeadgateError": "headgate.errors",
    "Partitions": "headgate.orchestration.partitions",
    "asset": "headgate.orchestration.assets",
    "automation": "headgate.orchestration.automation",
    "dbt_assets": "headgate.orchestration.dbt.assets",
    "dlt_assets": "headgate.orchestration.dlt",
    "has_partitions": "headgate.orchestration.partitions",
    "is_full_refresh": "headgate.orchestration.assets",
    "read_secret": "headgate.environment",
    "read_settings": "headgate.environment",
    "run_date": "headgate.orchestration.assets",
    "run_partitions": "headgate.orchestration.partitions",
    "sling_assets": "headgate.orchestration.sling",
    "team_definitions": "headgate.orchestration.definitions",
}

__all__ = [
    "HeadgateError",
    "Partitions",
    "asset",
    "automation",
    "dbt_assets",
    "dlt_assets",
    "has_partitions",
    "is_full_refresh",
    "read_secret",
    "read_settings",
    "run_date",
    "run_partitions",
    "sling_assets",
    "team_definitions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'headgate' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
