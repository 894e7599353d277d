"""The gateway's view of the code locations: what they are, why one is broken, reloading one by restarting its server.

Dagster's *Reload* asks the code server to load its code again, which `dagster api grpc` cannot do; here it restarts the
team's supervised process, unless runs of that team are in progress: they are children of that process.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import CodeLocationOrigin, GrpcServerCodeLocationOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster._core.workspace.workspace import CodeLocationEntry
from dagster._grpc.types import GetCurrentRunsResult
from dagster._record import copy
from dagster._serdes import deserialize_value
from dagster_shared.error import SerializableErrorInfo

from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.team import Team, TeamError, read_team
from headgate_control.code_server import connect, describe_load_error
from headgate_control.programs import CODE, code_program, log_path
from headgate_control.status import explain_silence, last_line, read_problem
from headgate_control.supervisor_client import SupervisorClient

_RELOAD_TIMEOUT_S = 60.0
_REASON_AGE_S = 10.0
_COUNTED = {
    "queued": [DagsterRunStatus.QUEUED],
    "running": [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING],
    "failed": [DagsterRunStatus.FAILURE],
    "succeeded": [DagsterRunStatus.SUCCESS],
}


class ReloadError(HeadgateError):
    """A code location cannot be reloaded now."""


class SupervisedWorkspace(WorkspaceProcessContext):
    """Code locations whose servers the supervisor keeps."""

    def __init__(self, instance: DagsterInstance, workspace_load_target: WorkspaceLoadTarget) -> None:
        settings = read_settings()
        self._settings = settings
        self._home = settings.state_folder
        self._teams_folder = settings.root / "teams"
        super().__init__(instance, workspace_load_target)
        self._ended = threading.Event()
        threading.Thread(target=self._renew_reasons, name="reasons", daemon=True).start()

    def __exit__(self, *raised: Any) -> None:
        self._ended.set()
        super().__exit__(*raised)

    def _load_location(self, origin: CodeLocationOrigin, reload: bool) -> CodeLocationEntry:
        """As Dagster's, but of a server that does not answer the web app tells what `headgate status` tells."""
        entry = super()._load_location(origin, reload)
        if not _is_silent(entry):
            return entry
        problem = explain_silence(self._settings.state_folder, origin.location_name)
        error = HeadgateError(problem.what, where=problem.where, next_step=problem.next)
        return copy(entry, load_error=SerializableErrorInfo(f"{error}\n", [], DagsterUserCodeUnreachableError.__name__))

    def _renew_reasons(self) -> None:
        """Dagster looks again at a silent server when it answers; why it does not may change before."""
        while not self._ended.wait(_REASON_AGE_S):
            for name, entry in self.get_current_workspace().code_location_entries.items():
                if _is_silent(entry):
                    self.refresh_code_location(name)

    def reload_code_location(self, name: str) -> None:
        """Restart a team's code server, and load what it then serves.

        Raises:
            ReloadError: runs of this team are in progress.
        """
        restart_code_server(self._home, name, self._socket(name))
        self.refresh_code_location(name)

    def reload_workspace(self) -> None:
        """Restart every code server that has no run in progress; the others keep their code."""

        def reload(name: str) -> None:
            try:
                restart_code_server(self._home, name, self._socket(name))
            except ReloadError as error:
                print(error, flush=True)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(reload, self.code_location_names))
        self.refresh_workspace()

    def _socket(self, name: str) -> Path:
        origin = self.get_current_workspace().code_location_entries[name].origin
        assert isinstance(origin, GrpcServerCodeLocationOrigin) and origin.socket
        return Path(origin.socket)

    def health(self) -> dict[str, Any]:
        """State of locations, daemons and runs, as JSON-ready values. Times are seconds since the epoch."""
        entries = self.get_current_workspace().code_location_entries
        return {
            "locations": {name: self._location_health(name, entry) for name, entry in entries.items()},
            "daemons": {
                kind: {"heartbeat": beat.timestamp, "errors": [error.message for error in beat.errors or []]}
                for kind, beat in self.instance.get_daemon_heartbeats().items()
            },
            "required_daemons": sorted(self.instance.get_required_daemon_types()),
            "runs": {
                name: self.instance.get_runs_count(RunsFilter(statuses=statuses)) for name, statuses in _COUNTED.items()
            },
        }

    def _location_health(self, name: str, entry: CodeLocationEntry) -> dict[str, Any]:
        if entry.load_error is None:
            return {"state": "loaded", "problem": None, "loaded_at": entry.update_timestamp}
        if _is_silent(entry):
            return {"state": "unreachable", "problem": None}
        error = describe_load_error(self._team(name), entry.load_error)
        return {"state": "broken", "problem": {"what": error.what, "where": error.where, "next": error.next_step}}

    def _team(self, name: str) -> Team:
        folder = self._teams_folder / name
        try:
            return read_team(folder)
        except TeamError:
            return Team(name=name, folder=folder, description="", owner="")


def _is_silent(entry: CodeLocationEntry) -> bool:
    return entry.load_error is not None and entry.load_error.cls_name == DagsterUserCodeUnreachableError.__name__


def restart_code_server(home: Path, team: str, socket: Path) -> None:
    """Restart a supervised code server and wait until it answers again, or for a minute.

    Raises:
        ReloadError: runs of this team are in progress, the server does not start again, or there is no supervisor.
    """
    program = code_program(team).name
    try:
        answer = deserialize_value(connect(socket).get_current_runs(), GetCurrentRunsResult)
        runs = answer.current_runs
    except DagsterUserCodeUnreachableError:
        runs = []
    if runs:
        raise ReloadError(
            f"{len(runs)} run{'s' if len(runs) > 1 else ''} of team {team} would be killed by a reload",
            where=", ".join(run[:8] for run in runs[:5]),
            next_step="reload when they have finished, or terminate them first",
        )
    supervisor = SupervisorClient(home)
    try:
        supervisor.stop(CODE, program)
        socket.unlink(missing_ok=True)
        supervisor.start(CODE, program)
        deadline = time.monotonic() + _RELOAD_TIMEOUT_S
        while not socket.exists() and time.monotonic() < deadline:
            if any(one.name == program and one.state == "BACKOFF" for one in supervisor.processes()):
                raise _does_not_start(home, team)
            time.sleep(0.1)
    except OSError as error:
        raise ReloadError(
            f"the supervisor does not answer: {error}", where=str(home), next_step="run `headgate status`"
        ) from None


def _does_not_start(home: Path, team: str) -> ReloadError:
    """With the reason that `launch` left, or else the last words of its log."""
    program = code_program(team).name
    problem = read_problem(home, program)
    if problem is None:
        log = log_path(home, program)
        what = f"the code server of team {team} does not start: {last_line(log)}"
        return ReloadError(what, where=str(log), next_step="read the log, run `headgate doctor`")
    return ReloadError(problem.what, where=problem.where, next_step=problem.next)
