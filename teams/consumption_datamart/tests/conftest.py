"""ACME's file drops, an empty lake, and runs of the team's code location against them."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from headgate.testing import make_catalog, run_server

sys.path.insert(0, str(Path(__file__).parent))

from worlds import ROOT, SIZE, TEAM, TODAY, Acme, Lake


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with run_server() as url:
        yield url


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """A small world; nobody changes it."""
    acme = Acme(tmp_path_factory.mktemp("acme"))
    acme.call("seed", "--today", TODAY, *SIZE)
    return acme


@pytest.fixture
def acme(seeded: Acme, tmp_path: Path) -> Acme:
    """A copy of the small world that a test may change."""
    shutil.copytree(seeded.folder, tmp_path / "acme", symlinks=True)
    return Acme(tmp_path / "acme")


@pytest.fixture
def lake(server: str, acme: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    catalog = make_catalog(server, [TEAM])
    for name in [name for name in os.environ if name.startswith("HEADGATE_") and "_TEST_" not in name]:
        monkeypatch.delenv(name)
    for name, value in catalog.environment(TEAM, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADGATE_ROOT", str(ROOT))
    monkeypatch.setenv("DROPS_URL", acme.url)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Lake(catalog, tmp_path / "home", instance)
