"""`headgate history` and `headgate rollback`: what a published table was, and bringing a former version back."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.lake.history import read_history, roll_back
from headgate.lake.session import split_name
from headgate_control.code_version import read_code_version
from headgate_control.lake_access import find_owner, open_lake
from headgate_control.published import find_contract, read_contracts


def history(table: Annotated[str, typer.Argument(help="A published table, team.table.")]) -> None:
    """Every publication of a table: snapshot, time, run, code, contract, rows, warnings."""
    settings = read_settings()
    find_owner(settings, table)
    with open_lake(settings) as session:
        entries = read_history(session, table)
    shown = Table("snapshot", "published (UTC)", "rows", "written", "warnings", "contract", "code", "run", box=None)
    for entry in entries:
        shown.add_row(
            str(entry.snapshot_id),
            f"{entry.published_at:%Y-%m-%d %H:%M:%S}",
            f"{entry.row_count:,}",
            f"{entry.written_rows:,}",
            f"{entry.warning_rows:,}",
            entry.contract_version,
            entry.code_version[:20],
            entry.run_id[:17] + (f" {entry.partition_key}" if entry.partition_key else ""),
        )
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200  # piped: nothing is cut
    console.print(shown)


def rollback(
    table: Annotated[str, typer.Argument(help="A published table, team.table.")],
    to: Annotated[int, typer.Option(help="The snapshot whose rows to publish again; see `headgate history`.")],
) -> None:
    """Publish the rows a table had at a snapshot, through the gate and under today's contract."""
    settings = read_settings()
    team = find_owner(settings, table)
    contract = find_contract(settings, team, split_name(table)[1])
    if contract is None:
        raise HeadgateError(
            f"{table} is not a published table: it has no contract",
            where=str(team.contracts_folder),
            next_step=f"choose one of {', '.join(read_contracts(settings, team)) or 'another team'}",
        )
    with open_lake(settings, team=team.name) as session:
        publication = roll_back(session, contract, to, code_version=read_code_version(settings.root))
    Console(highlight=False).print(
        f"{table} is what it was at snapshot {to}: {publication.row_count:,} rows, published as snapshot "
        f"{publication.snapshot_id}. The next build publishes what the code makes of the sources again."
    )
