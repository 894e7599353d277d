"""The sources of a dbt project: what it reads and does not make.

What belongs here: whether they are there, and checking them. What does not: making them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from headgate.errors import HeadgateError
from headgate.lake.session import LakeSession, private_zone
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.translation import Translation
from headgate.orchestration.io_manager import check_served_version
from headgate.orchestration.resources import LakeResource


def read_sources(translation: Translation, nodes: Iterable[Node]) -> list[Node]:
    """The sources that some nodes read."""
    found = {
        parent.unique_id: parent
        for node in nodes
        for parent in translation.manifest.parents(node)
        if parent.kind == "source" and not _is_elsewhere(parent)
    }
    return list(found.values())


def read_zones(translation: Translation, nodes: Iterable[Node]) -> list[str]:
    """The published zones that building some nodes reads; views bring those of what they are made of."""
    manifest = translation.manifest
    nodes = list(nodes)
    above = manifest.ancestors(nodes) | {node.unique_id for node in nodes}
    sources = [manifest.nodes[unique_id] for unique_id in above if manifest.nodes[unique_id].kind == "source"]
    own = private_zone(translation.team.name)
    return sorted({source.database for source in sources if not _is_elsewhere(source)} - {own})


def find_missing(
    translation: Translation, nodes: Iterable[Node], session: LakeSession, lake: LakeResource
) -> dict[str, HeadgateError]:
    """The sources that some nodes read and that cannot be read now, with the reason.

    What is read of other teams is put down as this run's inputs.
    """
    missing: dict[str, HeadgateError] = {}
    team = translation.team
    for source in read_sources(translation, nodes):
        if source.database != private_zone(team.name):
            table = f"{source.database}.{source.identifier}"
            try:
                check_served_version(session, table, team.consumes)
                lake.input_snapshots[table] = session.snapshot_id(source.database)
            except HeadgateError as error:
                missing[source.unique_id] = error
        elif not session.has_table(f"{source.database}.{source.identifier}", schema=source.schema):
            missing[source.unique_id] = DbtError(
                f"source {source.raw['source_name']}.{source.raw['name']} of the dbt project is not there: "
                f"no table {source.database}.{source.schema}.{source.identifier}",
                where=f"dbt/{source.path}",
                next_step=f"land it there with an asset or a dlt source of team {team.name}, or correct schema: and identifier:",
            )
    return missing


def source_checks(translation: Translation, project: DbtProject) -> Iterator[dg.AssetChecksDefinition]:
    yield from ()


def _is_elsewhere(source: Node) -> bool:
    """Whether dbt reads a file or a plugin in its place."""
    meta: dict[str, Any] = source.raw["meta"]
    return "external_location" in meta or "plugin" in meta
