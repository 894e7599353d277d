"""`headgate new team` and `headgate remove team`."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headgate.environment import read_settings
from headgate.errors import HeadgateError

_NAME_HELP = "The team's name: lower-case letters, digits and _, at most 39 characters."


def new_team(
    name: Annotated[str, typer.Argument(help=_NAME_HELP)],
    with_ml: Annotated[bool, typer.Option("--with-ml", help="Add a learnt product, with scikit-learn.")] = False,
    from_table: Annotated[
        str | None,
        typer.Option(metavar="TEAM.TABLE", help="Compute the first product from this published table."),
    ] = None,
    dbt_project: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Make the team of this dbt project, which is copied as it is."),
    ] = None,
    with_dbt: Annotated[bool, typer.Option("--with-dbt", help="Begin with a dbt project of one product.")] = False,
) -> None:
    """Make a team: code, contract, tests and lock of one published product. Running it twice changes nothing."""
    from headgate_control.platform_state import is_running
    from headgate_control.team_admin.making import make_team

    began = time.monotonic()
    settings = read_settings()
    console = Console(highlight=False, soft_wrap=True)
    if dbt_project is not None or with_dbt:
        if with_ml or from_table or (dbt_project is not None and with_dbt):
            raise HeadgateError(
                "a team begins in one way, and several were given",
                where="options of `headgate new team`",
                next_step="keep one of --dbt-project, --with-dbt, and --from-table or --with-ml",
            )
        _new_dbt_team(name, dbt_project, console)
        return
    with console.status(f"making team {name[:40]}" if console.is_terminal else ""):
        plan = make_team(settings, name, with_ml=with_ml, from_table=from_table)
    if plan is None:
        console.print(f"team {name} is there already: nothing was changed")
        return
    tables = " and ".join(f"{name}.{table}" for table in plan.published)
    console.print(f"teams/{name} publishes {tables}; made in {time.monotonic() - began:.1f} s")
    console.print(f"  build it:   headgate build --team {name}")
    console.print(f"  its tests:  headgate test teams/{name}")
    if is_running(settings.state_folder):
        console.print("  the running platform does not know it yet: `headgate down`, then `headgate up`")


def _new_dbt_team(name: str, project: Path | None, console: Console) -> None:
    from headgate_control.platform_state import is_running
    from headgate_control.team_admin.dbt_team import make_dbt_team

    began = time.monotonic()
    settings = read_settings()
    made = make_dbt_team(settings, name, project=project)
    if made is None:
        console.print(f"team {name} is there already: nothing was changed")
        return
    counted = ", ".join(f"{number} {kind}{'s' if number != 1 else ''}" for kind, number in sorted(made.counts.items()))
    console.print(f"teams/{name} holds {counted}; made in {time.monotonic() - began:.1f} s")
    if made.published:
        console.print(f"  published:  {', '.join(f'{name}.{table}' for table in made.published)}")
    else:
        console.print("  published:  nothing; a model is with `access: public` and an enforced contract")
    console.print(f"  build it:   headgate build --team {name}")
    console.print(f"  its tests:  headgate test teams/{name}")
    if is_running(settings.state_folder):
        console.print("  the running platform does not know it yet: `headgate down`, then `headgate up`")


def remove_team(
    name: Annotated[str, typer.Argument(help="A team of this repository.")],
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep its tables, their files and its role.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also when it holds work that is in no commit.")] = False,
) -> None:
    """Remove a team: folder, environment, tables and role. Refused while other teams read what it publishes."""
    from headgate_control.team_admin import removing

    settings = read_settings()
    console = Console(highlight=False, soft_wrap=True)
    removal = removing.plan_removal(settings, name, keep_data=keep_data, force=force)
    if not yes:
        _confirm(name, keep_data)
    removed = removing.remove_team(settings, removal)
    for what in removed:
        console.print(f"removed {what}", markup=False)
    if "://" in settings.lake_path and not keep_data:
        console.print(f"its files under {settings.lake_path} stay where they are", markup=False)
    console.print(f"team {name} is gone" + (", its tables and its role are kept" if keep_data else ""))


def _confirm(name: str, keep_data: bool) -> None:
    if not sys.stdin.isatty():
        raise HeadgateError(
            f"removing team {name} needs a yes, and nobody can be asked here",
            where="standard input is no terminal",
            next_step="add --yes",
        )
    lost = "its code and its environment" if keep_data else "its code, its environment, all its tables and its role"
    typer.confirm(f"Remove team {name}: {lost}?", abort=True)
