"""A lake for benchmarks: an embedded server and an empty folder, shared with the processes that are measured."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

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
        lake = BenchLake(catalog.environment(team, folder), Path(url.split("host=")[1]))
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


def open_session(team: str = "analytics") -> LakeSession:
    return LakeSession(read_settings(), team)
