"""The secrets that reading Strava needs, from this process's environment, asked for when a pull begins."""

import os
from dataclasses import dataclass

from pydantic import SecretStr

from headgate.environment import SettingsError

BASE_URL = "https://www.strava.com/api/v3"
PAGE = "docs/strava.md"
REQUIRED = ("STRAVA_CLIENT_ID", "STRAVA_CLIENT_SECRET", "STRAVA_REFRESH_TOKENS")


@dataclass(frozen=True)
class Credentials:
    """The application's own, and one refresh token for each athlete who has let it in."""

    base_url: str
    token_url: str
    client_id: str
    client_secret: SecretStr
    refresh_tokens: tuple[SecretStr, ...]


def read_credentials() -> Credentials:
    """The credentials.

    Raises:
        SettingsError: some are missing; the message names them all, and the page that explains how to get them.
    """
    values = {name: os.environ.get(name, "").strip() for name in (*REQUIRED, "STRAVA_BASE_URL", "STRAVA_TOKEN_URL")}
    missing = [name for name in REQUIRED if not values[name]]
    tokens = [token.strip() for token in values["STRAVA_REFRESH_TOKENS"].split(",") if token.strip()]
    if missing or not tokens:
        raise SettingsError(
            f"reading Strava needs {', '.join(missing or ['STRAVA_REFRESH_TOKENS'])}, and nobody has set it",
            where="environment variables of team fitness",
            next_step=f"read {PAGE}, then export them or add them to the git-ignored .env file, and run again",
        )
    if len(set(tokens)) < len(tokens):
        raise SettingsError(
            "one refresh token is listed twice",
            where="STRAVA_REFRESH_TOKENS",
            next_step="list one refresh token for each athlete, with commas between them",
        )
    base_url = (values["STRAVA_BASE_URL"] or BASE_URL).rstrip("/")
    return Credentials(
        base_url=base_url,
        token_url=values["STRAVA_TOKEN_URL"] or f"{base_url}/oauth/token",
        client_id=values["STRAVA_CLIENT_ID"],
        client_secret=SecretStr(values["STRAVA_CLIENT_SECRET"]),
        refresh_tokens=tuple(SecretStr(token) for token in tokens),
    )
