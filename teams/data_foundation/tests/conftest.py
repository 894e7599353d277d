"""A real lake with the worked example's raw tables in it, and the team's code location to build from them."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from headgate.lake.session import LakeSession
from headgate.testing import make_catalog, run_server

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[3]
EXAMPLE = Path(__file__).parent / "example"

Build = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with run_server() as url:
        yield url


@pytest.fixture(scope="module")
def lake(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSession]:
    """An empty lake; variables of this process point to it."""
    home = tmp_path_factory.mktemp("home")
    catalog = make_catalog(server, ["data_foundation"])
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HEADGATE_") and "_TEST_" not in name]:
            patch.delenv(name)
        for name, value in catalog.environment("data_foundation", home).items():
            patch.setenv(name, value)
        patch.setenv("HEADGATE_ROOT", str(ROOT))
        with LakeSession(catalog.settings("data_foundation", home), "data_foundation") as session:
            session.attach("data_foundation_private")
            session.attach("data_foundation")
            yield session


@pytest.fixture(scope="module")
def shop(lake: LakeSession) -> LakeSession:
    """A lake in which the worked example was landed."""
    lake.connection.execute("use data_foundation_private")
    lake.connection.execute((EXAMPLE / "raw.sql").read_text(encoding="utf-8"))
    return lake


@pytest.fixture(scope="module")
def build(lake: LakeSession) -> Build:
    """Builds all that dbt makes, or the tables that are named, as a run of the code location does."""
    from data_foundation.definitions import defs

    instance = dg.DagsterInstance.ephemeral()
    job = defs.resolve_implicit_global_asset_job_def()
    specs = {spec.key.path[-1]: spec for spec in defs.resolve_all_asset_specs()}
    models = [name for name, spec in specs.items() if "dbt" in spec.kinds]

    def run(*names: str, partition: str | None = None) -> dg.ExecuteInProcessResult:
        chosen = [specs[name].key for name in names or models]
        return job.execute_in_process(
            instance=instance, asset_selection=chosen, partition_key=partition, raise_on_error=False
        )

    return run
