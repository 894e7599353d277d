"""`headgate service-levels`: what contracts promise over time, what was kept, and what is left of the error budgets."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from headgate.contract import Contract, load_contracts
from headgate.environment import Settings, read_settings
from headgate.errors import HeadgateError
from headgate.lake.service_levels import describe_attainment, describe_promise, read_service_record
from headgate.lake.session import private_zone, split_name
from headgate.quality.service_levels import Attainment, describe_budget
from headgate.team import Team, list_teams
from headgate_control.commands.warnings import Format, draw_sparkline
from headgate_control.lake_access import attach_published, find_owner, open_lake

_COURSE_DAYS = 14
_FIELDS = (
    *("table", "level", "promise", "target", "measured_at", "window_days", "unit", "bad", "measured"),
    *("attained", "budget_left", "burn_rate", "days_left", "state"),
)
Measured = tuple[Contract, list[Attainment]]
"""A contract, and one of its levels day by day; the last is now."""


def service_levels(
    table: Annotated[str | None, typer.Argument(help="A published table, team.table; all of them by default.")] = None,
    format: Annotated[
        Format, typer.Option(help="table is for people; json and csv write every figure.")
    ] = Format.TABLE,
    history: Annotated[bool, typer.Option("--history", help=f"Also each of the {_COURSE_DAYS} days before.")] = False,
) -> None:
    """Service levels over their window: promised, attained, error budget left, how fast it is used up."""
    settings = read_settings()
    chosen = _choose(settings, table)
    now = datetime.now(UTC)
    measured = [each for team, contracts in chosen for each in _measure(settings, team, contracts, now)]
    if format is not Format.TABLE:
        _write(measured, format, is_history=history)
        return
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 240  # piped: nothing is cut
    if not measured:
        console.print(f"{table or 'no contract'} promises {'no' if table else 'any'} service level that is measured")
        return
    _print(console, measured, is_history=history)


def _choose(settings: Settings, table: str | None) -> list[tuple[Team, list[Contract]]]:
    """Every team with its contracts, or the one contract.

    Raises:
        HeadgateError: there is no such team, or the table has no contract.
    """
    teams = [find_owner(settings, table)] if table else list_teams(settings.root)
    chosen = [(team, load_contracts(team.contracts_folder)) for team in teams]
    if table is None:
        return [(team, list(contracts.values())) for team, contracts in chosen]
    team, contracts = chosen[0]
    name = split_name(table)[1]
    if name not in contracts:
        raise HeadgateError(
            f"{table} has no contract, so nothing is promised of it",
            where=str(team.contracts_folder),
            next_step=f"choose one of {', '.join(contracts) or 'another team'}",
        )
    return [(team, [contracts[name]])]


def _measure(settings: Settings, team: Team, contracts: Sequence[Contract], now: datetime) -> Iterator[Measured]:
    """Under the team's own role: what its gate refused is in its private zone."""
    promising = [contract for contract in contracts if contract.measured_levels]
    if not promising:
        return
    days = [now - timedelta(days=days) for days in range(_COURSE_DAYS, -1, -1)]
    with open_lake(settings, team=team.name) as session:
        attached = attach_published(session, [team], private_zone(team.name))
        for contract in promising:
            record = read_service_record(session, contract, zones=attached)
            for course in zip(*(record.measure(day) for day in days), strict=True):
                yield contract, list(course)


def _write(measured: Sequence[Measured], format: Format, *, is_history: bool) -> None:
    rows = [
        _row(contract, attainment)
        for contract, course in measured
        for attainment in (course if is_history else course[-1:])
    ]
    if format is Format.JSON:
        for row in rows:
            print(json.dumps(row, default=str))
        return
    writer = csv.DictWriter(sys.stdout, _FIELDS)
    writer.writeheader()
    writer.writerows(rows)


def _row(contract: Contract, attainment: Attainment) -> dict[str, Any]:
    told = describe_attainment(contract.qualified_table, attainment) | {"days_left": attainment.days_left}
    told["table"] = told.pop("table_name")
    return {name: told[name] for name in _FIELDS}


def _print(console: Console, measured: Sequence[Measured], *, is_history: bool) -> None:
    shown = Table(
        *(Column("table", overflow="fold"), Column("level", no_wrap=True), "promise", "attained", "error budget"),
        *("burn rate", "measured", Column("course", no_wrap=True), "state"),
        box=None,
    )
    for contract, course in measured:
        latest = course[-1]
        style = {"spent": "bold red", "burning": "yellow"}.get(latest.state)
        name = (contract.qualified_table, latest.level.property, describe_promise(latest.level))
        shown.add_row(*name, *_figures(latest), _draw(course), _describe(latest), style=style)
        for former in reversed(course[:-1]) if is_history else ():
            shown.add_row("", "", f"{former.measured_at:%Y-%m-%d %H:%M}", *_figures(former), "", former.state)
    console.print(shown)


def _figures(attainment: Attainment) -> tuple[str, str, str, str]:
    """Attained, error budget, burn rate, what was measured."""
    if attainment.state == "no history":
        return "no history", "", "", ""
    if attainment.budget_left is None:
        return "", "", "", attainment.history_words
    burn = "" if attainment.burn_rate is None else f"{attainment.burn_rate:.2f}"
    bad, total = float(attainment.tally.bad), float(attainment.tally.total)
    digits = 2 if attainment.unit == "hours" else 0
    return (
        f"{attainment.attained:.2f} %",
        describe_budget(attainment.budget_left),
        burn,
        f"{bad:,.{digits}f} of {total:,.{digits}f} {attainment.unit} bad",
    )


def _draw(course: Sequence[Attainment]) -> str:
    """The budget that was left, day by day; a blank where nothing was known."""
    left = [each.budget_left for each in course]
    bars = iter(draw_sparkline([*(max(0.0, one) for one in left if one is not None), 1.0]))
    return "".join(" " if one is None else next(bars) for one in left)


def _describe(attainment: Attainment) -> str:
    if attainment.days_left is not None and attainment.state == "burning":
        return f"burning: spent in {attainment.days_left:.1f} days"
    return attainment.state
