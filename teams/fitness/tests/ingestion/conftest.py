"""ACME's Strava server over a small club, an empty lake, and runs of the ingestion against them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from headgate.lake.session import LakeSession
from headgate.testing import make_catalog

ROOT = Path(__file__).parents[4]
RUN = Path(__file__).parent / "run_ingestion.py"
"""What a run does, as a program: for tests that kill it."""


@dataclass
class Acme:
    """A club's world, its server and its ledger; a program of another environment."""

    folder: Path
    credentials: Path
    base_url: str = ""
    process: "subprocess.Popen[str] | None" = None

    def call(self, *arguments: str) -> Any:
        home = Path(os.environ.get("HEADGATE_TEST_HOME") or ROOT / ".headgate")
        python = home / "envs" / "acme" / "bin" / "python"
        assert python.exists(), "run `./headgate test teams/fitness`: it makes ACME's environment"
        environment = {
            **os.environ,
            "ACME_STRAVA": str(self.folder),
            "ACME_STRAVA_CREDENTIALS": str(self.credentials),
        }
        command = [str(python), "-m", "acme", "strava", *arguments]
        if arguments[0] == "serve":
            return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def inject(self, kind: str, *options: str) -> Any:
        return self.call("fault", "inject", kind, *options)

    def ids(self) -> list[int]:
        """Every activity there is, by the ledger."""
        return list(self.call("ledger", "--ids")["ids"])

    def requests(self) -> list[dict[str, Any]]:
        text = (self.folder / "ledger" / "requests.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def variables(self) -> dict[str, str]:
        lines = self.credentials.read_text(encoding="utf-8").splitlines()
        return {**dict(line.split("=", 1) for line in lines), "STRAVA_BASE_URL": self.base_url}


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 activities of two athletes in two years."""
    folder = tmp_path_factory.mktemp("acme")
    world = Acme(folder / "world", folder / "credentials.env")
    world.call("seed", "--activities", "600", "--athletes", "2", "--years", "2")
    return folder


@pytest.fixture
def acme(seeded: Path, tmp_path: Path) -> Iterator[Acme]:
    """A club of its own for each test, being served."""
    shutil.copytree(seeded, tmp_path / "acme")
    world = Acme(tmp_path / "acme" / "world", tmp_path / "acme" / "credentials.env")
    world.process = process = world.call("serve", "--port", "0")
    world.base_url = process.stdout.readline().strip()
    yield world
    process.terminate()
    process.wait(10)


@pytest.fixture
def lake(server: str, acme: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """An empty lake and the club's credentials in this process's environment; SQL over the private zone."""
    catalog = make_catalog(server, ["fitness"])
    variables = {**catalog.environment("fitness", tmp_path / "home"), **acme.variables()}
    for name, value in {**variables, "HEADGATE_ROOT": str(ROOT)}.items():
        monkeypatch.setenv(name, value)

    def query(sql: str) -> list[Any]:
        with LakeSession(catalog.settings("fitness", tmp_path / "home"), "fitness") as session:
            session.attach("fitness_private")
            session.connection.execute("use fitness_private")
            return session.connection.execute(sql).fetchall()

    return query


@dataclass
class Outcome:
    success: bool
    error: str
    metadata: dict[str, dict[str, Any]]
    """Table → what its materialization tells."""
    partitions: list[str]
    warnings: list[str]


@pytest.fixture
def ingest(lake: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """A run of the ingestion in this process."""
    from fitness.ingestion import assets
    from headgate.orchestration.resources import LakeResource
    from headgate.sources import http

    # Back-off and limits are waited out by a clock that ticks a hundred times as fast.
    sleep = http.time.sleep
    monkeypatch.setattr(http.PoliteAdapter.__init__, "__kwdefaults__", {"sleep": lambda seconds: sleep(seconds / 100)})

    def run(*what: str, **options: Any) -> Outcome:
        chosen = [getattr(assets, name) for name in what or ("activities", "profile")]
        resources = {"lake": LakeResource(team="fitness"), "lake_io": dg.mem_io_manager}
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(chosen, resources=resources, instance=instance, raise_on_error=False, **options)
        return _read(result)

    return run


def _read(result: dg.ExecuteInProcessResult) -> Outcome:
    metadata: dict[str, dict[str, Any]] = {}
    partitions = []
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if made.metadata:
            metadata[made.asset_key.path[-1]] = {name: value.value for name, value in made.metadata.items()}
        if made.partition:
            partitions.append(made.partition)
    failures = [event.step_failure_data for event in result.get_step_failure_events()]
    texts = [data.user_failure_data.description if data.user_failure_data else str(data.error) for data in failures]
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    warnings = [str(check.metadata["surprises"].value) for check in failed]
    return Outcome(result.success, "\n".join(map(str, texts)), metadata, partitions, warnings)


@pytest.fixture
def start_run(lake: Callable[[str], list[Any]]) -> Callable[..., "subprocess.Popen[str]"]:
    """A run in a process of its own, which stops itself by SIGKILL at a given place."""

    def start(kill_at: str = "") -> "subprocess.Popen[str]":
        environment = {**os.environ, "KILL_AT": kill_at}
        return subprocess.Popen([sys.executable, str(RUN)], env=environment, stderr=subprocess.PIPE, text=True)

    return start
