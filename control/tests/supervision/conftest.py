"""Fixtures of the running platform: one repository a module."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_platform import ALPHA, BETA, RunningPlatform, TinyRepository

from headgate_control.ports import find_free_port


@pytest.fixture(scope="module")
def repository() -> Iterator[TinyRepository]:
    """A repository of its own for each test module, and nothing left of it afterwards."""
    # Not pytest's own folder: it is closed to the user that the embedded database runs as under root.
    base = Path(tempfile.mkdtemp(prefix="hg-"))
    base.chmod(0o755)
    tiny = TinyRepository(base / "repo", base / "home")
    tiny.root.mkdir()
    (tiny.root / "headgate").touch()
    tiny.write_team("alpha", ALPHA)
    tiny.write_team("beta", BETA)
    try:
        yield tiny
    finally:
        tiny.run("down")
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def platform(repository: TinyRepository) -> Iterator[RunningPlatform]:
    port = find_free_port()
    started = repository.run("up", "--no-sync", "--detach", "--port", str(port))
    assert started.returncode == 0, started.stdout + started.stderr
    yield RunningPlatform(repository, port)
    repository.run("down")
