"""`team_definitions`: everything a code location needs, from a team's modules and manifest."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dagster as dg

from headgate.contract import find_contract, load_contracts
from headgate.orchestration.assets import AssetError
from headgate.orchestration.io_manager import LakeIOManager, Place
from headgate.orchestration.monitoring import make_monitoring
from headgate.orchestration.partitions import allow_runs_without_partition
from headgate.orchestration.resources import LakeResource
from headgate.orchestration.sensors import automation_sensor
from headgate.team import Team, find_team

if TYPE_CHECKING:
    from headgate.orchestration.dbt.assets import DbtAssets


def team_definitions(
    modules: Iterable[ModuleType],
    *,
    resources: Mapping[str, Any] | None = None,
    jobs: Sequence[Any] = (),
    schedules: Sequence[Any] = (),
    sensors: Sequence[Any] = (),
    asset_checks: Sequence[Any] = (),
    dbt: "DbtAssets | None" = None,
    monitoring_cron: str = "30 6 * * *",
) -> dg.Definitions:
    """The `Definitions` of the team that calls it.

    Loads the assets and checks of the modules, and of a dbt project (`dbt=dbt_assets()`); adds the lake and its I/O
    manager, stands in for the consumed tables of other teams, runs steps in one process, switches declarative automation
    on, and validates what is published at the times of `monitoring_cron` (UTC).

    Raises:
        AssetError: an input that is neither an own asset nor declared under `consumes`; a contract without an asset.
    """
    allow_runs_without_partition()
    caller = inspect.stack()[1].filename
    team = find_team(Path(caller))
    modules = list(modules)
    assets = list(dg.load_assets_from_modules(modules))
    checks = [*dg.load_asset_checks_from_modules(modules), *asset_checks]
    contracts = load_contracts(team.contracts_folder)
    places: dict[str, Place] = {}
    if dbt is not None:
        assets += [*dbt.assets, *_sources_nobody_makes(dbt, assets)]
        checks += dbt.checks
        contracts |= dbt.contracts
        places = dbt.places
    _check_assets(team, assets)
    monitoring_jobs, monitoring_schedules = make_monitoring(team, list(contracts.values()), cron=monitoring_cron)

    @dg.io_manager(required_resource_keys={"lake"})  # a nested resource would be a second session
    def lake_io(context: dg.InitResourceContext) -> LakeIOManager:
        return LakeIOManager(context.resources.lake, published=contracts.keys(), accepts=team.consumes, places=places)

    return dg.Definitions(
        assets=[*assets, *_consumed_specs(team)],
        asset_checks=checks,
        jobs=[*jobs, *monitoring_jobs],
        schedules=[*schedules, *monitoring_schedules],
        sensors=[*sensors, automation_sensor()],
        resources={
            "lake": LakeResource(team=team.name, files=str(dbt.folder) if dbt is not None else None),
            "lake_io": lake_io,
            # Also of what dbt, dlt or a plain @dg.asset made: Dagster's own default would look for a pickle.
            "io_manager": lake_io,
            **(resources or {}),
        },
        executor=dg.in_process_executor,
    )


def _sources_nobody_makes(dbt: "DbtAssets", assets: Sequence[Any]) -> list[dg.AssetSpec]:
    made = {key for item in assets if isinstance(item, dg.AssetsDefinition) for key in item.keys}
    given = {item.key for item in assets if isinstance(item, dg.AssetSpec)}
    return [spec for key, spec in dbt.sources.items() if key not in made | given]


def _consumed_specs(team: Team) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            key=dg.AssetKey(table.split(".")),
            description=f"Published by team {table.split('.')[0]}; accepted here in versions {versions}",
            metadata={"dagster/io_manager_key": "lake_io"},
        )
        for table, versions in team.consumes.items()
    ]


def _check_assets(team: Team, assets: Sequence[Any]) -> None:
    definitions = [item for item in assets if isinstance(item, dg.AssetsDefinition)]
    own = {key for definition in definitions for key in definition.keys}
    external = {item.key for item in assets if isinstance(item, dg.AssetSpec)}
    consumed = {dg.AssetKey(table.split(".")) for table in team.consumes}
    for definition in definitions:
        for key in definition.keys:
            name = key.path[-1]
            if (
                find_contract(team.contracts_folder, name)
                and "headgate/contract_version" not in definition.metadata_by_key[key]
            ):
                raise AssetError(
                    f"{key.to_user_string()} has a contract but is made with Dagster's own @asset",
                    where=f"team {team.name}",
                    next_step="use `from headgate import asset`, so that the gate publishes it",
                )
        for upstream in sorted(
            set(definition.dependency_keys) - own - external - consumed, key=lambda k: k.to_user_string()
        ):
            raise AssetError(
                f"{', '.join(k.to_user_string() for k in definition.keys)} reads {'.'.join(upstream.path)}, "
                "which is neither an asset of this team nor declared as consumed",
                where=str(team.folder / "pyproject.toml"),
                next_step='correct the name, or add it under [tool.headgate.consumes] as "team.table" = ">=1,<2"',
            )
    names = {key.path[-1] for key in own}
    for path in sorted(team.contracts_folder.glob("*.odcs.yaml")):
        if path.name.removesuffix(".odcs.yaml") not in names:
            raise AssetError(
                f"the contract {path.name} has no asset",
                where=str(path),
                next_step=f"write an asset named {path.name.removesuffix('.odcs.yaml')}, or remove the contract",
            )
