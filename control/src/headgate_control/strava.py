"""ACME's cycling club as a server of this installation: its world made once, its HTTP server started and ended.

What belongs here: the process. What does not: what it serves (project `acme`), who may use it (`strava_account`),
who else uses it at the moment (`databases`).
"""

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control.environments import environment_python
from headgate_control.ports import find_free_port, find_listener
from headgate_control.provision import base_variables
from headgate_control.strava_account import club_folder, credentials_file, port_file, read_credentials, read_port
from headgate_control.workspace import replace_text

DEFAULT_ACTIVITIES = "2k"

_READY_TIMEOUT_S = 60.0
_STOP_S = 5.0


class StravaError(HeadgateError):
    """The stand-in's world cannot be made, or its server does not start."""


@dataclass(frozen=True)
class StravaServer:
    """The server of one home. Its state outlives it: tokens, limits, world.

    Args:
        settings: whose.
    """

    settings: Settings
    name: str = "strava"

    @property
    def data(self) -> Path:
        return club_folder(self.settings)

    @property
    def log(self) -> Path:
        return self.settings.state_folder / "logs" / "strava.log"

    def is_running(self) -> bool:
        """Whether this home's server answers on its port, and nobody else's."""
        port = read_port(self.settings)
        if port is None:
            return False
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                told = json.load(answer)
        except (OSError, ValueError):
            return False
        known = read_credentials(self.settings).get("STRAVA_CLIENT_ID")
        return isinstance(told, dict) and told.get("client_id") == known

    def start(self) -> None:
        """Start it in the background unless it runs; it answers when this returns.

        Raises:
            StravaError: there is no environment for it, its world cannot be made, or it ends at once.
        """
        if self.is_running():
            return
        ensure_club(self.settings)
        command = self._command()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=stand_in_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise self._does_not_start()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, whoever started it."""
        process = self._find_process()
        if process is None:
            return
        with contextlib.suppress(psutil.Error):
            process.terminate()
            _, alive = psutil.wait_procs([process], _STOP_S)
            for one in alive:
                one.kill()
                one.wait(_STOP_S)

    def execute(self, extra: Mapping[str, str]) -> None:
        """Become the server: for a supervisor. Does not return. One that a killed command left behind ends first.

        Args:
            extra: environment variables of its process.
        """
        self.stop()
        ensure_club(self.settings)
        command = self._command()
        os.execve(command[0], command, {**stand_in_environment(self.settings), **extra})

    def _command(self) -> list[str]:
        """With the port of the last time, so that addresses given out stay good, unless somebody else has it now."""
        port = read_port(self.settings)
        if port is None or find_listener(port) is not None:
            port = find_free_port()
            port_file(self.settings).parent.mkdir(parents=True, exist_ok=True)
            replace_text(port_file(self.settings), f"{port}\n")
        return stand_in_command(self.settings, ["serve", "--port", str(port)])

    def _find_process(self) -> psutil.Process | None:
        """The server's process, by the file that it keeps while it runs."""
        try:
            told = json.loads((self.data / "server.json").read_text(encoding="utf-8"))
            process = psutil.Process(int(told["pid"]))
            return process if "strava" in process.cmdline() else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None

    def _does_not_start(self) -> StravaError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        told = [line for line in lines if line.strip() and not line.strip().startswith(("where:", "next:"))]
        return StravaError(
            f"ACME's Strava server does not start: {told[-1] if told else 'it printed nothing'}",
            where=str(self.log),
            next_step="read the log, then run the command again",
        )


def ensure_club(settings: Settings, *, activities: str | None = None) -> None:
    """Make the stand-in's world when there is none. No server is needed for it.

    Args:
        settings: where.
        activities: the size asked for (`2k`, `50k`); None takes what is there.

    Raises:
        StravaError: another size is there, or it cannot be made.
    """
    if activities is None and (club_folder(settings) / "world.json").exists() and read_credentials(settings):
        return
    command = stand_in_command(settings, ["seed", "--activities", activities or DEFAULT_ACTIVITIES])
    result = subprocess.run(command, env=stand_in_environment(settings), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise _explain(result.stderr)


def read_club_day(settings: Settings) -> date:
    """The day that the stand-in's clock has reached.

    Raises:
        StravaError: there is no world, or it cannot be read.
    """
    command = stand_in_command(settings, ["info"])
    result = subprocess.run(command, env=stand_in_environment(settings), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise _explain(result.stderr)
    return date.fromisoformat(json.loads(result.stdout)["today"])


def stand_in_command(settings: Settings, arguments: Sequence[str]) -> list[str]:
    """The command line of `python -m acme strava`.

    Raises:
        StravaError: ACME has no environment.
    """
    python = environment_python(settings, "acme")
    if not python.exists():
        raise StravaError(
            "ACME has no environment", where=str(python.parent.parent), next_step="run `headgate build`, which makes it"
        )
    return [str(python), "-P", "-m", "acme", "strava", *arguments]


def stand_in_environment(settings: Settings) -> dict[str, str]:
    return {
        **base_variables(),
        "ACME_STRAVA": str(club_folder(settings)),
        "ACME_STRAVA_CREDENTIALS": str(credentials_file(settings)),
    }


def _explain(text: str) -> StravaError:
    """The three lines that ACME printed, as an error of this side."""
    lines = [line.strip() for line in text.strip().splitlines()]
    found = {
        key: line.removeprefix(key).strip() for line in lines for key in ("where:", "next:") if line.startswith(key)
    }
    told = [line for line in lines if not line.startswith(("where:", "next:"))]
    return StravaError(
        f"ACME's cycling club cannot be made: {told[-1] if told else 'no reason was given'}",
        where=found.get("where:", "python -m acme strava seed"),
        next_step=found.get("next:", "run `headgate acme strava seed --force`"),
    )
