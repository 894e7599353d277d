"""Logging in to Strava: a bearer token on each request, refreshed when it is about to expire or is refused."""

import time
from typing import Any

import requests
from requests.auth import AuthBase

from fitness.ingestion.credentials import PAGE, Credentials
from fitness.ingestion.token_file import TokenFile, Tokens
from headgate.sources.errors import UNCHANGED, SourceError

_SPARE_SECONDS = 60.0
"""A token this near its end is refreshed first: a request must not outlive it."""


class Login(AuthBase):
    """One athlete's. For `requests.Session.auth`.

    Args:
        credentials: the application's.
        position: which of the configured refresh tokens, from 1; errors name it, never the token.
        file: where the newest tokens are kept.
        session: sends the refresh; has no login itself.
    """

    def __init__(self, credentials: Credentials, position: int, *, file: TokenFile, session: requests.Session) -> None:
        self.credentials = credentials
        self.position = position
        self.file = file
        self.session = session
        self._tokens: Tokens | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.fresh_tokens().access_token}"
        request.register_hook("response", self._try_once_more)  # type: ignore[no-untyped-call]
        return request

    def fresh_tokens(self, *, refused: str | None = None) -> Tokens:
        """Tokens that last a while; `refused` is an access token that the API no longer takes.

        Raises:
            SourceError: the athlete has withdrawn access, or the application is refused.
        """
        if not _is_usable(self._tokens, refused):
            with self.file.alone():
                # Another run may have refreshed them by now.
                self._tokens = self.file.read()
                if not _is_usable(self._tokens, refused):
                    self._tokens = self._refresh(self._tokens)
                    self.file.write(self._tokens)
        assert self._tokens is not None
        return self._tokens

    def remember_athlete(self, athlete_id: int) -> None:
        with self.file.alone():
            tokens = self.file.read() or self._tokens
            assert tokens is not None
            self._tokens = Tokens(tokens.refresh_token, tokens.access_token, tokens.expires_at, athlete_id)
            self.file.write(self._tokens)

    def _try_once_more(self, response: requests.Response, **options: Any) -> requests.Response:
        """A 401 although the token should last: it was withdrawn, or replaced. Refresh and ask again, once."""
        request = response.request
        if response.status_code != 401 or request.headers.get("X-Second-Try"):
            return response
        refused = str(request.headers["Authorization"]).removeprefix("Bearer ")
        again = request.copy()
        again.headers["Authorization"] = f"Bearer {self.fresh_tokens(refused=refused).access_token}"
        again.headers["X-Second-Try"] = "1"
        return response.connection.send(again, **options)  # type: ignore[attr-defined,no-any-return]

    def _refresh(self, known: Tokens | None) -> Tokens:
        configured = self.credentials.refresh_tokens[self.position - 1].get_secret_value()
        # The configured one may be newer than what is known: somebody took part again, or the source is another one.
        candidates = dict.fromkeys([*([known.refresh_token] if known else []), configured])
        for candidate in candidates:
            response = self.session.post(
                self.credentials.token_url,
                data={
                    "client_id": self.credentials.client_id,
                    "client_secret": self.credentials.client_secret.get_secret_value(),
                    "grant_type": "refresh_token",
                    "refresh_token": candidate,
                },
            )
            if response.ok:
                return self._read(response, known)
            if "client" in _refused_field(response):
                raise SourceError(
                    f"Strava refuses the application itself ({response.status_code})",
                    where=f"POST {self.credentials.token_url}",
                    next_step=f"set STRAVA_CLIENT_ID and STRAVA_CLIENT_SECRET as {PAGE} says; {UNCHANGED}",
                )
        raise SourceError(
            f"the athlete of refresh token {self.position} has withdrawn access, or the token is no longer valid",
            where=f"POST {self.credentials.token_url}",
            next_step=f"let the athlete take part again ({PAGE}) and put the new token in place {self.position} of "
            f"STRAVA_REFRESH_TOKENS, or take it out; {UNCHANGED}",
        )

    def _read(self, response: requests.Response, known: Tokens | None) -> Tokens:
        try:
            document = response.json()
            return Tokens(
                refresh_token=str(document["refresh_token"]),
                access_token=str(document["access_token"]),
                expires_at=float(document["expires_at"]),
                athlete_id=known.athlete_id if known else None,
            )
        except (KeyError, TypeError, ValueError):
            raise SourceError(
                "the answer to a refresh holds no tokens",
                where=f"POST {self.credentials.token_url}",
                next_step=f"check STRAVA_TOKEN_URL; {UNCHANGED}",
            ) from None


def _is_usable(tokens: Tokens | None, refused: str | None) -> bool:
    return tokens is not None and tokens.access_token != refused and tokens.expires_at > time.time() + _SPARE_SECONDS


def _refused_field(response: requests.Response) -> str:
    """The field that an error answer complains about, such as `client_secret`."""
    try:
        errors = response.json()["errors"]
        return " ".join(str(error.get("field", "")) for error in errors)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""
