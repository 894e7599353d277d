"""What PostgreSQL itself refuses between teams, tried with the other team's own credentials."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control import databases
from headgate_control.postgres import platform_server
from headgate_control.provision import admin_url, provision, team_environment, wanted
from headgate_control.zone_names import ZoneError
from headgate_control.zones import find_missing

pytestmark = pytest.mark.services

MANIFEST = """
[project]
name = "{name}"
version = "1"

[tool.headgate]
owner = "team:{name}"
"""


def add_team(root: Path, name: str) -> None:
    (root / "teams" / name).mkdir(parents=True)
    (root / "teams" / name / "pyproject.toml").write_text(MANIFEST.format(name=name), encoding="utf-8")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A running server with the zones of two teams. `order` is a reserved word of SQL, and a team all the same."""
    folder = tmp_path_factory.mktemp("zones")
    settings = Settings(root=folder / "repository", home=folder / "home")
    for name in ("growers", "order"):
        add_team(settings.root, name)
    databases.start(settings, ["postgres"])
    provision(settings)
    with connect(settings, "growers") as connection:
        connection.execute("create table growers.harvest as select 12 as tonnes")
        connection.execute("create table growers_private.wages as select 900 as amount")
    yield settings
    databases.stop(settings)


def connect(settings: Settings, team: str, database: str | None = None) -> psycopg.Connection:
    """A connection with exactly what the team's processes are told."""
    found = next(one for one in wanted(settings).teams if one.name == team)
    variables = team_environment(found, settings)
    url = variables["HEADGATE_CATALOG_URL"]
    options = {"dbname": database} if database else {}
    return psycopg.connect(url, user=team, password=variables["HEADGATE_CATALOG_PASSWORD"], autocommit=True, **options)


def refused(settings: Settings, team: str, statement: str) -> str:
    with connect(settings, team) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        connection.execute(statement)
    return str(caught.value)


def test_a_published_zone_is_read_by_others(lake: Settings) -> None:
    with connect(lake, "order") as connection:
        assert connection.execute("select tonnes from growers.harvest").fetchone() == (12,)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into growers.harvest values (1)",
        "update growers.harvest set tonnes = 0",
        "delete from growers.harvest",
        "truncate growers.harvest",
        "drop table growers.harvest",
        "alter table growers.harvest add column mine int",
        "create table growers.mine (id int)",
        "drop schema growers cascade",
    ],
)
def test_a_published_zone_is_written_by_its_owner_only(lake: Settings, statement: str) -> None:
    message = refused(lake, "order", statement)
    assert "permission denied" in message or "must be owner" in message
    with connect(lake, "growers") as connection:
        assert connection.execute("select tonnes from growers.harvest").fetchall() == [(12,)]


@pytest.mark.parametrize(
    "statement", ["select * from growers_private.wages", "create table growers_private.mine (id int)"]
)
def test_a_private_zone_is_closed(lake: Settings, statement: str) -> None:
    assert "permission denied for schema growers_private" in refused(lake, "order", statement)


@pytest.mark.parametrize(
    "statement",
    [
        'alter role "order" superuser',
        "alter role growers password 'stolen'",
        "create role thief",
        'grant growers to "order"',
        "set role growers",
        "set role headgate_admin",
        "create schema third",
        "create table public.mine (id int)",
        "select rolpassword from pg_authid",
        "copy growers.harvest to program 'cat'",
        "select pg_read_file('pg_hba.conf')",
    ],
)
def test_a_team_gets_no_further_rights(lake: Settings, statement: str) -> None:
    refused(lake, "order", statement)


@pytest.mark.parametrize("database", ["dagster", "postgres", "template1"])
def test_other_databases_are_closed(lake: Settings, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(lake, "order", database)


def test_the_password_is_the_teams_own(lake: Settings) -> None:
    variables = {team.name: team_environment(team, lake) for team in wanted(lake).teams}
    stolen = variables["order"]["HEADGATE_CATALOG_PASSWORD"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(variables["growers"]["HEADGATE_CATALOG_URL"], user="growers", password=stolen)


@pytest.mark.parametrize(("team", "waits"), [("growers", "on"), ("dagster", "off")])
def test_only_dagsters_events_do_not_wait_for_the_disk(lake: Settings, team: str, waits: str) -> None:
    database = "dagster" if team == "dagster" else "lake_dev"
    password = (lake.state_folder / "secrets" / team).read_text().strip()
    with psycopg.connect(platform_server(lake).url(database, role=team, password=password)) as connection:
        assert connection.execute("show synchronous_commit").fetchone() == (waits,)
        assert connection.execute("show fsync").fetchone() == ("on",)


def test_nothing_to_do_is_quick(lake: Settings) -> None:
    assert find_missing(admin_url(lake) or "", wanted(lake)) == []
    fastest = 9.9
    for _ in range(3):
        began = time.process_time()
        assert provision(lake) == []
        fastest = min(fastest, time.process_time() - began)
    assert fastest < 0.3  # of computing: whatever runs beside it takes time of the clock


def test_a_team_that_comes_later_is_let_in(lake: Settings) -> None:
    add_team(lake.root, "millers")
    assert set(provision(lake)) == {
        "role millers",
        "millers reads published zones",
        "zone millers",
        "zone millers_private",
        "readers of millers",
        "tables of millers",
        "future tables of millers",
    }
    with connect(lake, "millers") as connection:
        assert connection.execute("select tonnes from growers.harvest").fetchone() == (12,)
        connection.execute("create table millers.flour as select 3 as tonnes")
    with connect(lake, "growers") as connection:
        assert connection.execute("select tonnes from millers.flour").fetchone() == (3,)


def test_a_renewed_password_takes_effect(lake: Settings) -> None:
    (lake.state_folder / "secrets" / "order").unlink()
    assert provision(lake) == ["password of order"]
    with connect(lake, "order") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_dropped_zone_is_made_again(lake: Settings) -> None:
    with psycopg.connect(platform_server(lake).admin_url("lake_dev"), autocommit=True) as server:
        server.execute("drop schema order_private")
    assert provision(lake) == ["zone order_private"]


@pytest.mark.parametrize("name", ["dagster", "growers_private", "headgate_admin", "public", "pg_mine"])
def test_taken_names_are_refused(lake: Settings, name: str) -> None:
    add_team(lake.root, name)
    with pytest.raises(ZoneError) as caught:
        provision(lake)
    shutil.rmtree(lake.root / "teams" / name)
    assert f"'{name}' is taken" in caught.value.what


def test_no_password_gets_into_the_servers_log(lake: Settings) -> None:
    log = (lake.state_folder / "logs" / "postgres.log").read_text()
    assert len(log) > 100
    for path in (lake.state_folder / "secrets").iterdir():
        assert path.read_text().strip() not in log


def test_a_server_that_refuses_is_three_lines(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_ADMIN_URL", f"postgresql://nobody:secret-word@/postgres?host={os.devnull}")
    with pytest.raises(HeadgateError) as caught:
        provision(lake)
    assert len(str(caught.value).splitlines()) == 3
    assert "secret-word" not in str(caught.value)
