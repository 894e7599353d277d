"""Which Strava a team reads, and with which credentials: a person's own, or the club that ACME plays.

What belongs here: the variables, and where the stand-in keeps address and credentials. What does not: starting it
(`strava`), making its world (project `acme`).
"""

import os
from collections.abc import Iterable
from pathlib import Path

from headgate.environment import Settings
from headgate.team import Team

BASE_URL = "STRAVA_BASE_URL"
VARIABLES = (BASE_URL, "STRAVA_TOKEN_URL", "STRAVA_CLIENT_ID", "STRAVA_CLIENT_SECRET", "STRAVA_REFRESH_TOKENS")
"""What a team that reads Strava declares as secrets. The last one holds one token an athlete, with commas between."""
REQUIRED = ("STRAVA_CLIENT_ID", "STRAVA_CLIENT_SECRET", "STRAVA_REFRESH_TOKENS")
"""Those without which nothing can be read."""


def reads_stand_in(teams: Iterable[Team]) -> bool:
    """Whether some team reads Strava, and nobody said that it is the real one."""
    return not os.environ.get(BASE_URL) and any(BASE_URL in team.secrets for team in teams)


def club_folder(settings: Settings) -> Path:
    """The stand-in's world."""
    return settings.state_folder / "acme" / "strava"


def credentials_file(settings: Settings) -> Path:
    """Client id, client secret and first refresh tokens, as the stand-in gave them out."""
    return settings.state_folder / "secrets" / "strava.env"


def port_file(settings: Settings) -> Path:
    """The port that the stand-in listens on, kept from start to start."""
    return settings.state_folder / "acme" / "strava.port"


def read_port(settings: Settings) -> int | None:
    try:
        return int(port_file(settings).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def read_credentials(settings: Settings) -> dict[str, str]:
    """The variables in the file of credentials; none when there is no world yet."""
    try:
        lines = credentials_file(settings).read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def strava_variables(settings: Settings) -> dict[str, str]:
    """The values of `VARIABLES` that are known: all from the environment, or all from the stand-in."""
    if os.environ.get(BASE_URL):
        return {name: value for name in VARIABLES if (value := os.environ.get(name))}
    port, credentials = read_port(settings), read_credentials(settings)
    if port is None or not credentials:
        return {}
    url = f"http://127.0.0.1:{port}/api/v3"
    return {BASE_URL: url, "STRAVA_TOKEN_URL": f"{url}/oauth/token", **credentials}
