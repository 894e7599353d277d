"""Tokens: refreshed once, kept by their owner alone, exact when runs meet, and never told."""

import stat
import threading
import time
from pathlib import Path

import pytest

from fitness.ingestion.accounts import open_accounts
from fitness.ingestion.credentials import read_credentials
from fitness.ingestion.login import Login
from fitness.ingestion.token_file import TokenFile, Tokens, token_folder
from headgate.sources.errors import SourceError
from headgate.sources.http import Traffic, open_http_session


def refreshes(acme) -> list[int]:
    return [r["status"] for r in acme.requests() if r["path"].endswith("/oauth/token")]


def make_login(position: int = 1) -> Login:
    credentials = read_credentials()
    token = credentials.refresh_tokens[position - 1].get_secret_value()
    file = TokenFile(token_folder(), token, token_url=credentials.token_url)
    return Login(credentials, position, file=file, session=open_http_session())


def test_tokens_are_refreshed_once_and_kept(acme, lake) -> None:
    for _ in range(3):
        assert len(open_accounts(read_credentials(), Traffic())) == 2
    assert refreshes(acme) == [200, 200]
    files = sorted(token_folder().glob("*.json"))
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(token_folder().stat().st_mode) == 0o700


def test_the_new_refresh_token_is_used_when_the_old_one_is_refused(acme, lake) -> None:
    acme.call("configure", "--rotation", "at_once", "--token-lifetime", "1")
    login = make_login()
    first = login.fresh_tokens()
    time.sleep(1.2)  # until the second that it lasts is over
    second = make_login().fresh_tokens()
    assert first.refresh_token != second.refresh_token
    assert make_login().file.read().refresh_token == second.refresh_token
    assert set(refreshes(acme)) == {200}


def test_runs_that_meet_refresh_once(acme, lake) -> None:
    tokens: list[str] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(make_login().fresh_tokens().access_token)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 4 and len(set(tokens)) == 1
    assert refreshes(acme) == [200]


def test_an_access_token_that_is_withdrawn_early_is_refreshed(acme, lake) -> None:
    [account, _] = open_accounts(read_credentials(), Traffic())
    acme.inject("unauthorized")
    assert account.session.get(f"{account.base_url}/athlete").status_code == 200


def test_withdrawn_access_is_one_instruction_and_no_loop(acme, lake, ingest) -> None:
    assert ingest("activities").success
    before = lake("select count(*) from activities")
    [first, _] = read_credentials().refresh_tokens
    acme.inject("revoked")
    asked = len(acme.requests())
    result = ingest("activities")
    assert not result.success
    assert "has withdrawn access" in result.error and "docs/strava.md" in result.error
    assert first.get_secret_value() not in result.error
    assert len(acme.requests()) - asked <= 8
    assert lake("select count(*) from activities") == before


def test_a_token_somebody_gave_anew_is_taken(acme, lake, monkeypatch) -> None:
    open_accounts(read_credentials(), Traffic())
    acme.inject("revoked", "--count", "2")
    with pytest.raises(SourceError, match="withdrawn access"):
        make_login().fresh_tokens(refused=make_login().fresh_tokens().access_token)
    acme.call("authorize")
    for name, value in acme.variables().items():
        monkeypatch.setenv(name, value)
    assert len(open_accounts(read_credentials(), Traffic())) == 2


def test_two_tokens_of_one_athlete_are_refused(acme, lake, monkeypatch) -> None:
    first = read_credentials().refresh_tokens[0].get_secret_value()
    login = make_login()
    later = login.fresh_tokens().refresh_token
    assert later != first
    monkeypatch.setenv("STRAVA_REFRESH_TOKENS", f"{first},{later}")
    with pytest.raises(SourceError, match="as is one before it"):
        open_accounts(read_credentials(), Traffic())


def test_a_wrong_secret_is_said_to_be_the_applications(acme, lake, monkeypatch) -> None:
    monkeypatch.setenv("STRAVA_CLIENT_SECRET", "wrong")
    with pytest.raises(SourceError, match="refuses the application itself") as raised:
        open_accounts(read_credentials(), Traffic())
    assert "wrong" not in str(raised.value).replace("STRAVA", "")


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "made", "configured", token_url="https://example.com")
    assert file.read() is None
    file.path.parent.mkdir()
    file.path.write_text('{"refresh_token": "cut', encoding="utf-8")
    assert file.read() is None
    tokens = Tokens("secret-1", "secret-2", time.time(), 7)
    file.write(tokens)
    assert file.read() == tokens and "secret" not in repr(tokens)
