"""`headgate warnings`: the doubts that published tables carry, listed and charted in the terminal."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from headgate.environment import read_settings
from headgate.lake.history import require_published
from headgate.lake.warnings import DOUBTFUL, WarningCount, WarningSeries, read_warnings
from headgate.team import list_teams
from headgate_control.lake_access import attach_published, find_owner, open_lake

_SPARKS = "▁▂▃▄▅▆▇█"
_SPARK_POINTS = 20
_CHART_POINTS = 30
_BAR_WIDTH = 40
_FIELDS = ("table", "rule", "partition_key", "run_id", "published_at", "failed_rows", "row_count", "share")
_JUDGED = ("passed", "is_alert", "judgement")


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def warnings(
    table: Annotated[str | None, typer.Argument(help="A published table, team.table; all of them by default.")] = None,
    format: Annotated[Format, typer.Option(help="table draws charts; json and csv write every count.")] = Format.TABLE,
    history: Annotated[
        bool, typer.Option("--history", help="Also counts that a later publication of the partition replaced.")
    ] = False,
) -> None:
    """Warnings by rule: latest count, share, trend; for one table a chart over its partitions."""
    settings = read_settings()
    teams = [find_owner(settings, table)] if table else list_teams(settings.root)
    with open_lake(settings) as session:
        zones = attach_published(session, teams)
        if table:
            require_published(session, table)
        series = read_warnings(session, zones, table=table, is_history=history)
    if format is Format.JSON:
        for row in _rows(series):
            print(json.dumps(row, default=str))
        return
    if format is Format.CSV:
        writer = csv.DictWriter(sys.stdout, [*_FIELDS, *_JUDGED])
        writer.writeheader()
        writer.writerows(_rows(series))
        return
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200  # piped: nothing is cut
    if not series:
        console.print(f"no rule of severity warning was held against {table or 'what is published'} yet")
        return
    _print_alerts(console, series)
    _print_rules(console, series)
    if table:
        for each in series:
            _print_chart(console, each)


def _rows(series: Sequence[WarningSeries]) -> Iterator[dict[str, Any]]:
    for each in series:
        for count in each.counts:
            values = {**asdict(count), "share": round(count.share, 6)}
            yield {name: values[name] for name in (*_FIELDS, *_JUDGED)}


def _print_alerts(console: Console, series: Sequence[WarningSeries]) -> None:
    for each in series:
        if each.latest.is_alert:
            where = f"{each.table} {each.rule} {each.latest.moment}"
            console.print(f"ALERT {where}: {each.latest.judgement.removeprefix('alert: ')}", style="bold red")


def _print_rules(console: Console, series: Sequence[WarningSeries]) -> None:
    shown = Table("table", "rule", "latest", "rows", "of", "share", "trend", "course", "state", box=None)
    for each in series:
        latest = each.latest
        shown.add_row(
            each.table,
            each.rule,
            latest.moment,
            f"{latest.failed_rows:,}",
            f"{latest.row_count:,}",
            f"{latest.share:.2%}",
            _describe_trend(each),
            draw_sparkline([count.share for count in each.counts[-_SPARK_POINTS:]]),
            _describe_state(latest),
        )
    console.print(shown)


def _print_chart(console: Console, series: WarningSeries) -> None:
    points = series.counts[-_CHART_POINTS:]
    highest = max(count.share for count in points)
    if not highest:
        return
    console.print(f"\n{series.table} {series.rule}, share of rows")
    chart = Table.grid(padding=(0, 2))
    for count in points:
        width = max(1, round(_BAR_WIDTH * count.share / highest)) if count.failed_rows else 0
        mark = " ALERT" if count.is_alert else ""
        figures = f"{count.failed_rows:,} of {count.row_count:,} ({count.share:.2%}){mark}"
        chart.add_row(count.moment, Bar(_BAR_WIDTH, 0, width, width=_BAR_WIDTH), figures)
    console.print(chart)


def draw_sparkline(values: Sequence[float]) -> str:
    """One character a value, from 0 to the highest."""
    highest = max(values, default=0.0)
    if not highest:
        return _SPARKS[0] * len(values)
    return "".join(_SPARKS[round((len(_SPARKS) - 1) * value / highest)] for value in values)


def _describe_trend(series: WarningSeries) -> str:
    """The distance to the usual share in percentage points."""
    usual = series.usual_share
    if usual is None:
        return "new"
    difference = 100 * (series.latest.share - usual)
    return "steady" if abs(difference) < 0.005 else f"{difference:+.2f} pp"


def _describe_state(count: WarningCount) -> str:
    if count.is_alert:
        return "alert"
    if count.rule == DOUBTFUL:
        return ""
    state = "holds" if count.passed else "warns"
    return f"{state}; {count.judgement}" if count.judgement else state
