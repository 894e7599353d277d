"""What the lake holds, read without any code of the pipelines: DuckDB, the catalog's address and a password file."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from headgate_control import databases

from .installation import Installation


@dataclass(frozen=True)
class TableState:
    """A published table: who published it last, and a digest of all of its rows."""

    publication: str
    row_count: int
    digest: str


class Lake:
    """Read-only over zones of some teams, each under that team's own role; `team.table`, `team_private.table`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def value(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        (row,) = self.rows(query, parameters)
        return row[0]

    def tables(self, zone: str) -> list[str]:
        """Names of a zone's tables, without those that it keeps about itself."""
        query = "select table_name from duckdb_tables() where database_name = ? and table_name[1] <> '_' order by 1"
        return [name for (name,) in self.rows(query, [zone])]

    def state(self, table: str) -> TableState:
        team, _, name = table.partition(".")
        publication = self.value(
            f"select publication_id from {team}._publications where table_name = ? order by published_at desc limit 1",
            [name],
        )
        rows = sorted(map(repr, self.rows(f"from {table}")))
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        return TableState(publication, len(rows), digest)

    def states(self, team: str) -> dict[str, TableState]:
        """Of every published table but `penguins`: it has no source that could fail, so every build publishes it anew."""
        return {f"{team}.{name}": self.state(f"{team}.{name}") for name in self.tables(team) if name != "penguins"}


@contextmanager
def open_lake(installation: Installation, *zones: str) -> Iterator[Lake]:
    """The lake as it is committed now: both zones of analytics, or those that are named.

    The catalog's server is started for it when it does not run.
    """
    settings = installation.settings
    started = databases.start(settings, ["postgres"])
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_unsigned_extensions": "true",  # checking signatures takes a third of a second of computing
        }
    )
    try:
        for name in ("ducklake", "postgres_scanner"):
            folder = Path(str(import_module(f"duckdb_extension_{name}").__file__)).parent
            (file,) = folder.rglob(f"{name}.duckdb_extension")
            connection.execute(f"load '{file}'")
        connection.execute("set TimeZone = 'UTC'")
        for zone in zones or ("analytics", "analytics_private"):
            team = zone.removesuffix("_private")
            password = (installation.home / "secrets" / team).read_text(encoding="utf-8").strip()
            place = f"dbname=lake_dev host={databases.server(settings, 'postgres').socket_folder}"
            connection.execute(
                f"attach 'ducklake:postgres:{place} user={team} password={password}' as {zone} "
                f"(metadata_schema '{zone}', read_only)"
            )
        yield Lake(connection)
    finally:
        connection.close()
        databases.stop(settings, started)
