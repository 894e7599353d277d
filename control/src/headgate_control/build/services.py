"""What a build needs running: databases, ACME's world, one code server a team. It stops what it started."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import Team
from headgate_control import databases
from headgate_control.acme import ensure_drops, ensure_storefront, ensure_world
from headgate_control.build.days import team_days
from headgate_control.code_server import CodeServer, end_orphans
from headgate_control.drops_place import reads_stand_in_drops
from headgate_control.environments import environment_python
from headgate_control.instance import initialise
from headgate_control.provision import (
    acme_url,
    platform_environment,
    reads_acme,
    reads_storefront,
    team_environment,
)
from headgate_control.stale_runs import has_unfinished_runs, sweep_runs
from headgate_control.strava import ensure_club, read_club_day
from headgate_control.strava_account import reads_stand_in
from headgate_control.workspace import run_folder, socket_folder, write_workspace

Report = Callable[[str], None]


@dataclass
class Services:
    """What came up."""

    workspace_file: Path
    days: dict[str, date]
    """Team → the day that the stand-ins have reached that its data comes from; without teams that read none."""
    broken: dict[str, HeadgateError] = field(default_factory=dict)
    """Teams whose definitions do not load, and why."""
    servers: list[CodeServer] = field(default_factory=list)

    def find_ended(self) -> dict[str, HeadgateError]:
        """Teams whose code servers ended since the last look, and why."""
        ends = {server.team.name: server.find_end() for server in self.servers}
        return {team: error for team, error in ends.items() if error is not None}


@contextmanager
def run_services(
    settings: Settings,
    teams: list[Team],
    *,
    wanted: list[Team],
    orders: str | None,
    activities: str | None,
    report: Report,
) -> Iterator[Services]:
    """Everything a build needs, for as long as the block runs.

    Args:
        settings: this installation.
        teams: whose code servers to start.
        wanted: those of them whose assets are built.
        orders: size of ACME's world (`100k`); None takes what is there, or makes the default.
        activities: the same for its cycling club (`2k`).
        report: told what is being done.
    """
    with ExitStack() as stack:
        club = None
        if reads_stand_in(teams):
            report("looking at ACME's cycling club")
            ensure_club(settings, activities=activities)
            club = read_club_day(settings)
        if reads_stand_in_drops(wanted):
            report("looking at ACME's file drops")
            ensure_drops(settings)
        report("starting the databases")
        started = databases.start(settings)
        stack.callback(databases.stop, settings, started)
        databases.prepare(settings)
        os.environ |= platform_environment(settings)
        # Only one build runs at a time: these are of one that was killed.
        end_orphans(socket_folder(settings.state_folder).glob("b*-*.sock"))
        storage_url = databases.storage_url(settings)
        initialise(settings.state_folder, storage_url)
        if has_unfinished_runs(storage_url):
            _sweep()
        report("loading the teams' definitions")
        broken: dict[str, HeadgateError] = {}
        servers = _start_servers(settings, teams, stack, broken)
        shop = storefront = None
        if reads_acme(teams):
            report("looking at ACME's world")
            world = ensure_world(settings, orders=orders)
            shop = date.fromisoformat(world["today"]) if acme_url() is None else None
        if reads_storefront(teams):
            report("looking at ACME's storefront")
            world = ensure_storefront(settings)
            storefront = date.fromisoformat(world["today"]) if acme_url() is None else None
        with ThreadPoolExecutor(max(len(servers), 1)) as pool:
            for server, problem in zip(servers, pool.map(_load_problem, servers), strict=True):
                if problem is not None:
                    broken[server.team.name] = problem
        servers = [server for server in servers if server.team.name not in broken]
        serving = [(server.team.name, server.socket) for server in servers]
        workspace_file = run_folder(settings.state_folder) / f"workspace-{os.getpid()}.yaml"
        stack.callback(workspace_file.unlink, missing_ok=True)
        days = team_days(teams, shop=shop, club=club, storefront=storefront)
        yield Services(write_workspace(workspace_file, serving), days, broken, servers)


def _start_servers(
    settings: Settings, teams: list[Team], stack: ExitStack, broken: dict[str, HeadgateError]
) -> list[CodeServer]:
    servers: list[CodeServer] = []
    for team in teams:
        try:
            server = CodeServer(
                team,
                python=environment_python(settings, team.name),
                environment=team_environment(team, settings),
                socket=socket_folder(settings.state_folder) / f"b{os.getpid()}-{team.name}.sock",
                log=settings.state_folder / "logs" / f"code-{team.name}.log",
            )
            server.start()
        except HeadgateError as error:
            broken[team.name] = error
            continue
        stack.callback(server.stop)
        servers.append(server)
    # Unwound last in, first out: all are told to end before the first is waited for.
    stack.callback(_terminate, servers)
    return servers


def _terminate(servers: list[CodeServer]) -> None:
    for server in servers:
        server.terminate()


def _load_problem(server: CodeServer) -> HeadgateError | None:
    try:
        server.wait_ready()
    except HeadgateError as error:
        return error
    return None


def _sweep() -> None:
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        sweep_runs(instance)
