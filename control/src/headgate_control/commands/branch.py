"""`headgate branch ACTION [NAME]`."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headgate.environment import Settings, read_settings
from headgate_control import branches, databases
from headgate_control.code_version import read_code_version


class Action(StrEnum):
    CREATE = "create"
    LIST = "list"
    COMPARE = "compare"
    PROMOTE = "promote"
    DROP = "drop"


def branch(
    action: Annotated[Action, typer.Argument(help="What to do.")],
    name: Annotated[str, typer.Argument(help="The branch's name; not needed to list.", show_default=False)] = "",
) -> None:
    """Branches of the lake: create (the catalog is copied, no file is), list, compare, promote through the gate, drop.

    Work on one with HEADGATE_BRANCH=NAME before any other command.
    """
    settings = read_settings()
    match action:
        case Action.CREATE:
            folder = branches.create_branch(settings, name)
            typer.echo(f"branch {name} is made; its own files go to {folder}")
            typer.echo(f"work on it: HEADGATE_BRANCH={name} ./headgate build")
        case Action.LIST:
            typer.echo("\n".join(_list(settings)) or "there is no branch")
        case Action.COMPARE:
            _compare(settings, name)
        case Action.PROMOTE:
            published = branches.promote_branch(settings, name, code_version=read_code_version(settings.root))
            for publication in published:
                again = "  (promoted before)" if publication.is_replay else ""
                typer.echo(f"{publication.table}  {publication.row_count:,} rows{again}")
            typer.echo(f"{len(published)} tables promoted from {name}; the branch stays until it is dropped")
        case Action.DROP:
            branches.drop_branch(settings, name)
            typer.echo(f"branch {name} is dropped")


def _list(settings: Settings) -> list[str]:
    started = databases.start(settings, ["postgres"])
    try:
        return branches.list_branches(settings)
    finally:
        databases.stop(settings, started)


def _compare(settings: Settings, name: str) -> None:
    differences = branches.compare_branch(settings, name)
    table = Table("table", "rows", f"rows in {name}", box=None)
    for each in differences:
        table.add_row(each.table, "-" if each.rows is None else f"{each.rows:,}", f"{each.branch_rows:,}")
    Console(highlight=False).print(table if differences else f"branch {name} has published nothing of its own")
