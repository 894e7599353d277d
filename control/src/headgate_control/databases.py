"""The servers of this installation that hold data: which are embedded, starting and stopping them, making what is in them.

What belongs here: the facade that commands and the supervisor use. What does not: how a server is started (`postgres`,
`strava`), roles and zones (`zones`), ACME's world (`acme`).

Several commands may use a server at once. Each holds a shared lock while it does; the last to leave stops the server,
also one that a killed command left behind, unless `headgate up` keeps it.
"""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from headgate.environment import Settings
from headgate_control.home_lock import HomeLock
from headgate_control.postgres import PostgresServer, acme_server, platform_server
from headgate_control.postgres_cluster import PostgresError
from headgate_control.provision import acme_url, dagster_storage_url, provision, readable_teams
from headgate_control.strava import StravaServer
from headgate_control.strava_account import reads_stand_in

NAMES = ("postgres", "acme")
"""The PostgreSQL servers: the platform's own, and the one that stands in for the company's source systems."""

STRAVA = "strava"
"""The stand-in for the service that a team reads over HTTP; it runs only where a team reads it."""

_SERVERS = {"postgres": platform_server, "acme": acme_server}


def server(settings: Settings, name: str) -> PostgresServer:
    """One of `NAMES`."""
    return _SERVERS[name](settings)


def embedded(settings: Settings) -> list[str]:
    """Which of `NAMES` and `STRAVA` are embedded: a URL in the settings points at a real server instead."""
    names = []
    if settings.catalog_url is None:
        names.append("postgres")
    if acme_url() is None:
        names.append("acme")
    if reads_stand_in(readable_teams(settings.root)):
        names.append(STRAVA)
    return names


def data_folder(settings: Settings, name: str) -> Path:
    return _any_server(settings, name).data


def _any_server(settings: Settings, name: str) -> PostgresServer | StravaServer:
    return StravaServer(settings) if name == STRAVA else server(settings, name)


def start(settings: Settings, names: Iterable[str] | None = None) -> list[str]:
    """Start the embedded servers in the background, each ready when this returns and in use until `stop`.

    Returns:
        Those that this process uses from now on, for `stop`.

    Raises:
        PostgresError: one does not start. Those that were started are stopped again.
    """
    using: list[str] = []
    wanted = embedded(settings)
    try:
        for name in wanted if names is None else (name for name in names if name in wanted):
            _begin_use(settings, name)
            using.append(name)
            _any_server(settings, name).start()
    except BaseException:
        stop(settings, using)
        raise
    return using


def stop(settings: Settings, names: Iterable[str] = NAMES) -> None:
    """Leave servers; one that nobody else uses is stopped. What is not running is left alone."""
    for name in names:
        if users := _uses.get((settings.state_folder, name)):
            users.pop().release()
        alone = _use_lock(settings, name)
        if not alone.acquire():
            continue
        with alone:
            if not HomeLock(settings.state_folder, "up").is_held():
                _any_server(settings, name).stop()


_uses: dict[tuple[Path, str], list[HomeLock]] = {}
"""What this process uses: a shared lock for each `start` that was not followed by its `stop` yet."""


def _begin_use(settings: Settings, name: str) -> None:
    lock = _use_lock(settings, name)
    while not lock.acquire(shared=True):  # somebody is stopping it
        time.sleep(0.02)
    _uses.setdefault((settings.state_folder, name), []).append(lock)


def _use_lock(settings: Settings, name: str) -> HomeLock:
    return HomeLock(settings.state_folder, f"use-{name}")


def execute(name: str, settings: Settings, extra: Mapping[str, str]) -> None:
    """Become a server: for a supervisor. Does not return. End it with SIGINT.

    Args:
        name: one of `NAMES`, or `STRAVA`.
        settings: whose server.
        extra: environment variables of its process.
    """
    _any_server(settings, name).execute(extra)


def wait_ready(settings: Settings, name: str, timeout: float = 60.0) -> None:
    """Wait until a server that somebody else starts accepts connections.

    Raises:
        PostgresError: it does not within `timeout` seconds.
    """
    target = _any_server(settings, name)
    deadline = time.monotonic() + timeout
    while not target.is_running():
        if time.monotonic() > deadline:
            raise PostgresError(
                f"the {target.name} server is not ready after {timeout:.0f} s",
                where=f"{target.data}; its messages are in {target.log}",
                next_step="read the log, run `headgate doctor`",
            )
        time.sleep(0.02)


def prepare(settings: Settings) -> list[str]:
    """Roles, databases and zones of the environment, made when missing; the platform's server runs already.

    Returns:
        What was made.

    Raises:
        ZoneError: the server refuses.
    """
    return provision(settings)


def storage_url(settings: Settings) -> str:
    """Dagster's storage with its role, without the password (HEADGATE_DAGSTER_PASSWORD)."""
    return os.environ.get("HEADGATE_DAGSTER_URL") or dagster_storage_url(settings)
