"""`headgate query`: read-only SQL over everything that is published."""

import contextlib
import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from headgate.contract import restrict_access
from headgate.environment import read_settings
from headgate.errors import HeadgateError
from headgate.lake.session import LakeSession, private_zone, quote_literal
from headgate.orchestration.dbt.project import FOLDER
from headgate.team import list_teams
from headgate_control.lake_access import attach_published, open_lake

_SHOWN_ROWS = 200
_UNBOUNDED = 100_000
"""More columns of text than any table has."""


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class QueryError(HeadgateError):
    """The SQL is wrong, or asks for more than reading."""

    exit_code = 1


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT; tables are named team.table.")],
    format: Annotated[Format, typer.Option(help="How the rows are written.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="Write to this file; standard output by default.")] = None,
    team: Annotated[
        str | None, typer.Option(help="Also read this team's private zone, such as TEAM_private._refused_rows.")
    ] = None,
) -> None:
    """Read-only SQL over the published zones of all teams; with --team over that team's private zone too."""
    if format is Format.PARQUET and output is None and sys.stdout.isatty():
        raise QueryError(
            "Parquet is not for a terminal",
            where="--format parquet",
            next_step="add --output FILE, or redirect the output",
        )
    settings = read_settings()
    teams = list_teams(settings.root)
    if team is not None and team not in {each.name for each in teams}:
        raise HeadgateError(
            f"there is no team {team!r}",
            where="--team",
            next_step=f"choose one of {', '.join(each.name for each in teams)}",
        )
    # Views over files in a team's dbt project name them by paths from its folder.
    project = settings.root / "teams" / team / FOLDER if team else None
    files = project if project is not None and project.is_dir() else None
    output = output.absolute() if output else None
    # The engine may touch the lake's files, these and one folder of its own, nothing else: not even to read.
    with tempfile.TemporaryDirectory(prefix="query-") as folder, open_lake(settings, team=team) as session:
        published = attach_published(session, teams, *([private_zone(team)] if team else []))
        lakes = {session.settings.lake_path, str(settings.state_folder / "lake")}  # a branch reads its lake's files too
        restrict_access(session.connection, [*sorted(lakes), folder, *([str(files)] if files else [])])
        try:
            with contextlib.chdir(files or Path.cwd()):
                _write(session, sql.strip().rstrip(";"), format, output, Path(folder))
        except duckdb.Error as error:
            raise QueryError(
                str(error).strip().splitlines()[0],
                where=f"the SQL, over {', '.join(published) or 'zones in which nothing is published yet'}",
                next_step='correct it; `headgate query "show all tables"` lists what there is',
            ) from None
        except OSError as error:
            if output is None or error.filename != str(output):
                raise
            raise QueryError(
                f"the rows cannot be written: {error.strerror}",
                where=str(output),
                next_step="name a file in a folder that is there and that you may write",
            ) from None


def _write(session: LakeSession, sql: str, format: Format, output: Path | None, folder: Path) -> None:
    connection = session.connection
    if format is Format.PARQUET:
        file = folder / "rows.parquet"
        connection.execute(f"copy ({sql}\n) to {quote_literal(str(file))} (format parquet)")
        if output:
            shutil.copyfile(file, output)
        else:
            sys.stdout.buffer.write(file.read_bytes())
        return
    connection.execute(sql)
    names = [column[0] for column in connection.description or []]
    if format is Format.TABLE and output is None:
        _print_table(connection, names)
        return
    stream = output.open("w", encoding="utf-8", newline="") if output else sys.stdout
    try:
        if format is Format.JSON:
            for row in _rows(connection):
                stream.write(json.dumps(dict(zip(names, row, strict=True)), default=str) + "\n")
        else:
            writer = csv.writer(stream)
            writer.writerow(names)
            writer.writerows(_rows(connection))
    finally:
        if output:
            stream.close()


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := connection.fetchmany(10_000):
        yield from rows


def _print_table(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """A table, or one value below another where a terminal is too narrow: a number that is cut reads as another one."""
    rows = connection.fetchmany(_SHOWN_ROWS + 1)
    shown = [["" if value is None else str(value) for value in row] for row in rows[:_SHOWN_ROWS]]
    console = Console(highlight=False, markup=False, soft_wrap=True)
    table = Table(*names)
    for row in shown:
        table.add_row(*row)
    width = console.measure(table, options=console.options.update(width=_UNBOUNDED)).maximum
    if width <= console.width or not console.is_terminal:
        console.width = width
        console.print(table)
    else:
        widest = max(map(len, names))
        for number, row in enumerate(shown, start=1):
            console.print(f"-- row {number}")
            for name, value in zip(names, row, strict=True):
                console.print(f"{name:<{widest}}  {value}")
    if len(rows) > _SHOWN_ROWS:
        console.print(f"the first {_SHOWN_ROWS} rows; --format csv writes all of them")
