"""A repository with two tiny teams, and the platform that runs it.

The teams' environments are virtual environments that see the packages of the one that runs the tests: making them takes
a tenth of a second, and the processes that run in them are real.
"""

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import textwrap
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import headgate
from headgate.environment import Settings
from headgate_control import databases
from headgate_control.processes import find_supervised

ALPHA = """
import time

import dagster as dg


@dg.asset(key_prefix="alpha")
def one() -> None: ...


@dg.asset(key_prefix="alpha", deps=[one])
def two() -> None: ...


@dg.asset(key_prefix="alpha", pool="machine")
def slow() -> None:
    time.sleep(600)


defs = dg.Definitions(assets=[one, two, slow], executor=dg.in_process_executor)
"""

BETA = """
import dagster as dg


@dg.asset(key_prefix="beta", deps=[dg.AssetKey(["alpha", "two"])])
def three() -> None: ...


defs = dg.Definitions(assets=[three], executor=dg.in_process_executor)
"""


@dataclass(frozen=True)
class TinyRepository:
    """Root and home of a repository, and the command line on them."""

    root: Path
    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(root=self.root, home=self.home)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HEADGATE_ROOT": str(self.root), "HEADGATE_HOME": str(self.home)}

    def definitions(self, team: str) -> Path:
        return self.root / "teams" / team / "src" / team / "definitions.py"

    def write_team(self, team: str, definitions: str) -> None:
        folder = self.root / "teams" / team
        self.definitions(team).parent.mkdir(parents=True)
        (self.definitions(team).parent / "__init__.py").touch()
        self.definitions(team).write_text(textwrap.dedent(definitions).lstrip(), encoding="utf-8")
        manifest = f'[project]\nname = "{team}"\nversion = "0"\n\n[tool.headgate]\nowner = "team:{team}"\n'
        (folder / "pyproject.toml").write_text(manifest, encoding="utf-8")
        self.make_environment(team)

    def make_environment(self, team: str) -> None:
        folder = self.home / "envs" / team
        venv.EnvBuilder(symlinks=True).create(folder)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "lib" / version / "site-packages"
        # A package that is installed as editable is not found through another environment's folder.
        library = Path(headgate.__file__).parent.parent
        paths = [sysconfig.get_path("purelib"), str(library), str(self.definitions(team).parent.parent)]
        (packages / "tests.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")

    def run(self, *arguments: str, timeout: float = 600) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "headgate_control", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        status = json.loads(self.run("status", "--json").stdout)
        assert isinstance(status, dict)
        return status

    def left_processes(self) -> list[str]:
        """What still runs of this home, databases included."""
        commands = []
        for process in self.find_processes():
            with contextlib.suppress(psutil.Error):  # it has just ended
                commands.append(" ".join(process.cmdline()))
        return commands

    def find_processes(self) -> list[psutil.Process]:
        folders = [databases.data_folder(self.settings, name) for name in databases.NAMES]
        return find_supervised(self.home, databases=folders)


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that was started with `headgate up --detach`."""

    repository: TinyRepository
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, text: str, **variables: Any) -> Any:
        answer = httpx.post(f"{self.url}/graphql", json={"query": text, "variables": variables}, timeout=120)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert "errors" not in document, document
        return document["data"]

    def launch(self, team: str, *assets: str) -> str:
        """Launch a run of assets, and return its id."""
        launched = self.query(LAUNCH, parameters=launch_parameters(team, *assets))["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def run_status(self, run_id: str) -> str:
        query = "query($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
        return str(self.query(query, id=run_id)["runOrError"]["status"])

    def wait_for_run(self, run_id: str, status: str = "SUCCESS", timeout: float = 300) -> None:
        """Wait until a run has a status; another final one, or none in time, fails the test with the run's events."""
        deadline = time.monotonic() + timeout
        while (now := self.run_status(run_id)) != status:
            if now in ("SUCCESS", "FAILURE", "CANCELED") or time.monotonic() > deadline:
                fields = "{... on EventConnection {events {... on MessageEvent {message}}}}"
                query = f"query($id: ID!) {{logsForRun(runId: $id) {fields}}}"
                events = self.query(query, id=run_id)["logsForRun"]["events"]
                pytest.fail(f"run is {now}, not {status}: {[event.get('message') for event in events]}")
            time.sleep(0.1)


LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}
"""


def launch_parameters(team: str, *assets: str) -> dict[str, Any]:
    return {
        "selector": {
            "repositoryLocationName": team,
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": [team, asset]} for asset in assets],
        },
        "runConfigData": "{}",
    }


RELOAD = """
mutation Reload($team: String!) {
  reloadRepositoryLocation(repositoryLocationName: $team) { __typename ... on PythonError { message } }
}
"""


def wait_for(condition: Callable[[], bool], timeout: float = 300.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def up(repository: TinyRepository, port: int, *options: str) -> "subprocess.CompletedProcess[str]":
    return repository.run("up", "--no-sync", "--detach", "--port", str(port), *options)
