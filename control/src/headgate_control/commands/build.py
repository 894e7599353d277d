"""`headgate build`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headgate.environment import read_settings


def build(
    team: Annotated[list[str] | None, typer.Option(help="Build this team only; may be given several times.")] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Build these assets only: order_data, analytics.*, +ml.model_evaluations (with ancestors)."),
    ] = None,
    orders: Annotated[
        str | None, typer.Option(help="Size of ACME's world when it is made: 1k to 50M orders; 100k by default.")
    ] = None,
    activities: Annotated[
        str | None,
        typer.Option(help="Size of ACME's cycling club when it is made: 1k to 1M activities; 2k by default."),
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read every source from its beginning, not only what changed.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(help="Date to compute as of, 2026-01-31; by default the sources' own today.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write the outcome of every asset to this JSON file.")
    ] = None,
) -> None:
    """Build every team's products from live sources: progress, a summary, exit code 0, 1 (something failed) or 2."""
    from headgate_control.build.command import build as run_build

    console = Console(highlight=False)
    code = run_build(
        read_settings(),
        console,
        teams=team or (),
        patterns=select or (),
        orders=orders,
        activities=activities,
        full_refresh=full_refresh,
        as_of=as_of,
        report_file=report,
    )
    raise typer.Exit(code)
