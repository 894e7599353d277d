"""What the tests of the control plane share: a home in an awkward place, and servers that are gone afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import ROOT

from headgate.environment import Settings
from headgate_control import databases


@pytest.fixture
def awkward_folder(tmp_path: Path) -> Path:
    """A folder with spaces and quotes in its name, and a path longer than any socket's may be."""
    folder = tmp_path / "a new user's" / ("clone " + "x" * 120)
    folder.mkdir(parents=True)
    assert len(str(folder)) > 150
    return folder


@pytest.fixture
def settings(awkward_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of a fresh home below the awkward folder, for the repository's own root. Servers end with the test."""
    for name in ("HEADGATE_CATALOG_URL", "ACME_URL", "HEADGATE_ENVIRONMENT", "HEADGATE_ADMIN_URL"):
        monkeypatch.delenv(name, raising=False)
    home = awkward_folder / "home"
    monkeypatch.setenv("HEADGATE_HOME", str(home))
    settings = Settings(root=ROOT, home=home)
    yield settings
    databases.stop(settings)
