"""A lake for benchmarks: an embedded server and an empty folder, shared with the processes that are measured."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg

from headgate.environment import read_settings
from headgate.lake.session import LakeSession
from headgate.testing import make_catalog, run_server


@contextmanager
def bench_lake(team: str = "analytics") -> Iterator["BenchLake"]:
    """Starts the lake and puts its settings into this process's environment, which measured processes inherit."""
    with ExitStack() as stack:
        url = stack.enter_context(run_server())
        catalog = make_catalog(url, [team])
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        instance = write_instance(folder / "dagster", catalog.admin_url)
        lake = BenchLake({**catalog.environment(team, folder), **instance}, Path(url.split("host=")[1]))
        lake.use()
        yield lake


@dataclass(frozen=True)
class BenchLake:
    """A running lake, where there are several."""

    environment: dict[str, str]
    server_folder: Path

    def use(self) -> None:
        """Makes it the lake of the processes that are started from now on."""
        os.environ |= self.environment

    def server_cpu_seconds(self) -> float:
        """What the catalog's server and its processes have used so far, those that have ended too."""
        server = psutil.Process(int((self.server_folder / "postmaster.pid").read_text(encoding="utf-8").split()[0]))
        total = sum(server.cpu_times()[:4])
        for process in server.children():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:2])
        return total


def write_instance(home: Path, admin_url: str) -> dict[str, str]:
    """The platform's Dagster instance, in a database of the same server; returns what tells processes of it.

    Its tables are made when it is first opened.
    """
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("create database dagster")
    storage = {
        "module": "headgate.orchestration.storage",
        "class": "PooledPostgresStorage",
        "config": {"postgres_url": f"postgresql+psycopg2://postgres@/dagster?{urlsplit(admin_url).query}"},
    }
    home.mkdir()
    (home / "dagster.yaml").write_text(json.dumps({"storage": {"custom": storage}}), encoding="utf-8")
    return {"DAGSTER_HOME": str(home)}


def open_session(team: str = "analytics") -> LakeSession:
    return LakeSession(read_settings(), team)
