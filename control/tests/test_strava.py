"""The stand-in for Strava as a server of the installation: only where a team reads it, and the same after a restart."""

import json
import os
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from headgate.environment import Settings
from headgate.team import list_teams
from headgate_control import databases
from headgate_control.acme import run_acme
from headgate_control.diagnosis import Severity
from headgate_control.diagnosis_sources import examine_sources
from headgate_control.environments import require_environments
from headgate_control.projects import choose_projects
from headgate_control.provision import team_environment
from headgate_control.strava import StravaError, StravaServer, ensure_club
from headgate_control.strava_account import VARIABLES, credentials_file, read_credentials

pytestmark = pytest.mark.services

_MANIFEST = '[project]\nname = "{name}"\n[tool.headgate]\nowner = "team:{name}"\nsecrets = {secrets}\n'


@pytest.fixture
def with_club(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A root of two teams, one of which reads Strava, and a home with ACME's environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if home := os.environ.get("HEADGATE_TEST_HOME"):
        settings.state_folder.mkdir(parents=True)
        (settings.state_folder / "envs").symlink_to(Path(home) / "envs")
    require_environments(settings, choose_projects(settings.root, ["acme"]), quiet=True)
    root = tmp_path / "root"
    for name, secrets in (("riders", list(VARIABLES)), ("walkers", [])):
        folder = root / "teams" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(_MANIFEST.format(name=name, secrets=json.dumps(secrets)))
    return settings.model_copy(update={"root": root})


def ask(url: str, token: str | None = None, form: dict[str, str] | None = None) -> dict[str, object]:
    request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode() if form else None)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        document: dict[str, object] = json.load(answer)
    return document


def doctor_says(settings: Settings) -> str:
    [finding] = [finding for finding in examine_sources(settings) if finding.subject == "strava"]
    assert finding.severity is Severity.OK
    assert not any(token in finding.text for token in read_credentials(settings).values())
    return finding.text


def refresh(variables: dict[str, str], token: str) -> dict[str, object]:
    form = {
        "client_id": variables["STRAVA_CLIENT_ID"],
        "client_secret": variables["STRAVA_CLIENT_SECRET"],
        "grant_type": "refresh_token",
        "refresh_token": token,
    }
    return ask(variables["STRAVA_TOKEN_URL"], form=form)


def test_a_team_that_reads_it_is_given_address_and_credentials(with_club: Settings) -> None:
    riders, walkers = list_teams(with_club.root)
    assert databases.STRAVA in databases.embedded(with_club)
    assert not set(VARIABLES) & set(team_environment(riders, with_club))  # nothing is known before it was started
    ensure_club(with_club, activities="400")
    assert "4 athletes, stopped" in doctor_says(with_club)
    databases.start(with_club, [databases.STRAVA])
    try:
        variables = team_environment(riders, with_club)
        assert set(VARIABLES) <= set(variables)
        assert not set(VARIABLES) & set(team_environment(walkers, with_club))
        first, *others = variables["STRAVA_REFRESH_TOKENS"].split(",")
        assert len(others) == 3
        pair = refresh(variables, first)
        athlete = ask(f"{variables['STRAVA_BASE_URL']}/athlete", str(pair["access_token"]))
        databases.start(with_club, [databases.STRAVA])  # a second user of the same server
        databases.stop(with_club, [databases.STRAVA])
        assert StravaServer(with_club).is_running()
        assert "4 athletes, answers on port" in doctor_says(with_club)
    finally:
        databases.stop(with_club, [databases.STRAVA])
    assert not StravaServer(with_club).is_running()

    databases.start(with_club, [databases.STRAVA])
    try:
        assert team_environment(riders, with_club) == variables  # the same address
        again = ask(f"{variables['STRAVA_BASE_URL']}/athlete", str(pair["access_token"]))
        assert again["id"] == athlete["id"]
        kept = refresh(variables, str(pair["refresh_token"]))
        assert kept["access_token"] == pair["access_token"]
    finally:
        databases.stop(with_club, [databases.STRAVA])
    assert credentials_file(with_club).stat().st_mode & 0o777 == 0o600


def test_nothing_is_started_for_a_person_with_an_account(with_club: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRAVA_BASE_URL", "https://api.example.org/v3")
    monkeypatch.setenv("STRAVA_CLIENT_ID", "12")
    assert databases.STRAVA not in databases.embedded(with_club)
    given = team_environment(list_teams(with_club.root)[0], with_club)
    found = {name: given[name] for name in VARIABLES if name in given}
    assert found == {"STRAVA_BASE_URL": "https://api.example.org/v3", "STRAVA_CLIENT_ID": "12"}


def test_another_size_is_refused_and_commands_are_passed_on(
    with_club: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    ensure_club(with_club, activities="400")
    with pytest.raises(StravaError) as caught:
        ensure_club(with_club, activities="500")
    assert len(str(caught.value).splitlines()) == 3 and "--force" in caught.value.next_step
    capfd.readouterr()
    everything = with_club.model_copy(update={"root": Settings(home=with_club.home).root})
    assert run_acme(everything, ["strava", "info"]) == 0
    assert json.loads(capfd.readouterr().out)["activities_now"] == 400
    assert run_acme(everything, ["strava", "fault", "inject", "no_such_fault"]) == 2
    assert not databases.server(with_club, "acme").is_running()  # the shop's databases are not needed for it
