"""What a code server loads, in a process of its own."""

import subprocess
import sys

LOADS_A_TEAM = """
import sys

import headgate.orchestration.code_server
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import initialize_repository_def_from_pointer
from dagster.components.definitions import LazyDefinitions

sys.modules["team"] = type(sys)("team")
exec("import dagster as dg\\n@dg.asset\\ndef one() -> None: ...\\ndefs = dg.Definitions(assets=[one])", vars(sys.modules["team"]))
repository = initialize_repository_def_from_pointer(ModuleCodePointer("team", "defs", "."))
print(sorted(repository.asset_graph.get_all_asset_keys()))
print([name for name in ("alembic", "sqlalchemy", "psycopg", "psycopg2", "sqlite3") if name in sys.modules])

from dagster._utils.test.definitions import LazyDefinitions as taken
from dagster._utils.test.definitions import scoped_definitions_load_context

import dagster._utils.test.definitions as whole

print(taken is LazyDefinitions, whole.scoped_definitions_load_context is scoped_definitions_load_context)
"""


def test_a_teams_code_loads_without_any_storage_and_test_utilities_are_there_for_who_asks() -> None:
    command = [sys.executable, "-W", "ignore", "-c", LOADS_A_TEAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[AssetKey(['one'])]", "[]", "True True"]
