"""A real lake for the library's tests: one embedded PostgreSQL a session, one empty catalog a test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headgate.lake.session import LakeSession
from headgate.testing import Catalog, make_catalog, run_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with run_server() as url:
        yield url


@pytest.fixture
def catalog(server: str) -> Catalog:
    """The empty zones of two teams."""
    return make_catalog(server, ["analytics", "ml"])


@pytest.fixture
def open_session(catalog: Catalog, tmp_path: Path) -> Iterator[Callable[[str], LakeSession]]:
    """Opens sessions over one lake; all are closed at the end."""
    sessions: list[LakeSession] = []

    def open_one(team: str) -> LakeSession:
        sessions.append(LakeSession(catalog.settings(team, tmp_path), team))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()
