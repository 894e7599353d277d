"""The code of `writing-an-asset.md`, run as it stands."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import ibis
import pytest

from headgate.contract import audit, audit_columns, load_contract
from headgate.testing import function_of
from headgate_docs.pages import DOCS, ROOT, read_blocks

PAGE = (DOCS / "writing-an-asset.md").read_text(encoding="utf-8")

ORDERS = """
    select * from (values
        (date '2026-01-01', 10.50::decimal(18, 2)),
        (date '2026-01-01', 21.00::decimal(18, 2)),
        (date '2026-01-02', 99.99::decimal(18, 2))
    ) as t (order_date, total_amount)
"""


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """A team with the page's contract and nothing else."""
    folder = tmp_path / "teams" / "analytics"
    (folder / "contracts").mkdir(parents=True)
    manifest = '[project]\nname = "analytics"\n[tool.headgate]\nowner = "team:analytics"\n'
    (folder / "pyproject.toml").write_text(manifest, encoding="utf-8")
    [contract] = read_blocks(PAGE, "yaml")
    (folder / "contracts" / "orders_by_day.odcs.yaml").write_text(contract, encoding="utf-8")
    return folder


@pytest.fixture
def module(team: Path) -> Iterator[ModuleType]:
    """All Python of the page, as one module of that team."""
    path = team / "src" / "analytics" / "page.py"
    path.parent.mkdir(parents=True)
    path.write_text("\n\n".join(read_blocks(PAGE, "python")), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("page_of_the_documentation", path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    yield loaded
    del sys.modules[spec.name]


def test_the_page_s_own_test_passes(module: ModuleType) -> None:
    module.test_orders_by_day()


def test_what_the_asset_returns_keeps_its_contract(module: ModuleType, team: Path) -> None:
    contract = load_contract(team / "contracts" / "orders_by_day.odcs.yaml")
    backend = ibis.duckdb.connect()
    connection: duckdb.DuckDBPyConnection = backend.con
    sql = ibis.to_sql(function_of(module.orders_by_day)(backend.sql(ORDERS)), dialect="duckdb")
    described = {name: kind for name, kind, *_ in connection.execute(f"describe {sql}").fetchall()}
    results = [*audit_columns(contract, described), *audit(connection, contract, f"({sql})")]
    assert {result.rule.name for result in results} >= {"schema", "order_date__unique", "total_orders__range"}
    assert [result.message for result in results if not result.passed] == []
    assert {result.checked_rows for result in results if result.rule.kind == "range"} == {2}


def test_the_contract_gives_the_asset_its_checks(module: ModuleType) -> None:
    names = {spec.name for spec in module.orders_by_day.check_specs}
    assert {"order_date__unique", "revenue__unusually_high"} <= names
    assert not list(module.recent_orders.check_specs)


def test_the_readme_shows_the_same_asset() -> None:
    [block] = read_blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    assert "def orders_by_day(order_data: ibis.Table) -> ibis.Table:" in block
    compile(block, "README.md", "exec")
