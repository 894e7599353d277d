"""Teams of the tests with a dbt project: their folder, their lake, and runs of what they define."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from headgate.lake.session import LakeSession
from headgate.team import read_team
from headgate.testing import Catalog, make_catalog

PROJECTS = Path(__file__).parent
PYPROJECT = """
[project]
name = "{name}"
version = "0.1.0"
[tool.headgate]
owner = "team:{name}"
[tool.headgate.consumes]
{consumes}
"""
DEFINITIONS = """
from headgate import dbt_assets, team_definitions

from {name} import assets

defs = team_definitions(modules=[assets], dbt=dbt_assets())
"""


@dataclass
class Scene:
    """A team with a dbt project, on a lake of its own."""

    name: str
    home: Path
    catalog: Catalog
    instance: dg.DagsterInstance

    @property
    def folder(self) -> Path:
        return self.home / "teams" / self.name

    @property
    def dbt(self) -> Path:
        return self.folder / "dbt"

    def load(self) -> dg.Definitions:
        """The team's definitions, from the files as they are now."""
        read_team.cache_clear()
        for name in [name for name in sys.modules if name.split(".")[0] == self.name]:
            del sys.modules[name]
        defs: dg.Definitions = importlib.import_module(f"{self.name}.definitions").defs
        return defs

    def run(self, *names: str, checks: bool = True, **options: Any) -> dg.ExecuteInProcessResult:
        """A run of the assets named; of all of them when none is named."""
        selection = (
            dg.AssetSelection.assets(*([self.name, name] for name in names)) if names else dg.AssetSelection.all()
        )
        if not checks:
            selection = selection.without_checks()
        job = dg.define_asset_job("build", selection=selection)
        defs = dg.Definitions.merge(self.load(), dg.Definitions(jobs=[job]))
        return defs.resolve_job_def("build").execute_in_process(instance=self.instance, raise_on_error=False, **options)

    def session(self, team: str = "") -> LakeSession:
        team = team or self.name
        return LakeSession(self.catalog.settings(team, self.home), team)

    def rows(self, sql: str, zones: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        with self.session() as session:
            for zone in zones or (self.name, f"{self.name}_private"):
                session.attach(zone)
            return session.connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def make_scene(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Scene]]:
    """Makes a team of one of the projects beside this file; one lake a module."""
    patch = pytest.MonkeyPatch()
    instances: list[dg.DagsterInstance] = []

    def make(name: str, *, consumes: str = "", python: str = "") -> Scene:
        home = tmp_path_factory.mktemp(name)
        scene = Scene(name, home, make_catalog(server, [name, "analytics"]), dg.DagsterInstance.ephemeral())
        instances.append(scene.instance)
        package = scene.folder / "src" / name
        package.mkdir(parents=True)
        (scene.folder / "contracts").mkdir()
        shutil.copytree(PROJECTS / name, scene.dbt)
        (scene.folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, consumes=consumes), encoding="utf-8")
        (package / "__init__.py").write_text("", encoding="utf-8")
        (package / "assets.py").write_text(python, encoding="utf-8")
        (package / "definitions.py").write_text(DEFINITIONS.format(name=name), encoding="utf-8")
        patch.syspath_prepend(str(scene.folder / "src"))
        for variable, value in scene.catalog.environment(name, home).items():
            patch.setenv(variable, value)
        return scene

    yield make
    patch.undo()
    for instance in instances:
        instance.dispose()
