"""A small team with one replication file, a PostgreSQL database as its source, and a real lake."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import psycopg
import pytest

from headgate.lake.session import LakeSession
from headgate.team import read_team
from headgate.testing import Catalog

PASSWORD = "s3cr%t/word"
PYPROJECT = """
[project]
name = "analytics"
version = "0.1.0"
description = "A team of the tests"
[tool.headgate]
owner = "team:analytics"
secrets = ["SHOP_DB"]
"""
CODE = """
import sys
import dagster as dg
from headgate import sling_assets, team_definitions

MONTHS = dg.MonthlyPartitionsDefinition("2026-01-01")
landed = sling_assets("replications/shop.yaml", {options})
defs = team_definitions(modules=[sys.modules[__name__]])
"""


class Source:
    """The database that is replicated; its reader has a password that must not show up anywhere."""

    def __init__(self, server: str) -> None:
        self.place = server.split("?")[1]
        self.url = f"postgresql://reader:s3cr%25t%2Fword@/shop?{self.place}"
        self.admin_url = f"postgresql://postgres@/shop?{self.place}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("drop database if exists shop with (force)")
            admin.execute("create database shop")
            if not admin.execute("select 1 from pg_roles where rolname = 'reader'").fetchone():
                admin.execute(f"create role reader login password '{PASSWORD}'")
        self.run("grant pg_read_all_data to reader")

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


class SlingTeam:
    """The team; its file is written, its code loaded, and its assets run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instance = dg.DagsterInstance.ephemeral()
        self.module: ModuleType

    def load(self, replication: str, options: str = "") -> ModuleType:
        (self.folder / "replications").mkdir(exist_ok=True)
        (self.folder / "replications" / "shop.yaml").write_text(replication, encoding="utf-8")
        path = self.folder / "analytics_sling.py"
        path.write_text(CODE.format(options=options), encoding="utf-8")
        spec = importlib.util.spec_from_file_location("analytics_sling", path)
        assert spec is not None and spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        sys.modules["analytics_sling"] = self.module
        spec.loader.exec_module(self.module)
        return self.module

    def run(self, *tables: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Runs some assets, and returns what each of them tells."""
        result = self.execute(*tables, **options)
        assert result.success
        return {
            event.asset_key.path[-1]: {
                name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in result.get_asset_materialization_events()
        }

    def fail(self, table: str, **options: Any) -> str:
        """The message that an asset fails with."""
        result = self.execute(table, raise_on_error=False, **options)
        assert not result.success
        [event] = [event for event in result.all_events if event.is_step_failure]
        return str(event.step_failure_data.user_failure_data.description)

    def execute(self, *tables: str, **options: Any) -> dg.ExecuteInProcessResult:
        job = self.module.defs.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(["analytics", table]) for table in tables]
        return job.execute_in_process(asset_selection=keys, instance=self.instance, **options)


@pytest.fixture
def source(server: str) -> Source:
    return Source(server)


@pytest.fixture
def team(tmp_path: Path, catalog: Catalog, source: Source, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlingTeam]:
    folder = tmp_path / "teams" / "analytics"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for name, value in {**catalog.environment("analytics", tmp_path), "SHOP_DB": source.url}.items():
        monkeypatch.setenv(name, value)
    read_team.cache_clear()
    yield SlingTeam(folder)
    sys.modules.pop("analytics_sling", None)


@pytest.fixture
def rows_of(open_session: Callable[[str], LakeSession]) -> Callable[[str], list[tuple[Any, ...]]]:
    """What an SQL query gives; every table in it is one of the private zone."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        session = open_session("analytics")
        session.attach("analytics_private")
        session.connection.execute("use analytics_private")
        return session.connection.execute(sql).fetchall()

    return query
