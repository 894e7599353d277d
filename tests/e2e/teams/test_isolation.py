"""One platform, and teams that break in every way there is: the others load, run and publish, and whoever looks is told.

The teams are those of `headgate new team`, published by the real gate. Their environments are made without an installer.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from headgate_control.platform_state import read_platform
from headgate_control.projects import find_projects
from headgate_control.status import read_status
from headgate_control.team_admin.example import SEED, Example, example_from
from headgate_control.team_admin.rendering import Plan, render

from ..installation import Installation, changed, copy_repository, make_overlay, stamp_environments
from ..lake import open_lake

SOUND = ("steady", "following")
"""`following` builds on what `steady` publishes, and follows it by itself."""

PRODUCTS = (["steady", "visits_by_day"], ["following", "visits_by_day_by_day"])

BROKEN = {
    "typo": ("defs = (\n", "SyntaxError: '(' was never closed", 1),
    "lacking": ("import not_installed\n", "No module named 'not_installed'", 1),
    "hanging": ("import time\n\ntime.sleep(3600)\n", "still importing after ", 0),
    "killed": ("import os\n\nos.kill(os.getpid(), 9)\n", "terminated by SIGKILL", 0),
}
"""How each of the others breaks: what its definitions become, what is to be told, and the line that is (0: none is)."""

LOCATIONS = """
{workspaceOrError {... on Workspace {locationEntries {name locationOrLoadError {
  __typename ... on PythonError {errorChain {error {message}} message}
}}}}}
"""
RELOAD = "mutation($team: String!) {reloadRepositoryLocation(repositoryLocationName: $team) {__typename}}"
LAUNCH = """
mutation($parameters: ExecutionParams!) {launchRun(executionParams: $parameters) {... on LaunchRunSuccess {run {runId}}}}
"""
MATERIALIZATIONS = """
query($key: AssetKeyInput!) {assetOrError(assetKey: $key) {... on Asset {assetMaterializations(limit: 1000) {runId}}}}
"""
RUN = "query($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"


@dataclass(frozen=True)
class Running:
    """A platform that is up, seen as a browser sees it."""

    installation: Installation
    port: int

    def query(self, text: str, **variables: Any) -> Any:
        url = f"http://127.0.0.1:{self.port}/graphql"
        document = httpx.post(url, json={"query": text, "variables": variables}, timeout=300).json()
        assert "errors" not in document, document
        return document["data"]

    def locations(self) -> dict[str, str]:
        """Of each team what the web app shows: empty when it is loaded, else the error."""
        entries = self.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
        shown = {entry["name"]: entry["locationOrLoadError"] for entry in entries}
        return {
            team: one.get("message", "") + "".join(link["error"]["message"] for link in one.get("errorChain", []))
            for team, one in shown.items()
        }

    def told(self) -> dict[str, str]:
        """Of each team what `headgate status` says: empty when it is loaded, else what is wrong."""
        settings = self.installation.settings
        status = read_status(settings.state_folder, read_platform(settings.state_folder), measure=False)
        return {
            team: "" if one.state == "loaded" else one.problem.what if one.problem else one.state
            for team, one in status.locations.items()
        }

    def publish(self) -> None:
        """A run of `steady` publishes, and `following` follows it by itself, whatever else is broken."""
        before = self.publications()
        selector = {
            "repositoryLocationName": "steady",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["steady", "visits"]}, {"path": PRODUCTS[0]}],
        }
        launched = self.query(LAUNCH, parameters={"selector": selector, "runConfigData": "{}"})["launchRun"]
        wait_for(lambda: self.query(RUN, id=launched["run"]["runId"])["runOrError"]["status"] in ("SUCCESS", "FAILURE"))
        wait_for(lambda: all(new > old for new, old in zip(self.publications(), before, strict=True)))

    def publications(self) -> list[int]:
        """How often each product of the sound teams was published."""
        found = [self.query(MATERIALIZATIONS, key={"path": path})["assetOrError"] for path in PRODUCTS]
        return [len(asset.get("assetMaterializations", ())) for asset in found]


def wait_for(condition: Callable[[], bool], timeout: float = 900) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def definitions(installation: Installation, team: str) -> Path:
    return installation.root / "teams" / team / "src" / team / "definitions.py"


@pytest.fixture(scope="module")
def clone(folder: Path, environments: Path) -> Iterator[Installation]:
    """A repository of six teams; nothing was ever built."""
    clone = copy_repository(folder / "isolation", environments, teams=[])
    for team in ("steady", *BROKEN):
        write_team(clone, environments, team, SEED)
    write_team(clone, environments, "following", example_from("steady.visits_by_day", clone.settings))
    stamp_environments(clone.root, clone.home)
    yield clone
    clone.run("down")
    left = clone.wait_for_end()
    assert not left, left


def write_team(clone: Installation, environments: Path, team: str, example: Example) -> None:
    folder = clone.root / "teams" / team
    for name, text in render(Plan(team, example, with_ml=False)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "requirements.lock").touch()
    [project] = [project for project in find_projects(clone.root) if project.name == team]
    make_overlay(clone.home / "envs" / team, environments / "analytics", project.folder, clone.root)


def test_broken_teams_are_named_with_the_reason_and_the_others_go_on(clone: Installation) -> None:
    sound = {team: definitions(clone, team).read_text(encoding="utf-8") for team in BROKEN}
    for team in ("typo", "lacking", "hanging"):
        definitions(clone, team).write_text(BROKEN[team][0], encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    running = Running(clone, port)

    # Three teams are broken when it starts: that is told, and everybody else is served.
    up = clone.run("up", "--no-sync", "--detach", "--port", str(port))
    assert up.code == 0, up.text
    for team in ("typo", "lacking"):
        _, reason, line = BROKEN[team]
        assert f"{definitions(clone, team)}:{line}" in up.error(f"team {team} does not load", reason)
    running.publish()

    # A code server is killed: it comes back by itself, which is told too, or it is killed again and again.
    processes = json.loads(clone.run("status", "--json").out)["processes"]
    [pid] = [process["pid"] for process in processes if process["name"] == "code-killed"]
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: "terminated by SIGKILL" in running.told()["killed"])
    wait_for(lambda: running.told()["killed"] == "")
    definitions(clone, "killed").write_text(BROKEN["killed"][0], encoding="utf-8")
    processes = json.loads(clone.run("status", "--json").out)["processes"]
    [pid] = [process["pid"] for process in processes if process["name"] == "code-killed"]
    os.killpg(pid, signal.SIGKILL)
    running.publish()

    # Four are broken now, each in its own way; both places name each with its own reason, and the others by none.
    for look in (running.told, running.locations):
        wait_for(lambda look=look: all(BROKEN[team][1] in look()[team] for team in BROKEN))  # type: ignore[misc]
        assert {team for team, problem in look().items() if not problem} == set(SOUND)
    status = clone.run("status")
    assert status.code == 1
    assert len(status.errors) == len(BROKEN), status.text
    running.publish()

    # Mended and reloaded by the button of the web app, each is there again.
    for team in ("lacking", "hanging", "killed"):
        definitions(clone, team).write_text(sound[team], encoding="utf-8")
        assert running.query(RELOAD, team=team)["reloadRepositoryLocation"]["__typename"] == "WorkspaceLocationEntry"
    wait_for(lambda: {team for team, problem in running.told().items() if problem} == {"typo"})

    # A build beside it leaves the broken team out, and one whose code server dies half-way; it tells both.
    sources = clone.root / "teams" / "killed" / "src" / "killed" / "sources.py"
    kill_and_wait = "import os, time; os.kill(os.getppid(), 9); time.sleep(3600)"
    with changed(sources, ("    return csv", f"    {kill_and_wait}\n    return csv")):
        built = clone.build()
    assert (built.code, built.summary) == (1, (7, 1, 1)), built.text
    assert f"{definitions(clone, 'typo')}:1" in built.error("team typo does not load", "SyntaxError")
    built.error("the code server of team killed ended by SIGKILL")
    assert built.assets["killed.visits"] == "failed" and built.assets["killed.visits_by_day"] == "skipped"
    asked = clone.build("--select", "typo.visits_by_day")
    assert asked.code == 2 and "built" not in asked.out, asked.text
    asked.error("team typo does not load", "SyntaxError")
    asked.error("no asset is named 'typo.visits_by_day'")

    definitions(clone, "typo").write_text(sound["typo"], encoding="utf-8")
    assert running.query(RELOAD, team="typo")["reloadRepositoryLocation"]["__typename"] == "WorkspaceLocationEntry"
    status = clone.run("status")
    assert status.code == 0, status.text
    published = running.publications()
    with open_lake(clone, *SOUND) as lake:
        assert [lake.value(f"select count(*) from {team}._publications") for team in SOUND] == published
        assert lake.rows("select count(*)::int, sum(row_count)::int from following.visits_by_day_by_day") == [(14, 14)]
