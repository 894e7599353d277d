"""A club of three athletes, and its server on a real port, with a clock that tests can turn."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from acme.strava.growth import seed
from acme.strava.ledger import StravaLedger
from acme.strava.server import make_app

TODAY = date(2026, 11, 20)
ACTIVITIES = 900


@dataclass
class Clock:
    """Epoch seconds for tokens and limits: at 12:00:00 UTC, until it is turned."""

    at: float = 1_795_262_400.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Club:
    """A client of the server: every call is HTTP."""

    folder: Path
    url: str
    credentials: dict[str, str]
    clock: Clock
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))
    tokens: dict[int, str] = field(default_factory=dict)

    @property
    def refresh_tokens(self) -> list[str]:
        return self.credentials["STRAVA_REFRESH_TOKENS"].split(",")

    @property
    def ledger(self) -> StravaLedger:
        return StravaLedger(self.folder)

    def refresh(self, token: str, **changes: str) -> httpx.Response:
        form = {
            "client_id": self.credentials["STRAVA_CLIENT_ID"],
            "client_secret": self.credentials["STRAVA_CLIENT_SECRET"],
            "grant_type": "refresh_token",
            "refresh_token": token,
        }
        return self.client.post(f"{self.url}/oauth/token", data=form | changes)

    def get(self, path: str, *, athlete: int = 0, token: str | None = None, **parameters: Any) -> httpx.Response:
        """Ask as the athlete of this number."""
        if token is None and athlete not in self.tokens:
            self.tokens[athlete] = self.refresh(self.refresh_tokens[athlete]).json()["access_token"]
        headers = {"Authorization": f"Bearer {token or self.tokens[athlete]}"}
        return self.client.get(self.url + path, params=parameters, headers=headers)

    def athlete_id(self, athlete: int = 0) -> int:
        return int(self.get("/athlete", athlete=athlete).json()["id"])

    def pages(self, *, athlete: int = 0, per_page: int = 200, **parameters: Any) -> Iterator[list[dict[str, Any]]]:
        """Every page of the list of activities, up to the first empty one."""
        page = 1
        while True:
            answer = self.get("/athlete/activities", athlete=athlete, per_page=per_page, page=page, **parameters)
            assert answer.status_code == 200, answer.text
            if not answer.json():
                return
            yield answer.json()
            page += 1

    def activities(self, **arguments: Any) -> list[dict[str, Any]]:
        return [activity for page in self.pages(**arguments) for activity in page]


def read_credentials(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="ascii").splitlines())


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh world, seeded once; every test works on a copy."""
    folder = tmp_path_factory.mktemp("club")
    seed(folder / "world", folder / "strava.env", activities=ACTIVITIES, athletes=3, seed=7, today=TODAY)
    return folder


@pytest.fixture
def folder(seeded: Path, tmp_path: Path) -> Path:
    """A world's folder; its credentials lie beside it."""
    shutil.copytree(seeded, tmp_path / "club")
    return tmp_path / "club" / "world"


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Club]]:
    """Start a server over a world's folder, as often as wanted; all end with the test."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(folder: Path, clock: Clock | None = None) -> Club:
        clock = clock or Clock()
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(make_app(folder, now=clock), log_level="critical", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        running.append((server, thread))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v3"
        return Club(folder, url, read_credentials(folder.parent / "strava.env"), clock)

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def club(folder: Path, serve: Callable[[Path], Club]) -> Club:
    return serve(folder)
