"""An environment's databases, roles and zones, and what each process is told about them.

What belongs here: which teams, passwords and addresses go together, and the exact variables of a process. What does
not: the SQL that makes roles and zones (`zones`), starting servers (`databases`).

A team's process inherits nothing but a short list of harmless variables: another team's secret, or the superuser's,
cannot reach it by accident.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from headgate.environment import Settings, read_settings
from headgate.team import Team, TeamError, read_team
from headgate_control.code_version import read_code_version
from headgate_control.drops_place import DROPS_URL, drops_place
from headgate_control.postgres import acme_server, platform_server
from headgate_control.secret_files import make_secret
from headgate_control.strava_account import VARIABLES as STRAVA_VARIABLES
from headgate_control.strava_account import strava_variables
from headgate_control.zone_names import DAGSTER_ROLE, QUERY_ROLE, Wanted, ZoneError, lake_database, login_roles

ACME_DATABASES = {"CRM_URL": "crm", "SHOP_URL": "shop", "INVENTORY_URL": "inventory"}
"""Secrets that name the databases of ACME's orders: the embedded ones when nobody sets them."""

STOREFRONT_DATABASES = {
    "ACCOUNTS_DB_URL": "accounts_db",
    "TRANSACTION_DB_URL": "transaction_db",
    "INVENTORY_DB_URL": "inventory_db",
    "ENTITY_RESOLUTION_URL": "entity_resolution",
    "ADOBE_EXPERIENCE_URL": "adobe_experience",
}
"""The same of ACME's storefront, a world of its own on the same server."""

ACME_READER = "reader"

_PASSED_ON = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR", "COLUMNS", "NO_COLOR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONWARNINGS", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    "HEADGATE_TEST_RUN",  # the mark of `processes`
}
_PASSED_ON_PREFIXES = ("LC_", "UV_", "PIP_", "XDG_")


def provision(settings: Settings) -> list[str]:
    """Make what this environment needs on its server and does not have; also for a team that was added since.

    On a server of one's own (HEADGATE_CATALOG_URL) it needs HEADGATE_ADMIN_URL, a superuser's address; without it
    nothing is made: whoever runs that server has made it.

    Returns:
        What was made, for a person to read.

    Raises:
        ZoneError: a team's name is taken, or the server refuses.
    """
    # Late: the supervisor and what it forks know the names, and make nothing.
    from headgate_control.zones import has_database, make_zones

    url = admin_url(settings)
    if url is None:
        return []
    if settings.branch is not None and not has_database(url, lake_database(settings.lake_name)):
        raise ZoneError(
            f"there is no branch {settings.branch!r}",
            where="HEADGATE_BRANCH",
            next_step=f"make it: `headgate branch create {settings.branch}`, or unset HEADGATE_BRANCH",
        )
    return make_zones(url, wanted(settings))


def admin_url(settings: Settings) -> str | None:
    """A superuser's address of the platform's server; None when it is somebody else's and none was given."""
    if given := os.environ.get("HEADGATE_ADMIN_URL"):
        return given
    return platform_server(settings).admin_url() if settings.catalog_url is None else None


def wanted(settings: Settings) -> Wanted:
    """Roles and zones that this environment is to have. A team whose manifest cannot be read is left out."""
    teams = tuple(readable_teams(settings.root))
    passwords = {role: role_password(settings, role) for role in login_roles(teams)}
    is_embedded = settings.catalog_url is None
    return Wanted(lake=settings.lake_name, teams=teams, passwords=passwords, is_embedded=is_embedded)


def readable_teams(root: Path) -> Iterator[Team]:
    """One team's broken manifest must not keep the others from their zones; what reads it next says what is wrong."""
    for path in sorted((root / "teams").glob("*/pyproject.toml")):
        with contextlib.suppress(TeamError):
            yield read_team(path.parent)


def catalog_url(settings: Settings) -> str:
    """Server and database of the lake's catalog, without credentials."""
    return settings.catalog_url or platform_server(settings).url(lake_database(settings.lake_name))


def dagster_storage_url(settings: Settings) -> str:
    """Dagster's database on the embedded server with its role, without the password."""
    return platform_server(settings).url("dagster", role=DAGSTER_ROLE)


def role_password(settings: Settings, role: str) -> str:
    """A role's password: `HEADGATE_PASSWORD_<ROLE>` when it is set (a server of one's own), else generated."""
    given = os.environ.get(f"HEADGATE_PASSWORD_{role.upper()}")
    return given or make_secret(_secrets_folder(settings), role)


def platform_environment(settings: Settings) -> dict[str, str]:
    """All variables of the control plane's own processes (web server, daemon): no team's secret is among them."""
    return {
        **base_variables(),
        **_place_variables(settings),
        "HEADGATE_DAGSTER_PASSWORD": role_password(settings, DAGSTER_ROLE),
    }


def team_environment(team: Team, settings: Settings | None = None) -> dict[str, str]:
    """All variables of a team's processes; nothing else is inherited.

    A secret that the team's manifest declares and nobody has set is left out: the team loads without it, and the assets
    that need it fail by its name.

    Args:
        team: whose processes.
        settings: where; this process's own by default.
    """
    settings = settings or read_settings()
    folder = settings.state_folder / "envs" / team.name
    base = base_variables()
    return {
        **base,
        "PATH": f"{folder / 'bin'}:{base.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(folder),
        **_place_variables(settings),
        **_lake_variables(settings, role=team.name),
        "HEADGATE_MASKING_KEY": masking_key(settings),
        "HEADGATE_CODE_VERSION": read_code_version(settings.root),
        "HEADGATE_DAGSTER_PASSWORD": role_password(settings, DAGSTER_ROLE),
        **_team_secrets(settings, team),
    }


def query_environment(settings: Settings) -> dict[str, str]:
    """All variables of a process that reads published zones and owns nothing, as role `headgate_query`."""
    return {**base_variables(), **_place_variables(settings), **_lake_variables(settings, role=QUERY_ROLE)}


def acme_url() -> str | None:
    """The server given as ACME's by ACME_URL (with credentials); None for the embedded one."""
    return os.environ.get("ACME_URL") or None


def reads_acme(teams: Iterable[Team]) -> bool:
    """Whether some team reads ACME's orders: it declares their secrets, and nobody set them to a source of their own."""
    return _reads(teams, ACME_DATABASES)


def reads_storefront(teams: Iterable[Team]) -> bool:
    """The same of the databases of ACME's storefront."""
    return _reads(teams, STOREFRONT_DATABASES)


def acme_reader_password(settings: Settings) -> str:
    return role_password(settings, f"acme_{ACME_READER}")


def acme_reader_url(settings: Settings, database: str) -> str:
    """Address of a database of ACME with the read-only login."""
    password = acme_reader_password(settings)
    given = acme_url()
    if given is None:
        return acme_server(settings).url(database, role=ACME_READER, password=password)
    url = urlsplit(given)
    place = url.netloc.rpartition("@")[2]
    return url._replace(netloc=f"{ACME_READER}:{quote(password, safe='')}@{place}", path=f"/{database}").geturl()


def base_variables() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }


def _place_variables(settings: Settings) -> dict[str, str]:
    return {
        "HEADGATE_ENVIRONMENT": settings.environment.value,
        **({"HEADGATE_BRANCH": settings.branch} if settings.branch else {}),
        "HEADGATE_ROOT": str(settings.root),
        "HEADGATE_HOME": str(settings.state_folder),
        "HEADGATE_DEMONSTRATION": str(int(settings.demonstration)),
        "HEADGATE_MONITORING": str(int(settings.is_monitored)),
        "DAGSTER_HOME": str(settings.state_folder / "dagster"),
    }


def _lake_variables(settings: Settings, *, role: str) -> dict[str, str]:
    return {
        "HEADGATE_CATALOG_URL": catalog_url(settings),
        "HEADGATE_CATALOG_PASSWORD": role_password(settings, role),
        "HEADGATE_DATA_PATH": settings.lake_path,
    }


def masking_key(settings: Settings) -> str:
    """The key of hashes of personal values: HEADGATE_MASKING_KEY, else generated once for this state folder."""
    if settings.masking_key is not None:
        return settings.masking_key.get_secret_value()
    return make_secret(_secrets_folder(settings), "masking_key")


def _team_secrets(settings: Settings, team: Team) -> dict[str, str]:
    values: dict[str, str] = {}
    strava = strava_variables(settings)
    for name in team.secrets:
        if name in STRAVA_VARIABLES:
            values |= {name: strava[name]} if name in strava else {}
        elif value := os.environ.get(name):
            values[name] = value
        elif database := (ACME_DATABASES | STOREFRONT_DATABASES).get(name):
            values[name] = acme_reader_url(settings, database)
        elif name == DROPS_URL:
            values[name] = drops_place(settings)
    return values


def _reads(teams: Iterable[Team], databases: Mapping[str, str]) -> bool:
    return any(name in databases and not os.environ.get(name) for team in teams for name in team.secrets)


def _secrets_folder(settings: Settings) -> Path:
    return settings.state_folder / "secrets"
