"""Two installations for the whole session: `platform`, every team of this repository, and `workshop`, a copy to break.

The folders here are what runs side by side: the tests of one use the same installation, or each one of its own.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate_control import databases
from headgate_control.environments import find_stale
from headgate_control.projects import find_projects

from .installation import ROOT, Installation, Result, copy_repository, make_home

ORDERS = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def environments() -> Path:
    """The environments of the installation that runs the tests: made once, used by all."""
    home = Path(os.environ.get("HEADGATE_TEST_HOME") or ROOT / ".headgate")
    settings = Installation(ROOT, home, ()).settings
    stale = find_stale(settings, [project for project in find_projects(ROOT) if project.is_team])
    if stale or not (home / "envs" / "control").samefile(sys.prefix):
        pytest.fail("run `./headgate test tests/e2e`: it makes the environments that these tests use")
    return home / "envs"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a space in its name that the database's user may pass through: pytest's own is closed to it."""
    made = Path(tempfile.mkdtemp(prefix="headgate e2e "))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def platform(folder: Path, environments: Path) -> Iterator[Installation]:
    """Every team of the repository, from its own front door, its state in a long path; nothing is built yet."""
    long = folder / "a path that is longer than a socket may have" / ("and then some " * 6).strip()
    home = make_home(long, environments)
    assert len(str(home)) > 150
    installation = Installation(ROOT, home, (str(ROOT / "headgate"),))
    yield installation
    _close(installation)


@pytest.fixture(scope="session")
def first_build(platform: Installation) -> Result:
    """The first build of everything, from nothing."""
    return platform.build("--orders", str(ORDERS))


@pytest.fixture(scope="session")
def workshop(folder: Path, environments: Path) -> Iterator[Installation]:
    """A copy of the repository with team analytics alone, built once. Every test leaves it good again."""
    installation = copy_repository(folder / "workshop", environments, teams=["analytics"])
    built = installation.build("--orders", str(ORDERS))
    assert built.code == 0, built.text
    yield installation
    _close(installation)


@pytest.fixture(scope="module")
def kept_databases(workshop: Installation) -> Iterator[None]:
    """The workshop's databases stay up between the commands of a module, which saves a start and a stop for each."""
    used = databases.start(workshop.settings)
    yield
    databases.stop(workshop.settings, used)


def _close(installation: Installation) -> None:
    installation.run("down")
    databases.stop(installation.settings)
    left = installation.wait_for_end()
    assert not left, left
