"""The exact variables of a process: what a team's code finds in its environment, and what it does not."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from headgate.environment import Settings
from headgate.team import Team
from headgate_control.provision import (
    STOREFRONT_DATABASES,
    acme_reader_url,
    platform_environment,
    query_environment,
    reads_acme,
    reads_storefront,
    role_password,
    team_environment,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("CRM_URL", "SHOP_URL", "INVENTORY_URL", "ACME_URL", "HEADGATE_CATALOG_URL"):
        monkeypatch.delenv(name, raising=False)
    return Settings(root=tmp_path / "root", home=tmp_path / "home")


def team(name: str, *secrets: str) -> Team:
    return Team(name=name, folder=Path("teams") / name, description="", owner=f"team:{name}", secrets=secrets)


def test_a_team_gets_exactly_this(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("UV_CACHE_DIR", "/cache")
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates")
    monkeypatch.setenv("SHOP_URL", "postgresql://shop")
    monkeypatch.setenv("BAKERY_TOKEN", "of another team")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of this machine")
    monkeypatch.setenv("HEADGATE_ADMIN_URL", "postgresql://root:secret@server/postgres")
    variables = team_environment(team("growers", "SHOP_URL"), home)
    state = str(home.state_folder)
    assert set(variables) == {
        *("PATH", "HOME", "UV_CACHE_DIR", "SSL_CERT_FILE", "VIRTUAL_ENV"),
        *("HEADGATE_ENVIRONMENT", "HEADGATE_ROOT", "HEADGATE_HOME", "HEADGATE_CODE_VERSION", "HEADGATE_DEMONSTRATION"),
        "HEADGATE_MONITORING",
        *("HEADGATE_CATALOG_URL", "HEADGATE_CATALOG_PASSWORD"),
        *("HEADGATE_DATA_PATH", "HEADGATE_MASKING_KEY", "HEADGATE_DAGSTER_PASSWORD", "DAGSTER_HOME", "SHOP_URL"),
    }
    assert variables["PATH"] == f"{state}/envs/growers/bin:/usr/bin"
    assert variables["DAGSTER_HOME"] == f"{state}/dagster"
    assert variables["HEADGATE_DATA_PATH"] == f"{state}/lake/dev"
    assert variables["HEADGATE_CATALOG_PASSWORD"] == role_password(home, "growers")
    assert variables["SHOP_URL"] == "postgresql://shop"
    assert "@" not in variables["HEADGATE_CATALOG_URL"]


def test_each_team_has_its_own_password_and_all_the_same_masking_key(home: Settings) -> None:
    first, second = team_environment(team("growers"), home), team_environment(team("millers"), home)
    assert first["HEADGATE_CATALOG_PASSWORD"] != second["HEADGATE_CATALOG_PASSWORD"]
    assert first["HEADGATE_MASKING_KEY"] == second["HEADGATE_MASKING_KEY"]
    assert first["HEADGATE_CATALOG_PASSWORD"] not in second.values()


def test_secrets_stay_the_same_from_start_to_start(home: Settings) -> None:
    assert team_environment(team("growers"), home) == team_environment(team("growers"), home)


def test_acme_is_the_source_when_nobody_names_one(home: Settings) -> None:
    url = team_environment(team("growers", "CRM_URL"), home)["CRM_URL"]
    assert url.startswith("postgresql://reader:") and "/crm?host=/tmp/headgate-pg-" in url


def test_the_storefront_is_read_where_nobody_names_another(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STOREFRONT_DATABASES:
        monkeypatch.delenv(name, raising=False)
    readers = team("foundation", *STOREFRONT_DATABASES)
    variables = team_environment(readers, home)
    databases = [variables[name].partition("?")[0].rpartition("/")[2] for name in STOREFRONT_DATABASES]
    assert databases == ["accounts_db", "transaction_db", "inventory_db", "entity_resolution", "adobe_experience"]
    assert reads_storefront([readers]) and not reads_acme([readers]) and not reads_storefront([team("a", "CRM_URL")])
    for name in STOREFRONT_DATABASES:
        monkeypatch.setenv(name, "postgresql://somewhere/else")
    assert not reads_storefront([readers])
    assert team_environment(readers, home)["ACCOUNTS_DB_URL"] == "postgresql://somewhere/else"


def test_acme_may_be_a_real_server(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_URL", "postgresql://admin:secret@db.example:5433/postgres?sslmode=require")
    password = role_password(home, "acme_reader")
    assert acme_reader_url(home, "shop") == f"postgresql://reader:{password}@db.example:5433/shop?sslmode=require"


def test_a_secret_nobody_set_is_left_out(home: Settings) -> None:
    variables = team_environment(team("growers", "WEATHER_KEY", "CRM_URL"), home)
    assert "WEATHER_KEY" not in variables and "CRM_URL" in variables


def test_the_platforms_processes_get_no_teams_secret(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://shop")
    variables = platform_environment(home)
    assert not {"SHOP_URL", "HEADGATE_CATALOG_PASSWORD", "HEADGATE_MASKING_KEY"} & set(variables)
    assert variables["HEADGATE_DAGSTER_PASSWORD"] == role_password(home, "dagster")


def test_a_query_has_its_own_role(home: Settings) -> None:
    variables = query_environment(home)
    assert variables["HEADGATE_CATALOG_PASSWORD"] == role_password(home, "headgate_query")
    assert "HEADGATE_MASKING_KEY" not in variables


def test_a_server_of_ones_own(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_PASSWORD_GROWERS", "given")
    own = home.model_copy(update={"catalog_url": "postgresql://db/lake", "masking_key": SecretStr("key")})
    variables = team_environment(team("growers"), own)
    assert variables["HEADGATE_CATALOG_URL"] == "postgresql://db/lake"
    assert variables["HEADGATE_CATALOG_PASSWORD"] == "given"
    assert variables["HEADGATE_MASKING_KEY"] == "key"
