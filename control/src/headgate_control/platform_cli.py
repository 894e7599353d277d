"""`headgate up`, `headgate down` and `headgate status`: their options and what they print."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headgate.environment import Settings, read_settings
from headgate.errors import HeadgateError
from headgate_control.environments import build_projects, find_stale, make_environments
from headgate_control.home_lock import HomeLock
from headgate_control.platform_state import is_running, read_platform
from headgate_control.processes import find_supervised
from headgate_control.progress import show_environments
from headgate_control.status import LocationStatus, Status, read_status
from headgate_control.supervision import start_platform, stop_platform
from headgate_control.watch import catch_signals, watch_instead

_STATES = {"running": "green", "loaded": "green", "restarting": "yellow", "loading": "yellow"}


def up(
    team: Annotated[str | None, typer.Option(help="Start the code location of this team alone.")] = None,
    port: Annotated[int, typer.Option(help="Port of the UI on 127.0.0.1.")] = 3000,
    detach: Annotated[bool, typer.Option("--detach", help="Return when the UI can be used, and keep running.")] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further host name of the UI, for a proxy in front of it.")
    ] = None,
    sync: Annotated[bool, typer.Option(help="First make the environments that are missing or stale.")] = True,
) -> None:
    """Start the platform: databases, one code location a team, the UI and the daemon."""
    console = Console(highlight=False, soft_wrap=True)
    settings = read_settings()
    catch_signals()
    began = time.monotonic()
    try:
        if sync and not is_running(settings.state_folder):
            _make_environments(console, settings, team)
        platform, status = start_platform(
            settings,
            team=team,
            port=port,
            allow_hosts=allow_host or [],
            report=lambda line: console.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {_escape(line)}"),
        )
    except KeyboardInterrupt:
        console.print("stopped before everything was up")
        raise typer.Exit(130) from None
    _print_problems(console, status)
    console.print(f"\n[bold]{platform.url}[/]  is up after {time.monotonic() - began:.1f} s; logs in {_logs(settings)}")
    if detach:
        console.print("`headgate status` shows how it does, `headgate down` stops it")
        return
    watch_instead(settings.state_folder)


def down() -> None:
    """Stop the platform, and whatever an earlier start left running."""
    console = Console(highlight=False, soft_wrap=True)
    settings = read_settings()
    build = HomeLock(settings.state_folder, "build")
    if build.is_held():
        raise HeadgateError(
            f"a build is running (process {build.read() or 'unknown'}); it would lose its databases",
            where=str(settings.state_folder),
            next_step="wait until it has ended, or stop it with Ctrl-C, then run `headgate down`",
        )
    was_running = is_running(settings.state_folder)
    ended = stop_platform(settings, report=lambda line: console.print(_escape(line)))
    console.print("stopped" if was_running or ended else "nothing was running")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show processes, code locations and runs. Exit code 0: all is well, 1: something is broken or loads, 2: not running."""
    settings = read_settings()
    now = read_status(settings.state_folder, read_platform(settings.state_folder))
    if as_json:
        print(json.dumps(now.as_json(), indent=2))
    else:
        _print_status(Console(highlight=False), now, settings)
    raise typer.Exit(2 if not now.running else 0 if now.is_well else 1)


def _make_environments(console: Console, settings: Settings, team: str | None) -> None:
    """Make what is missing or stale. One that cannot be made is reported, and keeps no other team waiting."""
    try:
        projects = build_projects(settings)
    except HeadgateError as error:
        # A manifest that cannot be read: with the environments as they are, the others can be served all the same.
        console.print(_escape(str(error)))
        return
    stale = find_stale(settings, [one for one in projects if team in (None, one.name) or not one.is_team])
    if not stale:
        return
    with show_environments(stale) as report:
        failures = make_environments(settings, stale, report=report)
    for failure in failures.values():
        console.print(_escape(str(failure)))


def _print_status(console: Console, status: Status, settings: Settings) -> None:
    if not status.running:
        left = len(find_supervised(settings.state_folder))
        console.print("the platform is not running" + (f", but {left} of its processes are left" if left else ""))
        console.print(f"  where: {_escape(str(settings.state_folder))}", soft_wrap=True)
        console.print("  next:  run `headgate down`, then `headgate up`" if left else "  next:  run `headgate up`")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("process", "state", "pid", "memory", "up for"):
        table.add_column(name, justify="left" if name in ("process", "state") else "right")
    for process in status.processes:
        table.add_row(
            process.name,
            f"[{_STATES.get(process.state, 'red')}]{process.state}[/]",
            str(process.pid or ""),
            f"{process.memory_mb:.0f} MB" if process.pid else "",
            _duration(process.uptime_s) if process.is_up else "",
        )
    console.print(table)
    console.print(f"{sum(process.memory_mb for process in status.processes):.0f} MB together\n")
    for location in status.locations.values():
        console.print(f"{location.team}: [{_STATES.get(location.state, 'red')}]{location.state}[/]")
    _print_problems(console, status)
    counts = ", ".join(f"{count} {name}" for name, count in status.runs.items())
    console.print(f"runs: {counts or 'unknown, the web server does not answer'}")
    if not status.daemon_alive:
        console.print("[red]the daemon has not reported: schedules, sensors and queued runs wait[/]")
    console.print(f"[bold]{status.url}[/]")


def _print_problems(console: Console, status: Status) -> None:
    for location in status.locations.values():
        _print_problem(console, location)
    for process in status.processes:
        if not process.is_up and not process.name.startswith("code-"):
            console.print(f"[red]{process.name} is {process.state}[/]: {_escape(process.problem)}")


def _print_problem(console: Console, location: LocationStatus) -> None:
    if problem := location.problem:
        error = HeadgateError(problem.what, where=problem.where, next_step=problem.next)
        console.print(_escape(str(error)), soft_wrap=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _logs(settings: Settings) -> str:
    return _escape(str(settings.state_folder / "logs"))


def _escape(text: str) -> str:
    return escape(text)
