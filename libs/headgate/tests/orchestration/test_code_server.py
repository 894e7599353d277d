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

LOADS_A_PRODUCT = """
import sys

from headgate.orchestration import code_server

code_server.leave_out()
import dagster as dg
import ibis
from headgate import asset, team_definitions

print([name for name in ("duckdb", "pandas", "pyarrow", "sqlglot", "rich.console") if name in sys.modules])
print(ibis.to_sql(ibis.table({"a": "int"}, name="t").a.sum().name("whole")).split())

import rich.console
import structlog
"""


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_teams_code_loads_without_any_storage_and_test_utilities_are_there_for_who_asks() -> None:
    assert run(LOADS_A_TEAM) == ["[AssetKey(['one'])]", "[]", "True True"]


def test_the_library_and_ibis_load_without_engine_and_parser_and_have_them_when_they_are_used() -> None:
    loaded, statement = run(LOADS_A_PRODUCT)
    assert loaded == "[]"
    assert statement == str(["SELECT", 'SUM("t0"."a")', "AS", '"whole"', "FROM", '"t"', "AS", '"t0"'])
