"""`headgate test`."""

import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from headgate.environment import read_settings
from headgate_control.browser import find_browser, install_browser, uses_browser
from headgate_control.environments import require_environments
from headgate_control.projects import find_projects
from headgate_control.suites import INTERRUPTED, Outcome, choose_suites, closing_line, run_suite, tier_expression

_WIDTH = 80


def test(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Projects, folders, files or test ids; everything when none is given.", show_default=False),
    ] = None,
    tier: Annotated[
        list[str] | None, typer.Option(help="pure, services or e2e; may be repeated. All by default.")
    ] = None,
) -> None:
    """Run every project's tests in its own environment, then the root's. What follows `--` goes to pytest."""
    began = time.monotonic()
    _heed_interrupts()
    settings = read_settings()
    tiers = tier or []
    tier_expression(tiers)
    suites = choose_suites(settings.root, paths or [], here=Path.cwd())
    needed = {suite.environment for suite in suites}
    if any(suite.folder == settings.root for suite in suites):
        needed = {project.name for project in find_projects(settings.root)}
    require_environments(settings, [project for project in find_projects(settings.root) if project.name in needed])
    if tiers in ([], ["e2e"]) and not find_browser() and uses_browser(suite.folder / "tests" for suite in suites):
        typer.echo("installing Chromium for the browser tests")
        if problem := install_browser():
            typer.echo(f"browser tests cannot run: {problem}")
    outcomes: list[Outcome] = []
    for suite in suites:
        typer.echo(f"\n{f' {suite.name} ':#^{_WIDTH}}")
        outcome = run_suite(settings, suite, tiers=tiers, extra=context.obj or [])
        outcomes.append(outcome)
        if outcome.was_interrupted:
            break
    typer.echo("")
    for outcome in outcomes:
        typer.echo(_line(outcome))
    typer.echo(closing_line(outcomes, time.monotonic() - began, width=_WIDTH))
    if any(outcome.was_interrupted for outcome in outcomes):
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if all(outcome.is_good for outcome in outcomes) else 1)


def _heed_interrupts() -> None:
    """A shell starts its background jobs deaf to Ctrl-C, and they pass that on to what the tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _line(outcome: Outcome) -> str:
    counts = [f"{outcome.passed} passed"]
    counts += [f"{outcome.failed} failed"] if outcome.failed else []
    counts += [f"{outcome.errors} errors"] if outcome.errors else []
    counts += [f"{outcome.skipped} skipped"] if outcome.skipped else []
    problem = f"  ({outcome.problem})" if outcome.problem else ""
    mark = "ok  " if outcome.is_good else "FAIL"
    return f"{mark}  {outcome.suite:24} {', '.join(counts)} in {outcome.seconds:.1f}s{problem}"
