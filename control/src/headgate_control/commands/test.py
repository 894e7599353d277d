"""`headgate test`."""

import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headgate.environment import Settings, read_settings
from headgate_control.browser import find_browser, install_browser, uses_browser
from headgate_control.environments import require_environments
from headgate_control.foreground import INTERRUPTED
from headgate_control.projects import find_projects
from headgate_control.side_by_side import SideBySide
from headgate_control.suite_parts import choose_jobs, cut, merge
from headgate_control.suites import Outcome, Suite, choose_suites, closing_line, run_suite, tier_expression
from headgate_control.system_user import make_users_of_tests

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
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many suites, or parts of large ones, run at once; one more than cores, four at most, by default.",
        ),
    ] = None,
) -> None:
    """Run every project's tests in its own environment, then the root's. What follows `--` goes to pytest."""
    began = time.monotonic()
    _heed_signals()
    settings = read_settings()
    tiers = tier or []
    tier_expression(tiers)
    suites = choose_suites(settings.root, paths or [], here=Path.cwd())
    needed = {suite.environment for suite in suites}
    if any(suite.name.startswith("teams/") for suite in suites):
        needed.add("acme")  # a team's tests may start its sources
    if any(suite.folder == settings.root for suite in suites):
        needed = {project.name for project in find_projects(settings.root)}
    require_environments(settings, [project for project in find_projects(settings.root) if project.name in needed])
    if tiers in ([], ["e2e"]) and not find_browser() and uses_browser(suite.folder / "tests" for suite in suites):
        typer.echo("installing Chromium for the browser tests")
        if problem := install_browser():
            typer.echo(f"browser tests cannot run: {problem}")
    at_once = jobs or choose_jobs()
    parts = cut(suites) if at_once > 1 else suites
    job = _Job(settings, tiers, context.obj or [])
    outcomes = job.run_one_by_one(suites) if len(parts) == 1 or at_once == 1 else job.run_at_once(parts, at_once)
    outcomes = merge(outcomes, suites)
    typer.echo("")
    for outcome in outcomes:
        typer.echo(_line(outcome, outcome.suite))
    typer.echo(closing_line(outcomes, time.monotonic() - began, width=_WIDTH))
    if any(outcome.was_interrupted for outcome in outcomes):
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if all(outcome.is_good for outcome in outcomes) else 1)


@dataclass(frozen=True)
class _Job:
    """What is the same for all suites of a run, and the two ways to go through them."""

    settings: Settings
    tiers: Sequence[str]
    extra: Sequence[str]

    def run_one_by_one(self, suites: Sequence[Suite]) -> list[Outcome]:
        """Each in its turn, its output live."""
        outcomes: list[Outcome] = []
        for suite in suites:
            typer.echo(_headline(suite))
            outcomes.append(run_suite(self.settings, suite, tiers=self.tiers, extra=self.extra))
            if outcomes[-1].was_interrupted:
                break
        return outcomes

    def run_at_once(self, parts: Sequence[Suite], at_once: int) -> list[Outcome]:
        """Several at a time; what one printed is shown as a whole when it ends, if there is something to see."""
        programs = SideBySide()
        echoing = threading.Lock()

        def run(part: Suite) -> Outcome:
            with tempfile.NamedTemporaryFile(prefix="headgate-test-", suffix=".log") as log:
                output = Path(log.name)

                def start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
                    with echoing:
                        typer.echo(f"run   {_name(part)}")
                    return programs.run(command, environment=environment, folder=folder, output=output)

                outcome = run_suite(self.settings, part, tiers=self.tiers, extra=self.extra, run=start)
                text = output.read_text(encoding="utf-8", errors="replace").rstrip()
            with echoing:
                if outcome.is_good and not self.extra:
                    # What was skipped and why: never to be missed.
                    shown = [line for line in text.splitlines() if line.startswith("SKIPPED [")]
                else:
                    shown = [_headline(part), text]
                typer.echo("\n".join([*shown, _line(outcome, _name(part))]))
            return outcome

        make_users_of_tests()
        with ThreadPoolExecutor(at_once) as pool:
            futures: list[Future[Outcome]] = []
            try:
                futures += [pool.submit(run, part) for part in parts]
                return [future.result() for future in as_completed(futures)]
            except BaseException as reason:
                with _deaf():
                    typer.echo("ending what runs")
                    pool.shutdown(wait=False, cancel_futures=True)
                    programs.end()
                    ended = [future.result() for future in futures if not future.cancelled()]
                if not isinstance(reason, KeyboardInterrupt):
                    raise
                return ended


def _heed_signals() -> None:
    """A shell starts its background jobs deaf to Ctrl-C, and they pass that on to what the tests start and interrupt.

    A terminal that is closed ends what runs as any other request to end does.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


@contextmanager
def _deaf() -> Iterator[None]:
    """Nothing breaks into ending: it takes a minute at most."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # Not SIG_IGN: a program that is just being started would inherit it, and could not be interrupted.
    previous = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _name(part: Suite) -> str:
    return f"{part.name} {part.part}".strip()


def _headline(part: Suite) -> str:
    return f"\n{f' {_name(part)} ':#^{_WIDTH}}"


def _line(outcome: Outcome, name: str) -> str:
    counts = [f"{outcome.passed} passed"]
    counts += [f"{outcome.failed} failed"] if outcome.failed else []
    counts += [f"{outcome.errors} errors"] if outcome.errors else []
    counts += [f"{outcome.skipped} skipped"] if outcome.skipped else []
    problem = f"  ({outcome.problem})" if outcome.problem else ""
    mark = "ok  " if outcome.is_good else "FAIL"
    return f"{mark}  {name:24} {', '.join(counts)} in {outcome.seconds:.1f}s{problem}"
