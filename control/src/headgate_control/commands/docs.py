"""`headgate docs`."""

import subprocess

import typer

from headgate.environment import read_settings
from headgate_control.environments import environment_python, require_environments
from headgate_control.projects import choose_projects


def docs() -> None:
    """Build the documentation with the data dictionary into docs/_build/html; a warning is an error."""
    settings = read_settings()
    folder = settings.root / "docs"
    require_environments(settings, choose_projects(settings.root, ["docs"]))
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
