"""Generated teams, and the two ways to serve them: `headgate up`, and plain `dagster dev` on the same code.

What belongs here: repositories of small teams, starting and ending what serves them, asking it by GraphQL. What does not:
what is measured (`up`, `latency`).
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

import headgate

ENVIRONMENTS = Path(os.environ.get("HEADGATE_HOME", "")) / "envs"
"""Of the installation that runs the benchmark: nothing is installed."""

_LOADED = "{workspaceOrError {... on Workspace {locationEntries {name loadStatus locationOrLoadError {__typename}}}}}"
_POLL_S = 0.05
_TIMEOUT_S = 600.0


class Repository:
    """A repository of generated teams in a folder of its own.

    All teams share one environment on disk, the one of the library's tests: making one for each would take minutes and change
    neither start nor memory, since each team still runs in a process of its own.
    """

    def __init__(self, folder: Path, teams: Mapping[str, str]) -> None:
        self.root = folder / "repository"
        self.home = folder / "home"
        self.teams = list(teams)
        for name, definitions in teams.items():
            self._write_team(name, definitions)
        (self.root / "headgate").touch()

    def python(self, team: str) -> Path:
        return self.home / "envs" / team / "bin" / "python"

    def code(self, team: str) -> Path:
        return self.root / "teams" / team / "src"

    def _write_team(self, name: str, definitions: str) -> None:
        package = self.code(name) / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "definitions.py").write_text(definitions, encoding="utf-8")
        manifest = f'[project]\nname = "{name}"\nversion = "0"\n\n[tool.headgate]\nowner = "team:{name}"\n'
        (self.root / "teams" / name / "pyproject.toml").write_text(manifest, encoding="utf-8")
        environment = self.home / "envs" / name
        venv.EnvBuilder(symlinks=True).create(environment)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
        shared = [sysconfig.get_path("purelib"), Path(headgate.__file__).parents[1], self.code(name)]
        (packages / "bench.pth").write_text("".join(f"{path}\n" for path in shared), encoding="utf-8")


@dataclass
class Served:
    """Something that serves a repository's teams.

    Args:
        process: what was started.
        port: of its web app.
        started_at: by `time.perf_counter`.
        log: what it printed.
    """

    process: "subprocess.Popen[bytes]"
    port: int
    started_at: float
    log: Path

    def query(self, text: str, **variables: Any) -> Any:
        """Data of a GraphQL query.

        Raises:
            OSError: it does not answer.
        """
        body = json.dumps({"query": text, "variables": variables}).encode()
        url, headers = f"http://127.0.0.1:{self.port}/graphql", {"content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
            document = json.load(answer)
        if "errors" in document:
            raise RuntimeError(f"{text} was answered with {document['errors']}")
        return document["data"]

    def wait_loaded(self, teams: int) -> float:
        """Seconds from the start until GraphQL answers with every code location loaded."""
        while time.perf_counter() - self.started_at < _TIMEOUT_S:
            with contextlib.suppress(OSError):
                entries = self.query(_LOADED)["workspaceOrError"]["locationEntries"]
                kinds = [
                    (entry["loadStatus"], (entry["locationOrLoadError"] or {}).get("__typename")) for entry in entries
                ]
                if kinds == [("LOADED", "RepositoryLocation")] * teams:
                    return time.perf_counter() - self.started_at
            time.sleep(_POLL_S)
        sys.exit(
            f"not every code location was loaded:\n{self.log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
        )

    def processes(self) -> list[psutil.Process]:
        """The whole tree: of `headgate up --detach`, the supervisor's."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]


@contextlib.contextmanager
def headgate_up(repository: Repository) -> Iterator[Served]:
    """`headgate up` with the environments as they are, ended afterwards."""
    python = ENVIRONMENTS / "control" / "bin" / "python"
    environment = {
        **_plain_environment(),
        "HEADGATE_ROOT": str(repository.root),
        "HEADGATE_HOME": str(repository.home),
    }
    command = [str(python), "-P", "-m", "headgate_control"]
    port = _free_port()
    served = _start([*command, "up", "--no-sync", "--port", str(port)], environment, port, repository.home / "up.log")
    try:
        yield served
    finally:
        _end(served)
        subprocess.run([*command, "down"], env=environment, capture_output=True, check=False)


@contextlib.contextmanager
def dagster_dev(repository: Repository) -> Iterator[Served]:
    """Plain `dagster dev` with an instance of its own, everything at its defaults but telemetry; ended afterwards."""
    instance = repository.home / "plain-dagster"
    instance.mkdir(parents=True, exist_ok=True)
    (instance / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    locations = [
        {
            "python_module": {
                "module_name": f"{team}.definitions",
                "working_directory": str(repository.code(team)),
                "executable_path": str(repository.python(team)),
                "location_name": team,
            }
        }
        for team in repository.teams
    ]
    workspace = instance / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": locations}), encoding="utf-8")
    port = _free_port()
    python = ENVIRONMENTS / "control" / "bin" / "python"
    command = [str(python), "-m", "dagster", "dev", "-w", str(workspace), "-p", str(port)]
    environment = {**_plain_environment(), "DAGSTER_HOME": str(instance), "HEADGATE_ROOT": str(repository.root)}
    served = _start(command, environment, port, instance / "dev.log")
    try:
        yield served
    finally:
        _end(served)


def forget(repository: Repository) -> None:
    """Remove all state, so that the next start is a first one; environments and code stay."""
    for path in repository.home.iterdir():
        if path.name != "envs":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "USER")}


def _start(command: list[str], environment: dict[str, str], port: int, log: Path) -> Served:
    with log.open("wb") as output:
        started_at = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    return Served(process, port, started_at, log)


def _end(served: Served) -> None:
    """As Ctrl-C does; what does not end by that is killed."""
    tree = served.processes() if served.process.poll() is None else []
    with contextlib.suppress(ProcessLookupError):
        os.kill(served.process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        served.process.wait(60)
    _, left = psutil.wait_procs(tree, 20)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    served.process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
