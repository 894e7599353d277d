"""Loads an asset's inputs from the lake, and stores outputs of plain Dagster assets in the private zone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from headgate.contract import is_compatible
from headgate.errors import HeadgateError
from headgate.lake.history import published_version
from headgate.lake.session import LakeSession, private_zone, quote
from headgate.orchestration.failures import dagster_failures
from headgate.orchestration.resources import LakeResource
from headgate.orchestration.tables import read_table, rows_sql_of


class InputError(HeadgateError):
    """An asset reads what it may not, or what is not there (yet)."""


@dataclass(frozen=True)
class Place:
    """Where an own private table is that something else than an asset function made.

    Args:
        schema: its schema within the private zone.
        relation: its name there.
        zones: published zones that it reads when it is a view.
    """

    schema: str
    relation: str
    zones: tuple[str, ...] = ()


class LakeIOManager(dg.IOManager):
    """Inputs come as the parameter's annotation asks; another team's table only under a version its reader accepts.

    Args:
        lake: the run's lake; the same session reads the inputs and publishes the outputs.
        published: the team's own tables that have a contract.
        accepts: `team.table` of other teams → contract versions accepted, from the manifest.
        places: own private table → where it is, when that is not `main` and its name.
    """

    def __init__(
        self,
        lake: LakeResource,
        *,
        published: Collection[str],
        accepts: Mapping[str, str],
        places: Mapping[str, Place] | None = None,
    ) -> None:
        self.lake = lake
        self.published = published
        self.accepts = accepts
        self.places = places or {}

    def load_input(self, context: dg.InputContext) -> Any:
        team, name = context.asset_key.path
        table = f"{team}.{name}"
        schema = "main"
        session = self.lake.session
        with dagster_failures(), session.translate_errors(where=f"reading {table}"):
            if team != session.team:
                check_served_version(session, table, self.accepts)
            elif name not in self.published:
                place = self.places.get(name, Place(schema, name))
                table, schema = f"{private_zone(team)}.{place.relation}", place.schema
                for zone in place.zones:
                    session.attach(zone)
            if not session.has_table(table, schema=schema):
                raise InputError(
                    f"{table} has not been built yet",
                    where=f"an input of team {session.team}",
                    next_step=f"build it first: `headgate build --select {team}/{name}`",
                )
            if table == f"{team}.{name}":
                self.lake.input_snapshots[table] = session.snapshot_id(team)
            return read_table(session, table, context.dagster_type.typing_type, schema=schema)

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Only plain `@dg.asset` functions come here; headgate's own write through the gate themselves."""
        if obj is None:
            return
        with dagster_failures():
            store_private(self.lake, context.asset_key.path[-1], obj)


def check_served_version(session: LakeSession, table: str, accepts: Mapping[str, str]) -> None:
    """Whether another team's table may be read: it is declared, published, and of a version that its reader accepts.

    Args:
        session: of the team that reads.
        table: `team.table`.
        accepts: the team's `consumes`.

    Raises:
        InputError: it may not, or cannot yet.
    """
    accepted = accepts.get(table)
    if accepted is None:
        raise InputError(
            f"team {session.team} reads {table} without declaring it",
            where="an asset's inputs",
            next_step=f'add "{table}" = ">=1,<2" to [tool.headgate.consumes] of the team\'s pyproject.toml',
        )
    version = published_version(session, table)
    owner = table.split(".")[0]
    if version is None:
        raise InputError(
            f"{table} has not been published yet",
            where=f"an input of team {session.team}",
            next_step=f"build its owner first: `headgate build --team {owner}`",
        )
    if not is_compatible(version, accepted):
        raise InputError(
            f"{table} is served under contract version {version}, and team {session.team} accepts {accepted}",
            where=f"[tool.headgate.consumes] of team {session.team}",
            next_step="adapt the code to the new version and widen the range in the manifest",
        )


def store_private(lake: LakeResource, name: str, value: Any) -> int:
    """Replaces a table of the private zone with what an asset returned; returns its number of rows."""
    session = lake.session
    zone = private_zone(session.team)
    session.attach(zone)
    rows_sql = rows_sql_of(session, value, asset=f"{session.team}.{name}")
    target = f"{quote(zone)}.{quote(name)}"
    with session.translate_errors(where=f"{zone}.{name}"), session.transaction():
        session.connection.execute(f"create or replace table {target} as {rows_sql}")
        row = session.connection.execute(f"select count(*) from {target}").fetchone()
    return int(row[0]) if row else 0
