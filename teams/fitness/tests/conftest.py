"""A real lake with the worked example's raw tables in it, and the team's code location to build from them."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from headgate.lake.session import LakeSession
from headgate.testing import make_catalog, run_server

sys.path.insert(0, str(Path(__file__).parent))

EXAMPLE = Path(__file__).parent / "example"
AS_OF = "2026-11-20"

Build = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with run_server() as url:
        yield url


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The code location, loaded once. The parsed dbt project that it goes back to stays as long as the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADGATE_HOME", str(tmp_path_factory.mktemp("parsed")))
        from fitness.definitions import defs
    return defs


@pytest.fixture(scope="module")
def club(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSession]:
    """A lake in which the worked example was landed; variables of this process point to it."""
    home = tmp_path_factory.mktemp("home")
    catalog = make_catalog(server, ["fitness"])
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HEADGATE_") and "_TEST_" not in name]:
            patch.delenv(name)
        for name, value in catalog.environment("fitness", home).items():
            patch.setenv(name, value)
        patch.setenv("HEADGATE_ROOT", str(Path(__file__).parents[3]))
        with LakeSession(catalog.settings("fitness", home), "fitness") as session:
            session.attach("fitness_private")
            session.attach("fitness")
            session.connection.execute("use fitness_private")
            session.connection.execute((EXAMPLE / "raw.sql").read_text(encoding="utf-8"))
            yield session


@pytest.fixture(scope="module")
def build(club: LakeSession, definitions: dg.Definitions) -> Build:
    """Builds the whole dbt project as a run of the code location does."""
    instance = dg.DagsterInstance.ephemeral()
    job = definitions.resolve_implicit_global_asset_job_def()
    models = [spec.key for spec in definitions.resolve_all_asset_specs() if "dbt" in spec.kinds]

    def run(as_of: str = AS_OF, **options: Any) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=instance, asset_selection=models, tags={"headgate/as_of": as_of}, raise_on_error=False, **options
        )

    return run
