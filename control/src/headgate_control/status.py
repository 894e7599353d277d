"""The state of a running platform: processes, code locations, runs, and whether all is well.

Reads the supervisor and the gateway; starts nothing and imports no Dagster, so it answers at once.
"""

import contextlib
import http.client
import json
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headgate_control.platform_state import Platform
from headgate_control.programs import code_program, log_path, problem_path
from headgate_control.supervisor_client import ProcessState, SupervisorClient
from headgate_control.workspace import prepared_file

_HEARTBEAT_TOLERANCE_S = 120.0
_LOADING_S = 60.0
"""How long a code location may load before it counts as broken."""

_UP = ("RUNNING", "STARTING")
_STATES = {"BACKOFF": "restarting", "STOPPING": "stopping"}


@dataclass(frozen=True)
class Problem:
    """Why something is broken, in the three lines of every error."""

    what: str
    where: str
    next: str


@dataclass(frozen=True)
class ProcessStatus:
    name: str
    state: str
    """`running`, `restarting` (it failed and waits for its next try), `stopped` or `stopping`."""
    pid: int | None
    memory_mb: float
    """Of the process and its children, with its share of what it has in common with others."""
    started_at: float
    uptime_s: float
    problem: str
    """The last line of its log when it does not run."""

    @property
    def is_up(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True)
class LocationStatus:
    team: str
    state: str
    """`loaded`, `broken`, or `loading`."""
    problem: Problem | None = None


@dataclass(frozen=True)
class Status:
    """The whole."""

    running: bool
    url: str
    started_at: float
    processes: list[ProcessStatus] = field(default_factory=list)
    locations: dict[str, LocationStatus] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    gateway_answers: bool = False
    daemon_alive: bool = False

    @property
    def is_well(self) -> bool:
        return (
            self.running
            and self.gateway_answers
            and self.daemon_alive
            and all(process.is_up for process in self.processes)
            and all(location.state == "loaded" for location in self.locations.values())
        )

    @property
    def locations_settled(self) -> bool:
        """Whether no location may still come."""
        return all(location.state != "loading" for location in self.locations.values())

    def is_ready(self, name: str) -> bool:
        return self.gateway_answers if name == "gateway" else self.daemon_alive

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "is_well": self.is_well}


def read_status(home: Path, platform: Platform | None, *, measure: bool = True) -> Status:
    """The state now. With no platform, or nobody behind it, `running` is False.

    Args:
        home: HEADGATE_HOME.
        platform: what was started.
        measure: whether to add up memory, which reads every page table (20 ms a process).
    """
    if platform is None:
        return Status(running=False, url="", started_at=0)
    try:
        states = SupervisorClient(home).processes()
    except OSError:
        return Status(running=False, url=platform.url, started_at=platform.started_at)
    health = read_health(platform.port)
    processes = [_process_status(home, state, measure=measure) for state in states]
    return Status(
        running=True,
        url=platform.url,
        started_at=platform.started_at,
        processes=processes,
        locations={
            team: _location_status(home, team, processes, health.get("locations", {}).get(team))
            for team in platform.teams
        },
        runs=health.get("runs", {}),
        gateway_answers=bool(health),
        daemon_alive=_is_daemon_alive(health, processes),
    )


def read_health(port: int, timeout: float = 10.0) -> dict[str, Any]:
    """What the gateway says of itself; empty when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/headgate/health")
        answer = connection.getresponse()
        health = json.loads(answer.read()) if answer.status == 200 else {}
        return health if isinstance(health, dict) else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()


def explain_silence(home: Path, team: str) -> Problem:
    """Why a team's code server does not answer: it cannot be started, has ended, hangs, or is still loading."""
    try:
        states = SupervisorClient(home).processes()
    except OSError:
        states = []
    processes = [_process_status(home, state, measure=False) for state in states]
    log = log_path(home, code_program(team).name)
    loading = Problem(f"team {team} is still loading", str(log), "wait; `headgate status` tells when it is there")
    return _location_status(home, team, processes, {"state": "unreachable"}).problem or loading


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    return next((line.strip()[:300] for line in reversed(_tail(log).splitlines()) if line.strip()), "")


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8_000))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def read_problem(home: Path, program: str) -> Problem | None:
    """Why the last start of a program failed before it ran; None when it did not."""
    try:
        return Problem(**json.loads(problem_path(home, program).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _process_status(home: Path, state: ProcessState, *, measure: bool) -> ProcessStatus:
    is_up = state.state in _UP
    return ProcessStatus(
        name=state.name,
        state=_STATES.get(state.state, "running" if is_up else "stopped"),
        pid=state.pid,
        memory_mb=round(_memory_mb(state.pid), 1) if state.pid and measure else 0.0,
        started_at=state.started_at,
        uptime_s=round(max(0.0, time.time() - state.started_at), 1) if is_up and state.started_at else 0.0,
        # "Exited too quickly (process log may have details)", says the supervisor; the log has them.
        problem="" if is_up else last_line(log_path(home, state.name)),
    )


def _memory_mb(pid: int) -> float:
    import psutil  # late: who watches for weeks does not measure

    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    total = 0
    for one in tree:
        with contextlib.suppress(psutil.Error):
            total += one.memory_full_info().pss
    return total / 2**20


def _is_daemon_alive(health: dict[str, Any], processes: list[ProcessStatus]) -> bool:
    """Whether every daemon thread has reported since the process started, and lately."""
    process = next((one for one in processes if one.name == "daemon"), None)
    if process is None or not process.is_up or not health:
        return False
    oldest = max(process.started_at, time.time() - _HEARTBEAT_TOLERANCE_S)
    beats = {kind: beat["heartbeat"] for kind, beat in health.get("daemons", {}).items()}
    return all(beats.get(kind, 0.0) >= oldest for kind in health.get("required_daemons", []))


def _location_status(
    home: Path, team: str, processes: list[ProcessStatus], answer: dict[str, Any] | None
) -> LocationStatus:
    """With what the web server says of the location; None when it does not answer itself."""
    process = next((one for one in processes if one.name == code_program(team).name), None)
    if problem := read_problem(home, code_program(team).name):
        return LocationStatus(team, "broken", problem)
    if process is None or not process.is_up:
        return LocationStatus(team, "broken", _why_not_up(home, team, process))
    if answer is None:
        return LocationStatus(team, "loading")
    log = str(log_path(home, process.name))
    if answer["state"] == "loaded":
        if answer["loaded_at"] >= process.started_at:
            return LocationStatus(team, "loaded")
        return LocationStatus(team, "loading", _why_again(home, team, log))
    if answer["state"] == "broken":
        return LocationStatus(team, "broken", Problem(**answer["problem"]))
    loading_s = time.time() - max(process.started_at, _prepared_at(home))
    if loading_s < _LOADING_S:
        return LocationStatus(team, "loading", _why_again(home, team, log))
    what = f"team {team} does not load: still importing after {loading_s:.0f} s"
    next_step = "keep network, database and waiting out of the import: do them inside an asset or a resource"
    return LocationStatus(team, "broken", Problem(what, log, next_step))


def _prepared_at(home: Path) -> float:
    """When the databases were ready, for which a code server waits before it loads."""
    try:
        return prepared_file(home).stat().st_mtime
    except OSError:
        return time.time()


def _why_not_up(home: Path, team: str, process: ProcessStatus | None) -> Problem:
    program = code_program(team).name
    said = f": {process.problem}" if process and process.problem else ""
    what = f"the code server of team {team} does not run{_how_it_ended(home, program)}{said}"
    return Problem(what, str(log_path(home, program)), "read the log, run `headgate doctor`")


def _why_again(home: Path, team: str, log: str) -> Problem | None:
    """Why a team loads once more; None when it does for the first time since the platform was started."""
    ended = _how_it_ended(home, code_program(team).name)
    what = f"the code server of team {team} ended{ended} and loads again"
    return Problem(what, log, "wait a moment; read the log when it ends again") if ended else None


def _how_it_ended(home: Path, program: str) -> str:
    """` (terminated by SIGKILL)`, as the supervisor noted it when a program last ended; empty when it never did."""
    noted = _tail(log_path(home, "supervisor")).rpartition("supervisord started")[2]
    ends = re.findall(rf"(?:exited|stopped): {re.escape(program)} \(([^;)]+)", noted)
    return f" ({ends[-1]})" if ends else ""
