"""`headgate up` with a team that reads Strava: the stand-in is one of its processes, and is kept alive with its tokens."""

import json
import os
import shutil
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tiny_platform import ALPHA, BETA, TinyRepository

from headgate.environment import Settings
from headgate_control.environments import environment_folder, require_environments
from headgate_control.ports import find_free_port
from headgate_control.projects import choose_projects
from headgate_control.strava_account import VARIABLES

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyRepository]:
    """Two teams, the first of which reads Strava."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    base = Path(tempfile.mkdtemp(prefix="hg-"))
    base.chmod(0o755)
    tiny = TinyRepository(base / "repo", base / "home")
    tiny.root.mkdir()
    (tiny.root / "headgate").touch()
    tiny.write_team("alpha", ALPHA)
    tiny.write_team("beta", BETA)
    with (tiny.root / "teams" / "alpha" / "pyproject.toml").open("a", encoding="utf-8") as manifest:
        manifest.write(f"secrets = {json.dumps(VARIABLES)}\n")
    real = Settings(root=ROOT, home=Path(os.environ.get("HEADGATE_TEST_HOME", ROOT / ".headgate")))
    require_environments(real, choose_projects(ROOT, ["acme"]), quiet=True)
    (tiny.home / "envs" / "acme").symlink_to(environment_folder(real, "acme"))
    try:
        yield tiny
    finally:
        tiny.run("down")
        shutil.rmtree(base, ignore_errors=True)


def variables_of(repository: TinyRepository, team: str) -> dict[str, str]:
    """The environment of a team's code server."""
    process = next(one for one in repository.status()["processes"] if one["name"] == f"code-{team}")
    return psutil.Process(process["pid"]).environ()


def ask(url: str, *, token: str = "", form: dict[str, str] | None = None) -> dict[str, object]:
    request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode() if form else None)
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        document: dict[str, object] = json.load(answer)
    return document


def test_up_serves_strava_to_the_team_that_reads_it(repository: TinyRepository) -> None:
    started = repository.run("up", "--no-sync", "--detach", "--port", str(find_free_port()), timeout=300)
    assert started.returncode == 0, started.stdout + started.stderr
    given = variables_of(repository, "alpha")
    assert set(VARIABLES) <= set(given)
    assert not set(VARIABLES) & set(variables_of(repository, "beta"))
    form = {
        "client_id": given["STRAVA_CLIENT_ID"],
        "client_secret": given["STRAVA_CLIENT_SECRET"],
        "grant_type": "refresh_token",
        "refresh_token": given["STRAVA_REFRESH_TOKENS"].split(",")[0],
    }
    token = str(ask(given["STRAVA_TOKEN_URL"], form=form)["access_token"])
    athlete = ask(f"{given['STRAVA_BASE_URL']}/athlete", token=token)["id"]

    server = next(one for one in repository.status()["processes"] if one["name"] == "strava")
    psutil.Process(server["pid"]).kill()
    deadline = time.monotonic() + 300
    while True:
        try:
            # The same address, and the token is known.
            assert ask(f"{given['STRAVA_BASE_URL']}/athlete", token=token)["id"] == athlete
            break
        except OSError:
            assert time.monotonic() < deadline, (repository.home / "logs" / "strava.log").read_text()
            time.sleep(0.2)

    assert repository.run("down").returncode == 0
    assert repository.left_processes() == []
    with pytest.raises(OSError, match="refused"):
        ask(given["STRAVA_BASE_URL"].removesuffix("/api/v3"))
