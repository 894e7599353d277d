"""A whole build: environments, services, the loop, the summary and the exit code."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import Team, list_teams
from headgate_control.build.display import BuildDisplay
from headgate_control.build.graph import Asset, Key, SelectionError, select_assets
from headgate_control.build.loop import BuildLoop
from headgate_control.build.runs import Orchestrator
from headgate_control.build.services import Services, run_services
from headgate_control.environments import build_projects, find_stale, make_environments
from headgate_control.home_lock import HomeLock
from headgate_control.preflight import check_consumption
from headgate_control.progress import show_environments


def build(
    settings: Settings,
    console: Console,
    *,
    teams: Iterable[str] = (),
    patterns: Iterable[str] = (),
    orders: str | None = None,
    activities: str | None = None,
    full_refresh: bool = False,
    as_of: str | None = None,
    report_file: Path | None = None,
) -> int:
    """Builds what was asked for and shows it.

    Returns:
        0 when everything was built, 1 when something failed or was skipped.

    Raises:
        HeadgateError: nothing could be started: a wrong name, no environment, no database.
    """
    began = time.monotonic()
    if as_of is not None:
        _check_date(as_of)
    all_teams = {team.name: team for team in list_teams(settings.root)}
    wanted = _check_teams(teams, all_teams)
    check_consumption(settings.root)
    with _only_build(settings):
        broken = _make_environments(settings)
        if "acme" in broken:
            raise broken["acme"]
        serving = [team for name, team in all_teams.items() if name not in broken]
        with ExitStack() as stack:
            with console.status("starting") as status:
                services = stack.enter_context(
                    run_services(
                        settings,
                        serving,
                        wanted=[team for team in serving if not wanted or team.name in wanted],
                        orders=orders,
                        activities=activities,
                        report=status.update,
                    )
                )
                orchestrator = Orchestrator(services.workspace_file)
                stack.callback(orchestrator.close)
                assets = orchestrator.list_assets()
            broken |= services.broken
            relevant = [error for name, error in broken.items() if not wanted or name in wanted]
            selected = _select(assets, wanted, patterns, broken)
            tags = _tags(services, full_refresh=full_refresh, as_of=as_of)
            ready_after = time.monotonic() - began
            with BuildDisplay(console, [assets[key] for key in sorted(selected)]) as display:
                loop = BuildLoop(orchestrator, assets, selected, display, tags)
                loop.fail_teams(broken)
                progress = loop.run()
    for error in relevant:
        console.print(f"\n{error}", style="red", markup=False, highlight=False, soft_wrap=True)
    seconds = time.monotonic() - began
    display.print_summary(seconds=seconds, notes=[f"started building after {ready_after:.1f} s"])
    if report_file:
        _write_report(report_file, display, seconds, ready_after)
    is_complete = not (progress.failed & selected) and not progress.skipped
    return 0 if is_complete and not relevant else 1


def _check_teams(names: Iterable[str], teams: Mapping[str, Team]) -> list[str]:
    wanted = list(names)
    for name in wanted:
        if name not in teams:
            raise SelectionError(
                f"there is no team {name!r}", where="--team", next_step=f"choose one of {', '.join(sorted(teams))}"
            )
    return wanted


def _check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise SelectionError(f"{text!r} is no date", where="--as-of", next_step="write it as 2026-01-31") from None


def _make_environments(settings: Settings) -> dict[str, HeadgateError]:
    """What could not be made, by project; the others are ready."""
    stale = find_stale(settings, build_projects(settings))
    if not stale:
        return {}
    with show_environments(stale) as report:
        return dict(make_environments(settings, stale, report=report))


@contextmanager
def _only_build(settings: Settings) -> Iterator[None]:
    """One build at a time on a state folder: the first to end stops the databases it started."""
    lock = HomeLock(settings.state_folder, "build")
    if not lock.acquire():
        raise HeadgateError(
            f"another build is running (process {lock.read() or 'unknown'})",
            where=str(settings.state_folder),
            next_step="wait until it has ended, or stop it with Ctrl-C",
        )
    try:
        lock.write(str(os.getpid()))
        yield
    finally:
        lock.release()


def _select(
    assets: Mapping[Key, Asset], wanted: list[str], patterns: Iterable[str], broken: Mapping[str, HeadgateError]
) -> set[Key]:
    loading = [name for name in wanted if name not in broken]
    if wanted and not loading:
        return set()
    return select_assets(assets, teams=loading, patterns=patterns)


def _tags(services: Services, *, full_refresh: bool, as_of: str | None) -> dict[str, str]:
    day = as_of or (services.as_of or datetime.now(UTC).date()).isoformat()
    tags = {"headgate/as_of": day, "headgate/launched_by": "build"}
    if full_refresh:
        tags["headgate/full_refresh"] = "true"
    return tags


def _write_report(path: Path, display: BuildDisplay, seconds: float, ready_after: float) -> None:
    lines = [asdict(line) for line in display.lines.values()]
    document = {"seconds": seconds, "ready_after_seconds": ready_after, "assets": lines}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
