"""`dbt_assets`: a team's dbt project as Dagster assets and checks.

What belongs here: which definitions a project becomes. What does not: what each node means (`translation`), and running
dbt (`running`).
"""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from headgate.contract import Contract
from headgate.environment import read_settings
from headgate.orchestration.checks import check_specs
from headgate.orchestration.dbt.contracts import find_contracts
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.project import FOLDER, DbtProject, load_project
from headgate.orchestration.dbt.running import DbtRun
from headgate.orchestration.dbt.settings import Partitions, read_partitions
from headgate.orchestration.dbt.source_checks import source_checks
from headgate.orchestration.dbt.sources import read_zones
from headgate.orchestration.dbt.translation import Translation, check_names
from headgate.orchestration.failures import dagster_failures
from headgate.orchestration.io_manager import Place
from headgate.team import Team, find_team


@dataclass(frozen=True)
class DbtAssets:
    """What a dbt project adds to a team's definitions; `team_definitions(dbt=…)` takes it in.

    Args:
        folder: the project's.
        assets: models, seeds and snapshots with their tests; one definition for all that run alike.
        sources: what the project reads, by key; stands in for what nobody in the team makes.
        checks: tests and freshness of sources.
        contracts: published model → its contract.
        places: asset's name → where it is in the private zone.
    """

    folder: Path
    assets: tuple[dg.AssetsDefinition, ...]
    sources: dict[dg.AssetKey, dg.AssetSpec] = field(default_factory=dict)
    checks: tuple[dg.AssetChecksDefinition, ...] = ()
    contracts: dict[str, Contract] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


def dbt_assets(folder: Path | str | None = None) -> DbtAssets:
    """The dbt project of the team that calls it.

    Args:
        folder: the project's folder, from the team's; `dbt` by default.

    Raises:
        DbtError: there is no such project, dbt cannot parse it, or its `meta: headgate:` is not understood.
        ContractError: a contract, written or derived, is malformed.
    """
    team = find_team(Path(inspect.stack()[1].filename))
    project = load_project(team.folder / (folder or FOLDER), team.name, read_settings())
    return make_assets(team, project)


def make_assets(team: Team, project: DbtProject) -> DbtAssets:
    """As `dbt_assets`, of a project that is loaded."""
    manifest = project.manifest
    contracts = find_contracts(team, project)
    translation = Translation(team, manifest, contracts)
    check_names(translation, [test for test in manifest.tests if test.unique_id in manifest.attachments])
    alike: dict[tuple[Partitions | None, str | None], list[Node]] = {}
    for node in manifest.relations:
        alike.setdefault((read_partitions(node), node.settings.get("pool")), []).append(node)
    definitions = [
        _define(translation, project, nodes, partitions, pool, name)
        for (partitions, pool), nodes, name in _named(team.name, alike)
    ]
    sources = {translation.key(node): translation.source_spec(node) for node in manifest.of_kind("source")}
    return DbtAssets(
        folder=project.folder,
        assets=tuple(definitions),
        sources={key: spec for key, spec in sources.items() if key.path[0] == team.name},
        checks=tuple(source_checks(translation, project)),
        contracts=contracts,
        places={
            node.name: Place(node.schema, node.identifier, tuple(read_zones(translation, [node])))
            for node in manifest.relations
        },
    )


def _named(team: str, alike: dict[Any, list[Node]]) -> Iterator[tuple[Any, list[Node], str]]:
    seen: set[str] = set()
    for (partitions, pool), nodes in alike.items():
        name = "_".join(part for part in (team, "dbt", partitions and partitions.every, pool) if part)
        while name in seen:
            name += "_more"
        seen.add(name)
        yield (partitions, pool), nodes, name


def _define(
    translation: Translation,
    project: DbtProject,
    nodes: list[Node],
    partitions: Partitions | None,
    pool: str | None,
    name: str,
) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=name,
        specs=[translation.spec(node) for node in nodes],
        check_specs=list(_check_specs(translation, nodes)),
        partitions_def=partitions.definition() if partitions else None,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        pool=pool,
        can_subset=True,
        required_resource_keys={"lake"},
        op_tags={"headgate/dbt": "true"},
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with dagster_failures(translation.team.secrets):
            yield from DbtRun(context, translation, project, nodes, partitions).run()

    return build


def _check_specs(translation: Translation, nodes: Iterable[Node]) -> Iterator[dg.AssetCheckSpec]:
    manifest = translation.manifest
    own = {node.unique_id for node in nodes}
    for test in manifest.tests:
        subject = manifest.attachments.get(test.unique_id)
        if subject is not None and subject.unique_id in own:
            yield translation.check_spec(test)
    for node in nodes:
        if contract := translation.contracts.get(node.name):
            yield from check_specs(contract, translation.key(node))
