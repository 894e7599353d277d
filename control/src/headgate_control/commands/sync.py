"""`headgate sync`."""

from typing import Annotated

import typer

from headgate.environment import read_settings
from headgate_control.environments import require_environments
from headgate_control.projects import choose_projects


def sync(
    projects: Annotated[
        list[str] | None, typer.Argument(help="Projects by name or folder; all when none is given.", show_default=False)
    ] = None,
) -> None:
    """Make the environments that are missing or stale, from each project's own lock."""
    settings = read_settings()
    chosen = choose_projects(settings.root, projects or [])
    seconds = require_environments(settings, chosen)
    what = f"made in {seconds:.1f} s" if seconds else "are up to date"
    typer.echo(f"environments of {', '.join(project.name for project in chosen)} {what}")
