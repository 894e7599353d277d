"""`headgate docs`."""

import subprocess

import typer

from headgate.environment import read_settings
from headgate.team import list_teams
from headgate_control.environments import environment_python, require_environments
from headgate_control.projects import choose_projects
from headgate_control.published import read_contracts


def docs() -> None:
    """Build the documentation with the data dictionary into docs/_build/html; a warning is an error."""
    settings = read_settings()
    folder = settings.root / "docs"
    require_environments(settings, choose_projects(settings.root, ["docs"]))
    for team in list_teams(settings.root):
        read_contracts(settings, team)  # parses the dbt projects whose models the dictionary describes
    target = folder / "_build" / "html"
    command = [
        str(environment_python(settings, "docs")),
        "-m",
        "sphinx",
        "-q",
        "-W",
        "-b",
        "html",
        str(folder),
        str(target),
    ]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        typer.echo(f"open {target / 'index.html'}")
    raise typer.Exit(code)
