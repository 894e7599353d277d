"""What the teams' sources need: which of their secrets nobody has given, and how it is with Strava. Names, never values.

What belongs here: looking at this process's environment and at the stand-in. What does not: asking a real service, as
that would spend a token; ACME's databases (`diagnosis_database`).
"""

import os
from collections.abc import Iterator

from headgate.environment import Settings
from headgate.team import Team
from headgate_control.diagnosis import Finding, note, ok, problem
from headgate_control.drops_place import DROPS_URL
from headgate_control.provision import ACME_DATABASES, STOREFRONT_DATABASES, readable_teams
from headgate_control.strava import StravaServer
from headgate_control.strava_account import (
    BASE_URL,
    REQUIRED,
    VARIABLES,
    club_folder,
    read_credentials,
    read_port,
    reads_stand_in,
)

_PAGE = "docs/strava.md"


def examine_sources(settings: Settings) -> Iterator[Finding]:
    """One finding a team that declares secrets, and one of Strava when a team reads it."""
    teams = list(readable_teams(settings.root))
    for team in teams:
        if team.secrets:
            yield _examine_secrets(team)
    if any(BASE_URL in team.secrets for team in teams):
        yield _examine_stand_in(settings) if reads_stand_in(teams) else _examine_account()


def _examine_secrets(team: Team) -> Finding:
    subject = f"secrets of {team.name}"
    given = [name for name in team.secrets if os.environ.get(name)]
    of_acme = {*ACME_DATABASES, *STOREFRONT_DATABASES, *VARIABLES, DROPS_URL}
    played = [name for name in team.secrets if name not in given and name in of_acme]
    # Keys of a bucket are also found in a profile, or come with the machine: that they are not set means nothing.
    missing = [name for name in team.secrets if name not in (*given, *played) and not name.startswith("AWS_")]
    if BASE_URL in given:  # then the account's finding says which of these are needed
        missing = [name for name in (*missing, *played) if name not in VARIABLES]
        played = [name for name in played if name not in VARIABLES]
    parts = [f"{len(given)} set"]
    if played:
        parts.append(f"ACME plays {', '.join(played)}")
    if missing:
        parts.append(f"not set: {', '.join(missing)}")
        return note(subject, "; ".join(parts), "export those that its assets are to use, or add them to .env")
    return ok(subject, "; ".join(parts))


def _examine_account() -> Finding:
    """Somebody's own account at the real service, or another that speaks like it."""
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing:
        return problem(
            "strava",
            f"{BASE_URL} is set, and {', '.join(missing)} is not",
            f"export what is missing; {_PAGE} tells how",
        )
    tokens = [token for token in os.environ["STRAVA_REFRESH_TOKENS"].split(",") if token.strip()]
    return ok(
        "strava", f"an account of your own: the application's credentials and {len(tokens)} refresh tokens are set"
    )


def _examine_stand_in(settings: Settings) -> Finding:
    if unused := [name for name in VARIABLES if os.environ.get(name)]:
        return problem(
            "strava",
            f"{', '.join(unused)} is set and not used: without {BASE_URL} ACME's club is read",
            f"set {BASE_URL} to read your own account ({_PAGE}), or unset the others",
        )
    if not (club_folder(settings) / "world.json").exists():
        return note("strava", "ACME's club is not made yet", "`headgate build` makes it")
    credentials = read_credentials(settings)
    if missing := [name for name in REQUIRED if name not in credentials]:
        return problem(
            "strava",
            f"the credentials of ACME's club lack {', '.join(missing)}",
            "run `headgate acme strava authorize`, or make it anew: `headgate acme strava seed --force`",
        )
    runs = StravaServer(settings).is_running()
    state = f"answers on port {read_port(settings)}" if runs else "stopped; a build or `headgate up` starts it"
    return ok(
        "strava",
        f"ACME's club, with credentials of {len(credentials['STRAVA_REFRESH_TOKENS'].split(','))} athletes, {state}",
    )
