"""Assets of a small team run through Dagster against a real lake."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

from headgate.testing import Catalog

PYPROJECT = """
[project]
name = "{team}"
version = "0.1.0"
description = "A team of the tests"
[tool.headgate]
owner = "team:{team}"
[tool.headgate.consumes]
{consumes}
"""
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: {team}.{table}
name: {table}
version: {version}
status: active
description:
  purpose: Numbers.
schema:
  - name: {table}
    physicalType: table
    description: One row a number.
    properties:
      - name: id
        logicalType: integer
        physicalType: bigint
        description: The number itself.
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        logicalTypeOptions:
          minimum: 0
    quality:
      - type: sql
        name: id__large
        description: Above a hundred.
        query: select count(*) from {{table}} where id > 100
        mustBe: 0
        severity: warning
team:
  name: {team}
"""
ANALYTICS = """
import ibis
import pandas
import dagster as dg
from headgate import asset, run_date, team_definitions
import sys

@asset(group_name="raw")
def numbers() -> ibis.Table:
    return ibis.memtable({"id": [1, 2, 3]})

@asset
def squares(numbers: ibis.Table) -> ibis.Table:
    "Squares of the numbers."
    return numbers.select(id=(numbers.id * numbers.id).cast("int64"))

@asset
def as_pandas(context: dg.AssetExecutionContext, squares: pandas.DataFrame) -> pandas.DataFrame:
    assert run_date(context).isoformat() == "2026-03-01"
    return squares[squares.id > 1]

@dg.asset(key_prefix="analytics", ins={"as_pandas": dg.AssetIn(["analytics", "as_pandas"])})
def plain(as_pandas: pandas.DataFrame) -> pandas.DataFrame:
    return as_pandas

@asset
def nothing(squares: ibis.Table) -> None:
    assert squares.count().execute() == 3

@asset
def page(squares: ibis.Table) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"numbers": 3})

defs = team_definitions(modules=[sys.modules[__name__]])
"""
ML = """
import ibis
from headgate import asset, team_definitions
import sys

@asset
def doubled(squares: ibis.Table) -> ibis.Table:
    return squares.select(id=squares.id * 2)

defs = team_definitions(modules=[sys.modules[__name__]])
"""


@pytest.fixture
def load_team(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Writes a team's folder, takes on its role, and imports its definitions."""
    loaded = []

    def load(team: str, code: str, *, contracts: dict[str, str] | None = None, consumes: str = "") -> ModuleType:
        folder = tmp_path / "teams" / team
        (folder / "contracts").mkdir(parents=True, exist_ok=True)
        (folder / "pyproject.toml").write_text(PYPROJECT.format(team=team, consumes=consumes), encoding="utf-8")
        for table, version in (contracts or {}).items():
            text = CONTRACT.format(team=team, table=table, version=version)
            (folder / "contracts" / f"{table}.odcs.yaml").write_text(text, encoding="utf-8")
        source = folder / f"{team}_{len(loaded)}.py"
        source.write_text(code, encoding="utf-8")
        for name, value in catalog.environment(team, tmp_path).items():
            monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location(source.stem, source)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[source.stem] = module
        loaded.append(source.stem)
        # Manifests and contracts are read once a process; here the same folder is written several times.
        from headgate.team import read_team

        read_team.cache_clear()
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


def run(defs: dg.Definitions, *, raise_on_error: bool = True, **tags: str) -> dg.ExecuteInProcessResult:
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(tags=tags, raise_on_error=raise_on_error, instance=dg.DagsterInstance.ephemeral())


AS_OF = {"headgate/as_of": "2026-03-01"}


def test_assets_are_published_or_kept_private(load_team, open_session) -> None:
    module = load_team("analytics", ANALYTICS, contracts={"squares": "1.0.0"})
    result = run(module.defs, **AS_OF)
    assert result.success
    session = open_session("analytics")
    assert session.connection.execute(
        f"select id from {session.qualify('analytics.squares')} order by id"
    ).fetchall() == [
        (1,),
        (4,),
        (9,),
    ]
    assert not session.has_table("analytics.numbers")
    for table in ("numbers", "as_pandas", "plain"):
        assert session.has_table(f"analytics_private.{table}")
    for table in ("nothing", "page"):
        assert not session.has_table(f"analytics_private.{table}")
    [page] = result.asset_materializations_for_node("analytics__page")
    assert page.metadata["numbers"].value == 3
    [materialization] = result.asset_materializations_for_node("analytics__squares")
    assert materialization.metadata["dagster/row_count"].value == 3
    checks = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert checks["id__large"].passed and len(checks) >= 4
    snapshots = session.connection.execute("select input_snapshots from analytics._publications").fetchall()
    assert snapshots == [("{}",)]


def test_definitions_carry_what_the_contract_says(load_team) -> None:
    module = load_team("analytics", ANALYTICS, contracts={"squares": "1.0.0"})
    definition = module.squares
    key = dg.AssetKey(["analytics", "squares"])
    assert definition.metadata_by_key[key]["headgate/contract_version"] == "1.0.0"
    schema = definition.metadata_by_key[key]["dagster/column_schema"]
    assert [(column.name, column.type, column.constraints.nullable) for column in schema.columns] == [
        ("id", "BIGINT", False)
    ]
    assert definition.descriptions_by_key[key] == "Squares of the numbers."
    assert definition.owners_by_key[key] == ["team:analytics"]
    blocking = {spec.name: spec.blocking for spec in definition.check_specs}
    assert blocking["id__large"] is False and any(blocking.values())


def test_a_failed_audit_fails_the_run_with_its_checks(load_team, open_session) -> None:
    contracts = {"squares": "1.0.0"}
    run(load_team("analytics", ANALYTICS, contracts=contracts).defs, **AS_OF)
    bad = ANALYTICS.replace('"id": [1, 2, 3]', '"id": [1, 1, 3]')
    result = run(load_team("analytics", bad, contracts=contracts).defs, raise_on_error=False, **AS_OF)
    assert not result.success
    failures = {event.step_key: event.step_failure_data for event in result.get_step_failure_events()}
    assert list(failures) == ["analytics__squares"]
    description = failures["analytics__squares"].user_failure_data.description
    assert "analytics.squares was not published: 2 of 3 rows break" in description
    assert [e.check_name for e in result.get_asset_check_evaluations() if not e.passed] != []
    session = open_session("analytics")
    assert session.connection.execute(f"select count(*) from {session.qualify('analytics.squares')}").fetchone() == (3,)


def test_warnings_leave_the_run_green(load_team) -> None:
    loud = ANALYTICS.replace('"id": [1, 2, 3]', '"id": [1, 2, 300]')
    result = run(load_team("analytics", loud, contracts={"squares": "1.0.0"}).defs, **AS_OF)
    [warned] = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert result.success and warned.severity == dg.AssetCheckSeverity.WARN
    assert warned.metadata["failed_rows"].value == 1


def test_a_consumer_reads_the_published_table_of_another_team(load_team, open_session) -> None:
    run(load_team("analytics", ANALYTICS, contracts={"squares": "1.0.0"}).defs, **AS_OF)
    module = load_team("ml", ML, contracts={"doubled": "1.0.0"}, consumes='"analytics.squares" = ">=1,<2"')
    assert run(module.defs).success
    session = open_session("ml")
    rows = session.connection.execute(f"select id from {session.qualify('ml.doubled')} order by id").fetchall()
    assert rows == [(2,), (8,), (18,)]
    [(snapshots,)] = session.connection.execute("select input_snapshots from ml._publications").fetchall()
    assert "analytics.squares" in snapshots


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    [event] = result.get_step_failure_events()
    data = event.step_failure_data
    return data.user_failure_data.description if data.user_failure_data else str(data.error)


def test_a_consumer_of_an_unaccepted_version_is_told(load_team) -> None:
    run(load_team("analytics", ANALYTICS, contracts={"squares": "2.0.0"}).defs, **AS_OF)
    module = load_team("ml", ML, consumes='"analytics.squares" = ">=1,<2"')
    result = run(module.defs, raise_on_error=False)
    assert not result.success
    assert "served under contract version 2.0.0, and team ml accepts" in failure_of(result)


def test_a_consumer_of_what_was_never_published_is_told(load_team) -> None:
    module = load_team("ml", ML, consumes='"analytics.squares" = ">=1,<2"')
    result = run(module.defs, raise_on_error=False)
    assert not result.success
    assert "has not been published yet" in failure_of(result)


def test_an_undeclared_input_does_not_load(load_team) -> None:
    with pytest.raises(Exception, match=r"reads ml\.squares, which is neither an asset of this team nor declared"):
        load_team("ml", ML)


def test_a_contract_without_an_asset_does_not_load(load_team) -> None:
    with pytest.raises(Exception, match=r"the contract ghosts\.odcs\.yaml has no asset"):
        load_team("analytics", ANALYTICS, contracts={"ghosts": "1.0.0"})


def test_a_contract_under_a_plain_dagster_asset_does_not_load(load_team) -> None:
    with pytest.raises(Exception, match="made with Dagster's own @asset"):
        load_team("analytics", ANALYTICS, contracts={"plain": "1.0.0"})


def test_returning_no_table_is_said(load_team) -> None:
    code = ANALYTICS.replace('return ibis.memtable({"id": [1, 2, 3]})', 'return "text"')
    result = run(load_team("analytics", code).defs, raise_on_error=False, **AS_OF)
    assert "returned str, which is no table" in failure_of(result)


def test_secrets_do_not_get_into_the_runs_events(load_team, catalog: Catalog) -> None:
    code = ANALYTICS.replace(
        'return ibis.memtable({"id": [1, 2, 3]})',
        "import os\n    raise ValueError('password=' + os.environ['HEADGATE_CATALOG_PASSWORD'])",
    )
    result = run(load_team("analytics", code).defs, raise_on_error=False, **AS_OF)
    [event] = result.get_step_failure_events()
    text = str(event.step_failure_data)
    assert "password=********" in text and catalog.password("analytics") not in text
