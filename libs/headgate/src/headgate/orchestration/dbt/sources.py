"""The sources of a dbt project: what it reads and does not make.

What belongs here: whether they are there. What does not: their checks (`source_checks`), making them.
"""

from collections.abc import Iterable
from typing import Any

from headgate.errors import HeadgateError
from headgate.lake.session import private_zone
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.translation import Translation
from headgate.orchestration.io_manager import check_served_version
from headgate.orchestration.resources import LakeResource


def read_sources(translation: Translation, nodes: Iterable[Node]) -> list[Node]:
    """The sources that some nodes read from the lake."""
    found = {
        parent.unique_id: parent
        for node in nodes
        for parent in translation.manifest.parents(node)
        if parent.kind == "source"
    }
    return list(found.values())


def read_zones(translation: Translation, nodes: Iterable[Node]) -> list[str]:
    """The published zones that building or testing some nodes reads; views bring those of what they are made of."""
    manifest = translation.manifest
    nodes = list(nodes)
    above = manifest.ancestors(nodes) | {node.unique_id for node in nodes}
    sources = [manifest.nodes[unique_id] for unique_id in above if manifest.nodes[unique_id].kind == "source"]
    own = private_zone(translation.team.name)
    return sorted({source.database for source in sources if not is_elsewhere(source)} - {own})


def zones_of(translation: Translation, nodes: Iterable[Node]) -> list[str]:
    """The zones that building or testing some nodes needs: the team's private one, and those it reads."""
    return [private_zone(translation.team.name), *read_zones(translation, nodes)]


def find_missing(translation: Translation, sources: Iterable[Node], lake: LakeResource) -> dict[str, HeadgateError]:
    """The sources that cannot be read now, by unique id, with the reason.

    What is read of other teams is put down as this run's inputs.
    """
    missing: dict[str, HeadgateError] = {}
    team = translation.team
    for source in sources:
        if is_elsewhere(source):
            continue
        if source.database != private_zone(team.name):
            table = f"{source.database}.{source.identifier}"
            try:
                check_served_version(lake.session, table, team.consumes)
                lake.input_snapshots[table] = lake.session.snapshot_id(source.database)
            except HeadgateError as error:
                missing[source.unique_id] = error
        elif not lake.session.has_table(f"{source.database}.{source.identifier}", schema=source.schema):
            place = f"{source.database}.{source.schema}.{source.identifier}"
            missing[source.unique_id] = DbtError(
                f"source {source.raw['source_name']}.{source.raw['name']} of the dbt project is not there: no table {place}",
                where=f"dbt/{source.path}",
                next_step=f"land it there by an asset of team {team.name}, or correct schema: and identifier: of the source",
            )
    return missing


def is_elsewhere(source: Node) -> bool:
    """Whether dbt reads a file or a plugin in its place."""
    meta: dict[str, Any] = source.raw["meta"]
    return "external_location" in meta or "plugin" in meta
