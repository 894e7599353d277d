"""`python -m acme drops …`: the world of subscriptions, its files and their faults."""

from pathlib import Path
from typing import Annotated

import typer

from acme.parameters import parse_count, parse_day
from acme.terminal import print_document, progress_of

app = typer.Typer(
    help="Software subscriptions: daily dumps of invoices and telemetry, dropped into a data lake.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
fault_app = typer.Typer(help="What a good source would never drop.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fault_app, name="fault")

Folder = Annotated[
    Path, typer.Option("--folder", envvar="ACME_SUBSCRIPTIONS", help="The world's folder, made when missing.")
]
Drops = Annotated[
    str, typer.Option("--drops", envvar="ACME_DROPS", help="Where files are dropped: a folder, or s3://bucket/folder.")
]


@app.command()
def seed(
    folder: Folder,
    drops: Drops,
    customers: Annotated[str | None, typer.Option(help="Customers at the end of the history: 500, 2k; 30.")] = None,
    days: Annotated[int | None, typer.Option(help="Length of the history; 60.")] = None,
    dense_days: Annotated[
        int | None, typer.Option(help="The last so many have a heartbeat every --dense-minutes; 7.")
    ] = None,
    dense_minutes: Annotated[
        int | None, typer.Option(help="Minutes between heartbeats, then and ever after; 5.")
    ] = None,
    earlier_minutes: Annotated[
        int | None, typer.Option(help="Minutes between heartbeats before: 60 is hourly; 1440, daily.")
    ] = None,
    layout_change: Annotated[
        str | None, typer.Option(help="From this day on invoices have their new columns; the middle of the history.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, size and day: same world; 42.")] = None,
    today: Annotated[str | None, typer.Option(help="World clock, YYYY-MM-DD; the current UTC day by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace whatever world is there, and its files.")] = False,
) -> None:
    """Write a world; nothing happens when it is already there."""
    from acme.drops import growth
    from acme.drops.lake import Lake

    given = {
        "customers": parse_count(customers, option="--customers") if customers else None,
        "days": days,
        "dense_days": dense_days,
        "dense_minutes": dense_minutes,
        "earlier_minutes": earlier_minutes,
        "layout_change": parse_day(layout_change, option="--layout-change").isoformat() if layout_change else None,
        "seed": seed,
        "origin": parse_day(today).isoformat() if today else None,
    }
    print_document(growth.seed(folder, Lake(drops), given=given, force=force, progress=progress_of("days")))


@app.command()
def advance(
    folder: Folder, drops: Drops, days: Annotated[int, typer.Option(min=1, help="Days that shall happen.")] = 1
) -> None:
    """Let days happen: new files, late ones, and second deliveries of earlier days."""
    from acme.drops import growth
    from acme.drops.lake import Lake

    print_document(growth.advance(folder, Lake(drops), days=days))


@app.command()
def info(folder: Folder) -> None:
    """The world, its clock, where its files are, and active faults."""
    from acme.drops import growth

    print_document(growth.info(folder))


@app.command("ledger")
def show_ledger(
    folder: Folder, days: Annotated[bool, typer.Option("--days", help="Also every source and day (long).")] = False
) -> None:
    """What a checker needs: deliveries, rows, sums, doubtful rows, what is used and entitled on the newest day."""
    from acme.drops.ledger import DropsLedger

    print_document(DropsLedger(folder).summary(by_day=days))


@fault_app.command("inject")
def inject_fault(
    folder: Folder,
    drops: Drops,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="See the README; a wrong one lists them.")],
    count: Annotated[int, typer.Option(help="How many rows; for faults of files, how many days.")] = 1,
    source: Annotated[str | None, typer.Option(help="invoices, telemetry_x, telemetry_y or master_data.")] = None,
    day: Annotated[str | None, typer.Option(help="Which day's files; the newest by default.")] = None,
) -> None:
    """Inject a fault, in exactly this number."""
    from acme.drops import faults
    from acme.drops.lake import Lake

    about = parse_day(day, option="--day") if day else None
    print_document(faults.inject(folder, Lake(drops), kind, source=source, day=about, count=count))


@fault_app.command("clear")
def clear_faults(
    folder: Folder,
    drops: Drops,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="Only this kind; all by default.")] = None,
) -> None:
    """Take faults back: their days are delivered once more, as they should be."""
    from acme.drops import faults
    from acme.drops.lake import Lake

    print_document(faults.clear(folder, Lake(drops), kind=kind))
