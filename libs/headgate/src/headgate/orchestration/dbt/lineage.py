"""Which columns a model's columns come from."""

from typing import Any

import dagster as dg

from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.project import DbtProject


def read_lineage(project: DbtProject, translation: Any, node: Node) -> dg.TableColumnLineage | None:
    return None
