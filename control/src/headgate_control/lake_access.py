"""The lake from the command line: a session that only reads what is published, or one under a team's own role.

The embedded catalog is started for as long as it is needed, when it does not run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.lake.session import LakeError, LakeSession, split_name
from headgate.team import Team, list_teams
from headgate_control import databases
from headgate_control.provision import catalog_url, masking_key, role_password
from headgate_control.zone_names import QUERY_ROLE


@contextmanager
def open_lake(settings: Settings, *, team: str | None = None) -> Iterator[LakeSession]:
    """A session over the lake.

    Args:
        settings: this installation.
        team: whose role to take; without it, a role that reads published zones and owns nothing.
    """
    role = team or QUERY_ROLE
    started = databases.start(settings, ["postgres"])
    try:
        databases.prepare(settings)
        own = settings.model_copy(
            update={
                "catalog_url": catalog_url(settings),
                "catalog_password": SecretStr(role_password(settings, role)),
                "masking_key": SecretStr(masking_key(settings)),
            }
        )
        with LakeSession(own, role) as session:
            yield session
    finally:
        databases.stop(settings, started)


def attach_published(session: LakeSession, teams: list[Team], *more: str) -> list[str]:
    """Attaches the published zone of every team that has one, and `more` zones, all read-only; returns their names."""
    attached = []
    for zone in [*(team.name for team in teams), *more]:
        try:
            session.attach_as(zone, zone)
        except LakeError as error:
            if "has not been published" not in error.what:
                raise
            continue
        attached.append(zone)
    return attached


def find_owner(settings: Settings, table: str) -> Team:
    """The team that owns `team.table`.

    Raises:
        HeadgateError: there is no such team.
    """
    owner, _ = split_name(table)
    teams = {team.name: team for team in list_teams(settings.root)}
    if owner not in teams:
        raise HeadgateError(
            f"there is no team {owner!r}", where=f"table {table}", next_step=f"choose one of {', '.join(sorted(teams))}"
        )
    return teams[owner]
