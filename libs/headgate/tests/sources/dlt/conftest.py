"""A pull and its landing in one call, against a real lake."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dlt
import pytest

from headgate.lake.session import LakeSession
from headgate.sources.dlt.landing import land
from headgate.sources.dlt.memory import read_memory
from headgate.sources.dlt.model import Landed, Window
from headgate.sources.dlt.pull import pull_source


@pytest.fixture
def make_source() -> Callable[..., Any]:
    def make(*resources: Any) -> Any:
        @dlt.source(name="shop")
        def shop() -> Any:
            return list(resources)

        return shop()

    return make


@pytest.fixture
def land_source(
    open_session: Callable[[str], LakeSession], make_source: Callable[..., Any], tmp_path: Path
) -> Callable[..., dict[str, Landed]]:
    session = open_session("analytics")

    def run(*resources: Any, run_id: str = "run", windows: Sequence[Window] = ()) -> dict[str, Landed]:
        memory = read_memory(session, "shop")
        with pull_source([make_source(*resources)], memory, tmp_path / "pulls") as pulled:
            return land(session, pulled, memory=memory, run_id=run_id, windows=windows)

    return run


@pytest.fixture
def rows_of(open_session: Callable[[str], LakeSession]) -> Callable[[str], list[tuple[Any, ...]]]:
    """What an SQL query gives; every table in it is one of the private zone."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        session = open_session("analytics")
        session.attach("analytics_private")
        session.connection.execute("use analytics_private")
        return session.connection.execute(sql).fetchall()

    return query
