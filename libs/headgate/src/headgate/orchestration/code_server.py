"""A team's code server: Dagster's own, without the instance that it would open and does not need.

Run as `python -m headgate.orchestration.code_server` with the options of `dagster api grpc`, by the control plane.

Dagster's server opens the instance of `DAGSTER_HOME` before it loads a team's code. It goes on without one when there is none:
ticks and runs bring the instance that they belong to, and only components whose state Dagster keeps for them read it. Here it
finds none, so a team's code loads while the database is still starting, and a team without sensors of its own never loads
PostgreSQL's and SQLAlchemy's modules: 30 MB and 0.6 s of computing each.

For the same reason Dagster's test utilities are kept out: loading a team's code takes one class from them, and with it came
every storage there is. So is the parser of SQL that Ibis takes along for the few who ask for SQL, 13 MB, and what structlog would
colour tracebacks with.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from headgate.imports import LateModule, without

_TEST_UTILITIES = "dagster._utils.test.definitions"
_SQL_OF_IBIS = "ibis.expr.sql"


class _TestUtilities(ModuleType):
    """What Dagster's loading of code takes from its test utilities; whoever wants more of them gets them all."""

    def __getattr__(self, name: str) -> Any:
        if name == "LazyDefinitions":
            return import_module("dagster.components.definitions").LazyDefinitions
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(_TEST_UTILITIES) is self:
            del sys.modules[_TEST_UTILITIES]
        return getattr(import_module(_TEST_UTILITIES), name)


@contextmanager
def _no_instance(*_: Any, **__: Any) -> Iterator[None]:
    from dagster._core.errors import DagsterHomeNotSetError

    raise DagsterHomeNotSetError("a code server is given the instance by whoever asks it")
    yield


def leave_out() -> None:
    """Keep out of a server what only a run or a terminal uses. A run's process, which does not call this, loads what it needs."""
    sys.modules.setdefault(_SQL_OF_IBIS, LateModule(_SQL_OF_IBIS))
    with without("rich"):
        import structlog  # noqa: F401  # for Dagster's log, a file, which has no colours


def main() -> None:
    """Serve until SIGTERM."""
    leave_out()
    from dagster._cli import utils
    from dagster._cli.api import api_cli

    # The server looks the function up when it starts.
    utils.get_instance_for_cli = _no_instance  # type: ignore[assignment]
    api_cli(args=["grpc", *sys.argv[1:]], prog_name="headgate-code-server")


# A run's process, which is spawned, imports this module once more, and then loads the team's code.
sys.modules.setdefault(_TEST_UTILITIES, _TestUtilities(_TEST_UTILITIES))

if __name__ == "__main__":
    main()
