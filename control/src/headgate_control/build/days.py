"""Which day each team computes as of in a build: the one that the world of its data has reached, not the clock's.

ACME's stand-ins have clocks of their own, which `headgate acme … advance` turns. Pure: what day it is there is told.
"""

from collections.abc import Iterable
from datetime import date

from headgate.team import Team
from headgate_control.provision import ACME_DATABASES, STOREFRONT_DATABASES
from headgate_control.strava_account import BASE_URL


def team_days(
    teams: Iterable[Team], *, shop: date | None, club: date | None, storefront: date | None = None
) -> dict[str, date]:
    """The latest day of the stand-ins that a team reads, itself or through teams that it consumes.

    Args:
        teams: whose code is served.
        shop: the day of ACME's orders; None when they are somebody's own, or nobody reads them.
        club: the same of its cycling club.
        storefront: the same of its storefront.

    Returns:
        Team → day, without the teams that read no stand-in.
    """
    teams = list(teams)
    days: dict[str, date] = {}
    for team in teams:
        read = [shop] if ACME_DATABASES.keys() & set(team.secrets) else []
        read += [storefront] if STOREFRONT_DATABASES.keys() & set(team.secrets) else []
        read += [club] if BASE_URL in team.secrets else []
        if known := [day for day in read if day is not None]:
            days[team.name] = max(known)
    for _ in teams:  # as far as a chain of owners can be long
        for team in teams:
            owners = {table.split(".")[0] for table in team.consumes}
            if known := [days[name] for name in {team.name, *owners} if name in days]:
                days[team.name] = max(known)
    return days
