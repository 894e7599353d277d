"""OAuth: the application, each athlete's grant, and tokens that expire and rotate.

An access token belongs to one athlete. A refresh gives back the present access token while it lasts an hour more (a sixth
of a shorter lifetime), and else a new one with a new refresh token. The old refresh token is refused from then on:

- rotation `when_used` (a new world's): as soon as the new pair was used once. Until then the old token gives the same
  new pair again, so that a client that was killed before it had stored the answer is not locked out;
- rotation `at_once`: the moment the new one was given, as the service describes it.

Access tokens stay good until they expire, also those of before.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acme.strava.store import Row, Store

ALL_SCOPES = ("read", "activity:read", "activity:read_all", "profile:read_all")
VARIABLES = ("STRAVA_CLIENT_ID", "STRAVA_CLIENT_SECRET", "STRAVA_REFRESH_TOKENS")
ROTATIONS = ("when_used", "at_once")


@dataclass(eq=False)  # not frozen: a context manager it passes through sets its traceback
class Refusal(Exception):
    """An answer that is an error, in the service's words."""

    status: int
    message: str
    resource: str
    field: str
    code: str

    def document(self) -> dict[str, Any]:
        error = {"resource": self.resource, "field": self.field, "code": self.code}
        return {"message": self.message, "errors": [error]}


@dataclass(frozen=True)
class Caller:
    """Who a request comes from, and what it may see."""

    athlete_id: int
    scope: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises:
        Refusal: the athlete has not granted it. What may read all may read.
        """
        if scope not in self.scope and f"{scope}_all" not in self.scope:
            raise Refusal(401, "Authorization Error", "AccessToken", f"{scope}_permission", "missing")

    @property
    def sees_private(self) -> bool:
        return "activity:read_all" in self.scope


def make_application(store: Store) -> None:
    """Register the client: a number and a secret."""
    store.set("client_id", str(100_000 + secrets.randbelow(900_000)))
    store.set("client_secret", secrets.token_hex(20))


def authorize(store: Store, athlete_id: int, scope: tuple[str, ...] = ALL_SCOPES) -> None:
    """What an athlete does in a browser: grant the application access, anew if it was granted before."""
    row = {
        "athlete_id": athlete_id,
        "scope": ",".join(scope),
        "refresh_token": secrets.token_hex(20),
        "access_token": secrets.token_hex(20),
    }
    with store.change():
        store.execute("delete from access_tokens where athlete_id = ?", [athlete_id])
        # The first access token is as good as expired: whoever begins has to refresh.
        store.execute("insert into access_tokens values (?, ?, 0)", [row["access_token"], athlete_id])
        store.execute(
            "insert or replace into grants (athlete_id, scope, refresh_token, access_token)"
            " values (:athlete_id, :scope, :refresh_token, :access_token)",
            row,
        )


def write_credentials(store: Store, path: Path) -> None:
    """Write the client's secrets and each athlete's refresh token, for `source` and programs; only the owner may read it."""
    refresh = [row["refresh_token"] for row in store.rows("select refresh_token from grants order by athlete_id")]
    values = (store.setting("client_id"), store.setting("client_secret"), ",".join(refresh))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{name}={value}\n" for name, value in zip(VARIABLES, values, strict=True))
    draft.replace(path)


def refresh(store: Store, form: dict[str, str], now: float) -> dict[str, Any]:
    """The answer to a refresh.

    Raises:
        Refusal: not this application, another grant type, or a refresh token that is unknown, old or revoked.
    """
    if form.get("client_id") != store.setting("client_id"):
        raise Refusal(400, "Bad Request", "Application", "client_id", "invalid")
    if not secrets.compare_digest(form.get("client_secret", "").encode(), str(store.setting("client_secret")).encode()):
        raise Refusal(401, "Authorization Error", "Application", "client_secret", "invalid")
    if form.get("grant_type") != "refresh_token":
        raise Refusal(400, "Bad Request", "Application", "grant_type", "invalid")
    with store.change():
        grant = _find_grant(store, form.get("refresh_token", ""))
        lifetime = int(store.setting("token_lifetime_s"))
        expires_at = _expiry(store, grant["access_token"])
        if form["refresh_token"] == grant["refresh_token"]:
            _close_previous(store, grant)
        if expires_at - now <= min(3_600, lifetime / 6):
            grant, expires_at = _rotate(store, grant, form["refresh_token"], now + lifetime), now + lifetime
    return {
        "token_type": "Bearer",
        "access_token": grant["access_token"],
        "expires_at": int(expires_at),
        "expires_in": max(0, int(expires_at - now)),
        "refresh_token": grant["refresh_token"],
    }


def find_caller(store: Store, token: str | None, now: float) -> Caller:
    """Whom an access token belongs to.

    Raises:
        Refusal: none was sent, it is unknown or expired, or the athlete has revoked the grant.
    """
    found = store.row(
        "select g.*, t.expires_at, t.token from access_tokens t join grants g using (athlete_id) where t.token = ?",
        [token],
    )
    if found is None or found["expires_at"] <= now or found["is_revoked"]:
        raise Refusal(401, "Authorization Error", "Athlete", "access_token", "invalid")
    if found["previous_refresh_token"] and found["token"] == found["access_token"]:
        _close_previous(store, found)
    return Caller(found["athlete_id"], frozenset(found["scope"].split(",")))


def _find_grant(store: Store, refresh_token: str) -> Row:
    grant = store.row(
        "select * from grants where not is_revoked and (refresh_token = :token or previous_refresh_token = :token)",
        {"token": refresh_token},
    )
    if grant is None:
        raise Refusal(400, "Bad Request", "RefreshToken", "refresh_token", "invalid")
    return grant


def _expiry(store: Store, token: str) -> float:
    found = store.row("select expires_at from access_tokens where token = ?", [token])
    return float(found["expires_at"]) if found else 0.0


def _rotate(store: Store, grant: Row, presented: str, expires_at: float) -> Row:
    is_kept = store.setting("rotation") == "when_used"
    new = {
        **grant,
        "previous_refresh_token": presented if is_kept else None,
        "refresh_token": secrets.token_hex(20),
        "access_token": secrets.token_hex(20),
    }
    store.execute("insert into access_tokens values (?, ?, ?)", [new["access_token"], grant["athlete_id"], expires_at])
    store.execute(
        "update grants set refresh_token = :refresh_token, previous_refresh_token = :previous_refresh_token,"
        " access_token = :access_token where athlete_id = :athlete_id",
        new,
    )
    return new


def _close_previous(store: Store, grant: Row) -> None:
    store.execute("update grants set previous_refresh_token = null where athlete_id = ?", [grant["athlete_id"]])
