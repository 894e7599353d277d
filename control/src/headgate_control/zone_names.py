"""Names of an environment's roles and databases, and which no team can have.

What belongs here: what every process of the control plane knows of them. What does not: making them (`zones`), which takes a
driver of PostgreSQL with it, 6 MB.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headgate.errors import HeadgateError
from headgate.lake.names import private_zone
from headgate.team import Team

READER_GROUP = "headgate_reader"
QUERY_ROLE = "headgate_query"
"""Reads every published zone and owns nothing: `headgate query` and `headgate history` use it."""
DAGSTER_ROLE = "dagster"

RESERVED_NAMES = {
    *("dagster", "mlflow", "postgres", "public", "main", "memory", "system", "temp", "information_schema"),
    *("headgate", "headgate_admin", READER_GROUP, QUERY_ROLE, "control", "acme", "reader"),
    *("acme_admin", "acme_reader", "masking_key"),  # secrets of the platform, each a file beside the teams' passwords
}
"""Names that no team can have: roles, schemas, catalogs and secrets of the platform's own."""


class ZoneError(HeadgateError):
    """Databases, roles or zones cannot be made."""


@dataclass(frozen=True)
class Wanted:
    """What one environment needs.

    Args:
        lake: dev, prod or branch_<name>; names the lake's database.
        teams: whose roles and zones.
        passwords: of every login role, by its name.
        is_embedded: the server is this installation's own.
    """

    lake: str
    teams: tuple[Team, ...]
    passwords: Mapping[str, str]
    is_embedded: bool = False

    @property
    def lake_database(self) -> str:
        return lake_database(self.lake)

    @property
    def login_roles(self) -> tuple[str, ...]:
        return login_roles(self.teams)


def lake_database(lake: str) -> str:
    return f"lake_{lake}"


def login_roles(teams: Iterable[Team]) -> tuple[str, ...]:
    """Every role that needs a password: the platform's own and one a team."""
    return (DAGSTER_ROLE, QUERY_ROLE, *(team.name for team in teams))


def check_team_names(teams: Iterable[Team]) -> None:
    """A team's name is a role and a schema: two must not meet.

    Raises:
        ZoneError: a name that the platform uses itself, or one that is another team's private zone.
    """
    names = {team.name: team for team in teams}
    for name, team in names.items():
        taken = "by the platform" if name in RESERVED_NAMES or name.startswith("pg_") else ""
        for other in names:
            if name == private_zone(other):
                taken = f"as the private zone of team {other}"
        if taken:
            raise ZoneError(
                f"the team's name {name!r} is taken {taken}",
                where=str(team.folder / "pyproject.toml"),
                next_step="give the team, its folder and its package another name",
            )
