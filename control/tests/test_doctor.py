"""`headgate doctor`: what it finds in a home where all is well, and where something is not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from repository import ROOT

from headgate.environment import Settings
from headgate_control import databases
from headgate_control.diagnosis import Finding, Severity, examine_projects
from headgate_control.diagnosis_database import examine_databases
from headgate_control.diagnosis_sources import examine_sources
from headgate_control.postgres import platform_server
from headgate_control.provision import provision


def by_subject(findings: object) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}  # type: ignore[attr-defined]


def doctor(home: Path, **variables: str) -> tuple[int, dict[str, dict[str, str]]]:
    result = subprocess.run(
        [sys.executable, "-P", "-m", "headgate_control", "doctor", "--json"],
        env={**os.environ, "HEADGATE_ROOT": str(ROOT), "HEADGATE_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, {finding["subject"]: finding for finding in json.loads(result.stdout)}


@pytest.mark.services
def test_a_fresh_home_has_notes_and_no_problem(tmp_path: Path) -> None:
    code, findings = doctor(tmp_path / "home")
    problems = [finding for finding in findings.values() if finding["severity"] == "problem"]
    assert (code, problems) == (0, [])
    assert findings["environment analytics"]["severity"] == "note"
    assert findings["database platform"]["text"] == "not made yet"


@pytest.mark.services
def test_a_problem_has_a_next_step_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "analytics").write_text("open to all")
    (tmp_path / "secrets" / "analytics").chmod(0o644)
    code, findings = doctor(tmp_path)
    assert code == 1
    assert findings["secrets"]["severity"] == "problem"
    assert "others may read" in findings["secrets"]["text"] and "chmod" in findings["secrets"]["next_step"]


def test_what_acme_plays_is_not_called_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ["DROPS_URL", "CRM_URL", "STRAVA_BASE_URL", *(one for one in os.environ if one.startswith("AWS_"))]:
        monkeypatch.delenv(name, raising=False)
    settings = Settings(root=ROOT, home=tmp_path)
    found = by_subject(examine_sources(settings))["secrets of consumption_datamart"]
    assert (found.severity, found.text) == (Severity.OK, "0 set; ACME plays DROPS_URL")


def test_manifests_and_locks_are_looked_at(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    shutil.copytree(ROOT / "teams" / "analytics", root / "teams" / "analytics")
    shutil.copytree(ROOT / "libs" / "headgate", root / "libs" / "headgate", ignore=shutil.ignore_patterns("tests"))
    manifest = root / "teams" / "analytics" / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace("headgate[team]", 'headgate[team]", "left-pad'))
    (root / "libs" / "headgate" / "requirements.lock").unlink()
    findings = by_subject(examine_projects(Settings(root=root, home=tmp_path / "home")))
    assert findings["environment analytics"].severity is Severity.PROBLEM
    assert "left-pad" in findings["environment analytics"].text
    assert findings["environment analytics"].next_step == "run `headgate lock analytics`"
    assert "is missing" in findings["environment headgate"].text


@pytest.fixture
def riders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A team that reads Strava, ACME's shop and something else; nobody has set a variable."""
    secrets = [
        "STRAVA_BASE_URL",
        "STRAVA_CLIENT_ID",
        "STRAVA_CLIENT_SECRET",
        "STRAVA_REFRESH_TOKENS",
        "SHOP_URL",
        "MAP_KEY",
    ]
    for name in secrets:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "root" / "teams" / "riders"
    folder.mkdir(parents=True)
    manifest = f'[project]\nname = "riders"\n[tool.headgate]\nowner = "team:riders"\nsecrets = {json.dumps(secrets)}\n'
    (folder / "pyproject.toml").write_text(manifest, encoding="utf-8")
    return Settings(root=tmp_path / "root", home=tmp_path / "home")


def test_secrets_that_nobody_gave_are_named(riders: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = by_subject(examine_sources(riders))
    assert findings["secrets of riders"].severity is Severity.NOTE
    assert findings["secrets of riders"].text.endswith("SHOP_URL; not set: MAP_KEY")
    assert findings["strava"] == Finding(
        "strava", Severity.NOTE, "ACME's club is not made yet", "`headgate build` makes it"
    )
    monkeypatch.setenv("MAP_KEY", "hush")
    assert by_subject(examine_sources(riders))["secrets of riders"].severity is Severity.OK
    assert "hush" not in str(by_subject(examine_sources(riders)))


def test_an_account_of_ones_own_needs_all_of_it(riders: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRAVA_CLIENT_ID", "4711")
    finding = by_subject(examine_sources(riders))["strava"]
    assert finding.severity is Severity.PROBLEM
    assert finding.text == "STRAVA_CLIENT_ID is set and not used: without STRAVA_BASE_URL ACME's club is read"
    monkeypatch.setenv("STRAVA_BASE_URL", "https://strava.example/api/v3")
    finding = by_subject(examine_sources(riders))["strava"]
    assert finding.severity is Severity.PROBLEM
    assert finding.text == "STRAVA_BASE_URL is set, and STRAVA_CLIENT_SECRET, STRAVA_REFRESH_TOKENS is not"
    assert "docs/strava.md" in finding.next_step
    monkeypatch.setenv("STRAVA_CLIENT_SECRET", "hush")
    monkeypatch.setenv("STRAVA_REFRESH_TOKENS", "first,second")
    finding = by_subject(examine_sources(riders))["strava"]
    assert finding.severity is Severity.OK and "2 refresh tokens" in finding.text
    assert "hush" not in str(finding) and "first" not in str(finding)


@pytest.mark.services
def test_databases_are_started_for_the_look_and_stopped_again(settings: Settings) -> None:
    databases.start(settings, ["postgres"])
    provision(settings)
    databases.stop(settings)
    findings = by_subject(examine_databases(settings))
    assert findings["database platform"].text.startswith("starts, in ")
    assert findings["zone analytics_private"].text == "empty"
    assert not platform_server(settings).is_running()


@pytest.mark.services
def test_what_is_missing_on_the_server_is_named(settings: Settings) -> None:
    databases.start(settings, ["postgres"])
    provision(settings)
    with psycopg.connect(platform_server(settings).admin_url("lake_dev"), autocommit=True) as server:
        server.execute("drop schema analytics_private")
    assert by_subject(examine_databases(settings))["roles and zones"].text == "missing: zone analytics_private"


@pytest.mark.services
def test_a_server_that_does_not_start_is_a_problem(settings: Settings) -> None:
    databases.start(settings, ["postgres"])
    databases.stop(settings)
    (platform_server(settings).data / "global" / "pg_control").unlink()
    finding = by_subject(examine_databases(settings))["database platform"]
    assert finding.severity is Severity.PROBLEM
    assert "does not start" in finding.text and "pg_control" in finding.text


@pytest.mark.services
def test_lost_data_files_are_found(settings: Settings) -> None:
    from headgate.lake.session import LakeSession
    from headgate_control.provision import team_environment, wanted

    databases.start(settings, ["postgres"])
    provision(settings)
    team = next(team for team in wanted(settings).teams if team.name == "analytics")
    variables = team_environment(team, settings)
    own = settings.model_copy(
        update={
            "catalog_url": variables["HEADGATE_CATALOG_URL"],
            "catalog_password": _secret(variables["HEADGATE_CATALOG_PASSWORD"]),
        }
    )
    with LakeSession(own, "analytics") as session:
        session.attach("analytics")
        session.connection.execute("create table analytics.kept as select range as number from range(100000)")
        session.connection.execute("create table analytics.lost as select range as number from range(100000)")
    assert by_subject(examine_databases(settings))["zone analytics"].text.startswith("2 tables, 2 data files")
    (lost,) = (settings.state_folder / "lake" / "dev" / "analytics").rglob("lost/*.parquet")
    lost.unlink()
    finding = by_subject(examine_databases(settings))["zone analytics"]
    assert finding.severity is Severity.PROBLEM
    assert finding.text == f"1 of 2 data files are not on the disk, such as {lost}"


def _secret(text: str) -> object:
    from pydantic import SecretStr

    return SecretStr(text)
