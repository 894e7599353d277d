"""The athletes' accounts as one pull sees them: each with its login, and whose it is."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests

from fitness.ingestion.credentials import Credentials
from fitness.ingestion.login import Login
from fitness.ingestion.token_file import TokenFile, token_folder
from headgate.sources.errors import UNCHANGED, SourceError
from headgate.sources.http import Traffic, open_http_session, retry_after_seconds

LONGEST_WAIT = timedelta(minutes=16)
"""What a pull waits for rate limits in all: to the end of one quarter of an hour, not to the next day."""
_WINDOW_SECONDS = 900


@dataclass(frozen=True)
class Account:
    session: requests.Session
    base_url: str
    athlete_id: int


def open_accounts(credentials: Credentials, traffic: Traffic) -> list[Account]:
    """Every configured account, logged in.

    Raises:
        SourceError: a login is refused, two tokens are of one athlete, or a token is now of another athlete.
    """
    accounts: list[Account] = []
    for position, token in enumerate(credentials.refresh_tokens, start=1):
        file = TokenFile(token_folder(), token.get_secret_value(), token_url=credentials.token_url)
        login = Login(credentials, position, file=file, session=_open_session(traffic))
        session = _open_session(traffic)
        session.auth = login
        athlete_id = login.fresh_tokens().athlete_id
        if athlete_id is None:
            athlete_id = _ask_athlete(session, credentials.base_url)
            login.remember_athlete(athlete_id)
        if athlete_id in {account.athlete_id for account in accounts}:
            raise SourceError(
                f"refresh token {position} is of athlete {athlete_id}, as is one before it",
                where="STRAVA_REFRESH_TOKENS",
                next_step="keep one refresh token for each athlete",
            )
        accounts.append(Account(session, credentials.base_url, athlete_id))
    return accounts


def seconds_until_open(response: requests.Response) -> float:
    """When a limit opens again: what `Retry-After` says; else the end of this quarter of an hour or, when the day's limit is
    used up, midnight UTC."""
    if (asked := retry_after_seconds(response)) is not None:
        return asked
    now = time.time()
    for name in ("X-ReadRateLimit", "X-RateLimit"):
        limits, used = _pair(response, f"{name}-Limit"), _pair(response, f"{name}-Usage")
        if limits and used and used[1] >= limits[1]:
            tomorrow = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return (tomorrow + timedelta(days=1)).timestamp() - now
    return _WINDOW_SECONDS - now % _WINDOW_SECONDS + 1


def _ask_athlete(session: requests.Session, base_url: str) -> int:
    url = f"{base_url}/athlete"
    response = session.get(url)
    try:
        response.raise_for_status()
        return int(response.json()["id"])
    except (requests.HTTPError, KeyError, TypeError, ValueError):
        raise SourceError(
            f"the source does not say whose token it is (it answers {response.status_code})",
            where=f"GET {url}",
            next_step=f"check STRAVA_BASE_URL, and that the token has the scope `read`; {UNCHANGED}",
        ) from None


def _open_session(traffic: Traffic) -> requests.Session:
    return open_http_session(
        traffic, longest_wait_seconds=LONGEST_WAIT.total_seconds(), wait_seconds=seconds_until_open
    )


def _pair(response: requests.Response, name: str) -> tuple[int, int] | None:
    parts = response.headers.get(name, "").split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1])
