"""The Dagster instance: `DAGSTER_HOME` with its settings, and the storage in PostgreSQL.

What belongs here: what every process of Dagster shares. What does not: making the database and its role
(`provision`), starting the web server or daemon (`supervision`), runs that were left behind (`stale_runs`).
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import psycopg
import yaml
from dagster_shared.version import __version__

from headgate.errors import HeadgateError
from headgate_control.workspace import replace_text

_STORAGE_VERSION = f"dagster {__version__}"
PASSWORD_VARIABLE = "HEADGATE_DAGSTER_PASSWORD"

_MAX_RUNTIME_S = 6 * 3600
_START_TIMEOUT_S = 180
_MAX_CONCURRENT_RUNS = 4


class InstanceError(HeadgateError):
    """Dagster's storage cannot be reached or made."""


def dagster_home(home: Path) -> Path:
    return home / "dagster"


def write_instance(home: Path, storage_url: str) -> Path:
    """Write `$HEADGATE_HOME/dagster/dagster.yaml` and return the folder, which is `DAGSTER_HOME`.

    Args:
        home: HEADGATE_HOME.
        storage_url: database of the instance with its role, without password: `postgresql://dagster@host:5432/dagster`
            or `postgresql://dagster@/dagster?host=<socket folder>`. The password is read from the environment
            variable HEADGATE_DAGSTER_PASSWORD by each process.
    """
    folder = dagster_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dagster.yaml"
    text = instance_text(storage_url, compute_logs=home / "logs" / "runs")
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_text(path, text)
    return folder


def instance_text(storage_url: str, *, compute_logs: Path) -> str:
    """dagster.yaml as it is written."""
    return yaml.safe_dump(instance_settings(storage_url, compute_logs=compute_logs), sort_keys=False)


def instance_settings(storage_url: str, *, compute_logs: Path) -> dict[str, Any]:
    """The content of dagster.yaml. Everything that is not here is Dagster's default."""
    return {
        "storage": {
            "custom": {
                "module": "headgate.orchestration.storage",
                "class": "PooledPostgresStorage",
                "config": {
                    "postgres_db": _postgres_settings(storage_url),
                    # Made once by `initialise`: several processes that start together would each inspect every table.
                    "should_autocreate_tables": False,
                },
            }
        },
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(compute_logs)},
        },
        # The queue is looked at every second, sensors every two (`daemon`): what follows an update starts in seconds.
        "run_queue": {
            "dequeue_interval_seconds": 1,
            "dequeue_use_threads": True,
            "dequeue_num_workers": 4,
            # A run whose code server is just being restarted waits for it instead of failing.
            "max_user_code_failure_retries": 10,
            "user_code_failure_retry_delay": 5,
        },
        "sensors": {"use_threads": True, "num_workers": 4},
        "schedules": {"use_threads": True, "num_workers": 4},
        "backfills": {"use_threads": True, "num_workers": 4},
        "auto_materialize": {"minimum_interval_seconds": 1, "use_threads": True, "num_workers": 4},
        # A tick that had nothing to do is a row, too.
        "retention": {
            "sensor": {"purge_after_days": {"skipped": 1}},
            "auto_materialize": {"purge_after_days": {"skipped": 1}},
        },
        "concurrency": {
            "runs": {"max_concurrent_runs": _MAX_CONCURRENT_RUNS},
            "pools": {"default_limit": 1},
        },
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": _START_TIMEOUT_S,
            "cancel_timeout_seconds": 60,
            "max_runtime_seconds": _MAX_RUNTIME_S,
            "poll_interval_seconds": 10,
            # Without it one run that was cancelled while it waited blocks its pool for ever.
            "free_slots_after_run_end_seconds": 30,
        },
        # Only runs that ask for it by tag, and not when a step failed: a run whose launch or worker was lost.
        "run_retries": {"enabled": True, "max_retries": 0, "retry_on_asset_or_op_failure": False},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def _postgres_settings(storage_url: str) -> dict[str, Any]:
    url = urlsplit(storage_url)
    if not url.username or not url.path.strip("/"):
        raise InstanceError(
            "the address of Dagster's storage names no role or no database",
            where=f"{url.scheme}://…{url.path}",
            next_step="use postgresql://dagster@host:5432/dagster",
        )
    settings: dict[str, Any] = {
        "username": unquote(url.username),
        "password": {"env": PASSWORD_VARIABLE},
        # A socket folder is a parameter, and the host is then left to it.
        "hostname": url.hostname or "",
        "port": url.port or 5432,
        "db_name": unquote(url.path.strip("/")),
        # SQLAlchemy 2.1 takes a plain postgresql:// for psycopg 3, which dagster-postgres does not use.
        "scheme": "postgresql+psycopg2",
    }
    if parameters := dict(parse_qsl(url.query)):
        settings["params"] = parameters
    return settings


def connection_url(storage_url: str) -> str:
    """`storage_url` with the password of this process's environment, for psycopg."""
    url = urlsplit(storage_url)
    password = os.environ.get(PASSWORD_VARIABLE, "")
    _, _, host = url.netloc.rpartition("@")
    return url._replace(netloc=f"{url.username or ''}:{quote(password, safe='')}@{host}").geturl()


def is_initialised(storage_url: str) -> bool:
    """Whether this version of Dagster has made its tables. A few milliseconds, without importing Dagster.

    Raises:
        InstanceError: the database cannot be reached.
    """
    with _connect(storage_url) as connection:
        row = connection.execute("select obj_description(to_regclass('public.alembic_version'), 'pg_class')").fetchone()
    return row is not None and row[0] == _STORAGE_VERSION


def initialise(home: Path, storage_url: str) -> None:
    """Write dagster.yaml, and make or migrate the instance's tables when this version of Dagster has not done so.

    Safe to call at every start and from several processes at once: an advisory lock lets one of them work.

    Raises:
        InstanceError: the database cannot be reached, or refuses the tables.
    """
    write_instance(home, storage_url)
    if is_initialised(storage_url):
        return
    with _connect(storage_url) as connection:
        connection.execute("select pg_advisory_lock(hashtext('headgate-dagster-instance'))")
        if not is_initialised(storage_url):
            _make_tables(home, storage_url)
            connection.execute(f"comment on table public.alembic_version is '{_STORAGE_VERSION}'")


def _make_tables(home: Path, storage_url: str) -> None:
    # Imported late: a second start does without Dagster.
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    storage = {"postgres": {"postgres_db": _postgres_settings(storage_url), "should_autocreate_tables": True}}
    reference = InstanceRef.from_dir(str(dagster_home(home)), overrides={"storage": storage})
    with DagsterInstance.from_ref(reference) as instance:
        instance.upgrade()


def _connect(storage_url: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(connection_url(storage_url), connect_timeout=10, autocommit=True)
    except psycopg.OperationalError as error:
        url = urlsplit(storage_url)
        raise InstanceError(
            f"Dagster's storage does not answer: {' '.join(str(error).split())[:300]}",
            where=f"database {url.path.strip('/')} at {url.hostname or dict(parse_qsl(url.query)).get('host', '')}",
            next_step="see that PostgreSQL runs (`headgate status`, `headgate doctor`)",
        ) from None
