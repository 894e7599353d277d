"""`headgate acme …`: the command line of the stand-in company, in its own environment, against its own server."""

import typer

from headgate.environment import read_settings
from headgate_control.acme import run_acme


def acme(context: typer.Context) -> None:
    """The stand-in company: its world's clock, its growth, its faults."""
    raise typer.Exit(run_acme(read_settings(), context.args))
