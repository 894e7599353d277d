"""The images of `deploy/Dockerfile`, as far as they can be made without Docker: its own commands, in folders with spaces.

What is not tried: the base image, `useradd`, and Docker itself.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dockerfile import copy_context, copy_into_image, lineage, read_stages
from repository import ROOT

from headgate.environment import Settings
from headgate.team import list_teams
from headgate_control import databases
from headgate_control.deployment.compose import compose, workspace
from headgate_control.deployment.naming import Images
from headgate_control.instance import instance_text
from headgate_control.ports import find_free_port
from headgate_control.projects import find_projects
from headgate_control.uv import uv_program

TEAMS = [team.name for team in list_teams(ROOT)]
LOAD = """
import socket, sys

def refuse(*arguments):
    raise AssertionError("a connection was tried while the code loads")

socket.socket.connect = refuse
from importlib import import_module
from importlib.util import find_spec

defs = import_module(f"{sys.argv[1]}.definitions").defs
print(len(list(defs.assets)), *sorted(name for name in sys.argv[2:] if find_spec(name)))
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Docker would be sent."""
    return copy_context(tmp_path_factory.mktemp("a new user") / "context")


@dataclass(frozen=True)
class Built:
    """What the builder stages made: /app and the environment."""

    app: Path
    venv: Path

    def run(self, *command: str, **variables: str) -> str:
        done = subprocess.run(
            [str(self.venv / "bin" / command[0]), *command[1:]],
            cwd=self.app,
            env={"PATH": f"{self.venv / 'bin'}:{os.defpath}", "HEADGATE_ROOT": str(self.app), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


Build = Callable[..., Built]


@pytest.fixture(scope="module")
def build(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Makes what a builder stage makes, once for each stage and team."""
    made: dict[tuple[str, str], Built] = {}

    def build_once(stage: str, team: str = "") -> Built:
        if (stage, team) not in made:
            folder = tmp_path_factory.mktemp("an image")
            made[stage, team] = build_stage(context, folder / "the app", folder / "the environment", stage, team)
        return made[stage, team]

    return build_once


def build_stage(context: Path, app: Path, venv: Path, stage: str, team: str) -> Built:
    """COPY and RUN of a builder stage and those below it, in order."""
    app.mkdir()
    for one in lineage(stage):
        copy_into_image(one, context, app, team)
        for command in one.of("RUN"):
            if not command.startswith("sed"):  # that installs uv into the image's Python; here it is there
                done = run_instruction(command, app, venv, team)
                assert done.returncode == 0, f"{command}: {done.stderr}"
    return Built(app, venv)


def run_instruction(command: str, app: Path, venv: Path, team: str) -> "subprocess.CompletedProcess[str]":
    """A RUN instruction as it is written."""
    variables = {
        **{name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")},
        "PATH": f"{Path(uv_program()).parent}:{os.environ['PATH']}",
        "VENV": str(venv),
        "TEAM": team,
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return subprocess.run(["sh", "-c", command], cwd=app, env=variables, capture_output=True, text=True, check=False)


def test_everything_that_is_copied_is_in_the_context(context: Path, tmp_path: Path) -> None:
    copied = 0
    for team in TEAMS:
        for stage in read_stages().values():
            for text in stage.of("COPY"):
                if not text.startswith("--from="):
                    assert (context / re.sub(r"\$\{?TEAM\}?", team, text.split()[0])).exists(), text
                    copied += 1
                else:
                    assert text.removeprefix("--from=").split()[0] in read_stages(), text
    assert copied >= 7 * len(TEAMS)


def test_no_secret_gets_in(tmp_path: Path) -> None:
    kept = {"headgate", "control/pyproject.toml", "libs/headgate/src/headgate/team.py", "teams/ml/src/ml/features.py"}
    dropped = {
        *(".env", "deploy/.env", "teams/ml/.env", "libs/headgate/.netrc", ".headgate/secrets/ml", ".git/config"),
        *("teams/ml/tests/world.py", "teams/ml/src/ml/__pycache__/a.pyc", "teams/.new-x/pyproject.toml", "acme/a.py"),
    }
    for name in kept | dropped:
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / name).write_text("x", encoding="utf-8")
    context = copy_context(tmp_path / "context", tmp_path / "clone")
    assert {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()} == kept


def test_no_setting_of_the_image_is_a_secret() -> None:
    words = re.compile(r"password|secret|token|_key|credential", re.IGNORECASE)
    settings = [text for stage in read_stages().values() for kind in ("ARG", "ENV") for text in stage.of(kind)]
    assert settings and not [text for text in settings if words.search(text)]


def test_uv_comes_from_the_lock_with_its_hashes(context: Path) -> None:
    (command,) = (text for text in read_stages()["builder"].of("RUN") if text.startswith("sed"))
    script = shlex.split(command)[2]
    found = subprocess.run(
        ["sed", "-n", script, "control/requirements.lock"], cwd=context, capture_output=True, text=True, check=True
    ).stdout
    assert found.startswith("uv==") and found.count("--hash=sha256:") > 5
    assert len(re.findall(r"^\S+==", found, flags=re.MULTILINE)) == 1


def test_no_team_and_no_internal_package_is_named() -> None:
    copied = {text.split()[0] for stage in read_stages().values() for text in stage.of("COPY")}
    named = {source for source in copied if re.match(r"(teams|libs)/", source) and "${TEAM}" not in source}
    assert named == {"libs/headgate"}  # which the control image installs


@pytest.mark.services
@pytest.mark.parametrize("team", TEAMS)
def test_a_teams_image_loads_its_code_and_holds_the_packages_that_it_lists(team: str, build: Build) -> None:
    image = build("code-builder", team)
    projects = find_projects(ROOT)
    libraries = {one.folder: one.package.replace("-", "_") for one in projects if one.is_library}
    (project,) = (one for one in projects if one.is_team and one.name == team)
    others = [name for name in TEAMS if name != team]
    count, *found = image.run("python", "-P", "-c", LOAD, team, *libraries.values(), *others).split()
    assert int(count) > 0
    assert found == sorted(name for folder, name in libraries.items() if folder in project.internal)
    assert [path.name for path in (image.app / "teams").iterdir()] == [team]


@pytest.mark.services
def test_an_unlocked_package_cannot_get_in(build: Build, tmp_path: Path) -> None:
    """A dependency that is in the manifest and not in the lock: the image is not built."""
    image = build("code-builder", "ml")
    app = tmp_path / "the app"
    shutil.copytree(image.app, app)
    manifest = app / "teams" / "ml" / "pyproject.toml"
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace('"pandas>=3",', '"pandas>=3",\n    "httpx-sse",'), encoding="utf-8")
    done = run_instruction(read_stages()["code-builder"].of("RUN")[-1], app, image.venv, "ml")
    assert done.returncode != 0 and "httpx-sse" in done.stderr


@contextmanager
def running(command: list[str], folder: Path, variables: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.services
def test_the_containers_of_one_team_work_together(settings: Settings, build: Build, tmp_path: Path) -> None:
    """prepare, a code location and the web app, by the commands of the compose file and of the image; each with the
    variables of its service alone. Addresses, ports and folders are this machine's."""
    team, teams = "ml", list_teams(ROOT)
    images = {"code": build("code-builder", team), "control": build("control-builder")}
    databases.start(settings, ["postgres"])
    server = databases.server(settings, "postgres")
    home, document = tmp_path / "home", compose(teams, Images(tag="test"))
    dagster_url = server.url("dagster", role="dagster")
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(
        instance_text(dagster_url, compute_logs=home / "logs"), encoding="utf-8"
    )
    ports = {name: find_free_port() for name in ("code", "web")}
    described = workspace([team])
    described["load_from"][0]["grpc_server"] |= {"host": "127.0.0.1", "port": ports["code"]}
    (home / "workspace.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    local = {
        "HEADGATE_CATALOG_URL": server.url("lake_prod"),
        "HEADGATE_ADMIN_URL": server.admin_url(),
        "HEADGATE_DAGSTER_URL": dagster_url,
        "HEADGATE_DATA_PATH": str(home / "lake"),
    }

    def variables(service: str, image: Built) -> dict[str, str]:
        given = {
            name: local.get(name) or re.sub(r"\$\{(\w+):[?-].*\}", r"secret-of-\1", value)
            for name, value in document["services"][service]["environment"].items()
            if name != "PGPASSWORD"  # the test's server has its password in the address
        }
        place = {"HEADGATE_ROOT": str(image.app), "HEADGATE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
        return {"PATH": f"{image.venv / 'bin'}:{os.defpath}", "TEAM": team, **place, **given}

    prepare = document["services"]["prepare"]["command"]
    first, again = (images["control"].run(*prepare, **variables("prepare", images["control"])) for _ in range(2))
    assert "database lake_prod" in first and f"role {team}" in first and again == ""

    (command,) = read_stages()["code"].of("CMD")
    command = command.replace("/app/", f"{images['code'].app}/").replace("4000", str(ports["code"]))
    web = [str(ports["web"]) if word == "3000" else word for word in document["services"]["web"]["command"]]
    web = [str(home / "workspace.yaml") if word.endswith("workspace.yaml") else word for word in web]
    with (
        running(["sh", "-c", command], images["code"].app, variables("code-ml", images["code"]), tmp_path / "code.log"),
        running([str(images["control"].venv / "bin" / "python"), *web[1:]], images["control"].app,
                variables("web", images["control"]), tmp_path / "web.log"),
    ):  # fmt: skip
        entry = ask_until_loaded(ports["web"])
        foreign = urllib.request.Request(f"http://127.0.0.1:{ports['web']}/", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="HTTP Error 4"):
            urllib.request.urlopen(foreign)
    assert entry["name"] == team, (tmp_path / "code.log").read_text(encoding="utf-8")
    assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry
    keys = {
        "/".join(node["assetKey"]["path"])
        for one in entry["locationOrLoadError"]["repositories"]
        for node in one["assetNodes"]
    }
    assert "ml/penguin_cluster" in keys


def ask_until_loaded(port: int) -> dict:
    """The workspace's one entry, asked for until the code location has answered."""
    load = "locationOrLoadError { __typename ... on RepositoryLocation { repositories { assetNodes { assetKey { path } } } } }"
    query = f"{{ workspaceOrError {{ ... on Workspace {{ locationEntries {{ name {load} }} }} }} }}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline, entry = time.monotonic() + 90, {}
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                (entry,) = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
            if (entry["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation":
                return entry
        except OSError:
            pass
        time.sleep(0.3)
    return entry
