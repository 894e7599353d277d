"""Access tokens expire, refresh tokens rotate, scopes hold, and a restart forgets nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from acme.strava import tokens
from acme.strava.faults import clear, inject
from acme.strava.growth import authorize_again, configure
from acme.strava.store import Store

from .conftest import Club, read_credentials


def refused(answer: object, status: int) -> dict[str, str]:
    """The one error of a refusal, in the service's shape."""
    assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
    document = answer.json()  # type: ignore[attr-defined]
    assert set(document) == {"message", "errors"}
    (error,) = document["errors"]
    assert set(error) == {"resource", "field", "code"}
    return error


def test_a_token_is_needed_and_belongs_to_one_athlete(club: Club) -> None:
    assert refused(club.client.get(f"{club.url}/athlete"), 401)["field"] == "access_token"
    assert refused(club.get("/athlete", token="0" * 40), 401)["code"] == "invalid"
    assert club.athlete_id(0) != club.athlete_id(1)
    shown = {activity["athlete"]["id"] for activity in club.activities(athlete=1)}
    assert shown == {club.athlete_id(1)}
    assert refused(club.get(f"/athletes/{club.athlete_id(1)}/stats", athlete=0), 403)["field"] == "id"


def test_both_addresses_give_tokens(club: Club) -> None:
    first = club.refresh(club.refresh_tokens[0]).json()
    assert {"token_type", "access_token", "expires_at", "expires_in", "refresh_token"} == set(first)
    assert (first["token_type"], first["expires_in"], first["expires_at"]) == ("Bearer", 21_600, club.clock.at + 21_600)
    club.url = club.url.removesuffix("/api/v3")
    assert club.refresh(first["refresh_token"]).json()["access_token"] == first["access_token"]


def test_an_access_token_expires_and_the_refresh_token_rotates(club: Club) -> None:
    old = club.refresh_tokens[0]
    first = club.refresh(old).json()
    assert first["refresh_token"] != old
    assert club.get("/athlete", token=first["access_token"]).status_code == 200

    club.clock.at += 21_600 - 3_601  # more than an hour is left: the same pair once more
    same = club.refresh(first["refresh_token"]).json()
    assert (same["access_token"], same["refresh_token"]) == (first["access_token"], first["refresh_token"])
    assert same["expires_in"] == 3_601

    club.clock.at += 1  # an hour: a new pair, and the former access token is good until its end
    second = club.refresh(first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"] and second["refresh_token"] != first["refresh_token"]
    assert club.get("/athlete", token=first["access_token"]).status_code == 200
    club.clock.at += 3_600
    assert refused(club.get("/athlete", token=first["access_token"]), 401)["field"] == "access_token"
    assert club.get("/athlete", token=second["access_token"]).status_code == 200


def test_an_old_refresh_token_is_refused_once_its_successor_was_used(club: Club) -> None:
    old = club.refresh_tokens[0]
    lost = club.refresh(old).json()  # the client was killed before it stored this
    again = club.refresh(old).json()
    assert again == lost
    assert club.get("/athlete", token=again["access_token"]).status_code == 200
    assert refused(club.refresh(old), 400) == {"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}
    assert club.refresh(again["refresh_token"]).status_code == 200


def test_an_old_refresh_token_may_be_refused_at_once(club: Club) -> None:
    configure(club.folder, {"rotation": "at_once"})
    old = club.refresh_tokens[0]
    new = club.refresh(old).json()["refresh_token"]
    assert refused(club.refresh(old), 400)["resource"] == "RefreshToken"
    assert club.refresh(new).status_code == 200


def test_the_lifetime_is_a_setting(club: Club) -> None:
    configure(club.folder, {"token_lifetime_s": 60})
    first = club.refresh(club.refresh_tokens[0]).json()
    assert first["expires_in"] == 60
    club.clock.at += 49  # a sixth of the lifetime is the margin
    assert club.refresh(first["refresh_token"]).json()["access_token"] == first["access_token"]
    club.clock.at += 1
    assert club.refresh(first["refresh_token"]).json()["access_token"] != first["access_token"]


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"client_id": "1"}, 400, "client_id"),
        ({"client_secret": "wrong"}, 401, "client_secret"),
        ({"grant_type": "password"}, 400, "grant_type"),
        ({"refresh_token": ""}, 400, "refresh_token"),
    ],
)
def test_a_wrong_refresh_says_what_is_wrong(club: Club, changes: dict[str, str], status: int, field: str) -> None:
    assert refused(club.refresh(club.refresh_tokens[0], **changes), status)["field"] == field


def test_a_restarted_server_knows_its_tokens(club: Club, serve: Callable[[Path], Club]) -> None:
    pair = club.refresh(club.refresh_tokens[0]).json()
    assert club.get("/athlete", token=pair["access_token"]).status_code == 200
    again = serve(club.folder)
    assert again.get("/athlete", token=pair["access_token"]).status_code == 200
    assert refused(again.refresh(club.refresh_tokens[0]), 400)["code"] == "invalid"
    assert again.refresh(pair["refresh_token"]).json()["access_token"] == pair["access_token"]


def test_scopes_hide_what_was_not_granted(club: Club) -> None:
    everything = club.activities()
    private = {activity["id"] for activity in everything if activity["private"]}
    assert private
    store = Store(club.folder)
    for scope in (("read", "activity:read"), ("read",)):
        tokens.authorize(store, club.athlete_id(), scope)
        tokens.write_credentials(store, club.folder.parent / "strava.env")
        club.credentials, club.tokens = read_credentials(club.folder.parent / "strava.env"), {}
        assert refused(club.get("/athlete/zones"), 401)["code"] == "missing"
        assert "weight" not in club.get("/athlete").json()
        if "activity:read" in scope:
            assert {activity["id"] for activity in club.activities()} == {a["id"] for a in everything} - private
            assert refused(club.get(f"/activities/{min(private)}"), 404)["resource"] == "Activity"
    assert refused(club.get("/athlete/activities"), 401)["field"] == "activity:read_permission"
    store.close()


def test_a_revoked_grant_is_refused_until_it_is_given_back(club: Club) -> None:
    pair = club.refresh(club.refresh_tokens[0]).json()
    inject(club.folder, "revoked", athlete_id=club.athlete_id(0))
    assert refused(club.get("/athlete", token=pair["access_token"]), 401)["field"] == "access_token"
    assert refused(club.refresh(pair["refresh_token"]), 400)["resource"] == "RefreshToken"
    assert club.get("/athlete", athlete=1).status_code == 200  # the others are not concerned
    clear(club.folder)
    assert club.get("/athlete", token=pair["access_token"]).status_code == 200


def test_access_can_be_granted_anew(club: Club) -> None:
    path = club.folder.parent / "strava.env"
    before, first = club.refresh_tokens, club.athlete_id(0)
    authorize_again(club.folder, path, athlete_id=first)
    club.credentials, club.tokens = read_credentials(path), {}
    assert club.refresh_tokens[0] != before[0]
    assert club.refresh(before[0]).status_code == 400
    assert club.athlete_id(0) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_all_tokens_expire_on_request(club: Club) -> None:
    assert club.get("/athlete").status_code == 200
    inject(club.folder, "expired_tokens")
    assert refused(club.get("/athlete"), 401)["field"] == "access_token"
    club.tokens = {}
    assert club.refresh(club.refresh_tokens[0]).status_code == 400  # it was used: the successor is the one
