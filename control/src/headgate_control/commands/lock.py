"""`headgate lock`."""

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer

from headgate.environment import read_settings
from headgate_control.locks import LockError, renew_lock
from headgate_control.projects import Project, choose_projects


def lock(
    projects: Annotated[
        list[str] | None, typer.Argument(help="Projects by name or folder; all when none is given.", show_default=False)
    ] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Take the newest versions that fit, not those locked now.")
    ] = False,
) -> None:
    """Renew requirements.lock from pyproject.toml: every package pinned and hashed, no index address."""
    chosen = choose_projects(read_settings().root, projects or [])

    def renew(project: Project) -> str | LockError:
        try:
            return "renewed" if renew_lock(project, upgrade=upgrade) else "unchanged"
        except LockError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(renew, chosen))
    for project, result in zip(chosen, results, strict=True):
        if not isinstance(result, LockError):
            typer.echo(f"{project.lock}: {result}")
    for result in results:
        if isinstance(result, LockError):
            raise result
