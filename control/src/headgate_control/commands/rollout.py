"""`headgate rollout`."""

import json
from typing import Annotated

import typer

from headgate.environment import read_settings
from headgate.team import list_teams
from headgate_control.preflight import check_consumption
from headgate_control.rollout import rollout_stages


def rollout(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a deployment job.")] = False) -> None:
    """In which stages to roll out the teams' code: owners of tables before those who read them."""
    settings = read_settings()
    check_consumption(settings)
    stages = rollout_stages(list_teams(settings.root))
    if as_json:
        typer.echo(json.dumps(stages))
        return
    for number, stage in enumerate(stages, start=1):
        typer.echo(f"stage {number}: {', '.join(stage)}")
