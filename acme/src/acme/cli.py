"""The command line: `python -m acme`. Every command prints one JSON document; progress goes to stderr.

Exit codes: 0 done, 1 the work failed, 2 usage or environment.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from acme import faults
from acme.drops.cli import app as drops_app
from acme.errors import AcmeError
from acme.faults import KINDS
from acme.ledger import Ledger, count_faults
from acme.parameters import Force, ReaderPassword, Url, parse_count, parse_day
from acme.seeding import advance as advance_world
from acme.seeding import seed as seed_world
from acme.source import Source
from acme.storefront.cli import app as storefront_app
from acme.strava.cli import app as strava_app
from acme.terminal import print_document, progress_of

app = typer.Typer(help=__doc__.splitlines()[0], no_args_is_help=True, add_completion=False, rich_markup_mode=None)
app.add_typer(strava_app, name="strava")
app.add_typer(drops_app, name="drops")
app.add_typer(storefront_app, name="storefront")

LedgerFolder = Annotated[
    Path, typer.Option("--ledger", envvar="ACME_LEDGER", help="Folder of the ledger, made when missing.")
]


@app.command()
def seed(
    url: Url,
    ledger: LedgerFolder,
    orders: Annotated[str, typer.Option(help="Orders in the history: 1k, 100k, 10M or a plain number.")] = "100k",
    seed: Annotated[int, typer.Option(help="Same seed, size and day: same world.")] = 42,
    today: Annotated[str | None, typer.Option(help="World clock, YYYY-MM-DD; the current UTC day by default.")] = None,
    reader_password: ReaderPassword = None,
    force: Force = False,
) -> None:
    """Write a world; nothing happens when it is already there."""
    print_document(
        seed_world(
            Source(url),
            ledger,
            orders=parse_count(orders),
            seed=seed,
            today=parse_day(today) if today else None,
            reader_password=reader_password,
            force=force,
            progress=progress_of("orders"),
        )
    )


@app.command()
def advance(
    url: Url, ledger: LedgerFolder, days: Annotated[int, typer.Option(min=1, help="Days that shall happen.")] = 1
) -> None:
    """Let days happen: new orders and customers, late rows, corrections."""
    print_document(advance_world(Source(url), ledger, days=days))


@app.command()
def info(ledger: LedgerFolder) -> None:
    """The world, its clock, its totals and active faults, from the ledger alone."""
    book = Ledger(ledger)
    print_document({**book.world, "faults": count_faults(book.faults(active_only=True))})


@app.command("ledger")
def show_ledger(
    ledger: LedgerFolder,
    ids: Annotated[bool, typer.Option("--ids", help="Also all order ids (long).")] = False,
) -> None:
    """What a checker needs: totals, totals by order date, late rows, corrections, faults with their ids."""
    book = Ledger(ledger)
    document: dict[str, Any] = {
        "today": book.today.isoformat(),
        "totals": book.totals().as_json(),
        "days": {day.isoformat(): totals.as_json() for day, totals in book.days().items()},
        "late_order_ids": book.order_ids(kind="late"),
        "lagged_order_ids": book.order_ids(kind="lagged"),
        "corrected_order_ids": sorted(set(book.corrections()["order_id"].to_pylist())),
        "faults": book.faults(),
    }
    if ids:
        document["order_ids"] = book.order_ids()
    print_document(document)


fault_app = typer.Typer(help="Rows a good source would never send.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fault_app, name="fault")


@fault_app.command("inject")
def inject_fault(
    url: Url,
    ledger: LedgerFolder,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    count: Annotated[int, typer.Option(help="How many rows.")] = 1,
    column: Annotated[str, typer.Option(help="For drop_column: database.table.column.")] = "shop.orders.price",
) -> None:
    """Inject faults of one kind, in exactly this number."""
    print_document(faults.inject(Source(url), ledger, kind, count=count, column=column))


@fault_app.command("clear")
def clear_faults(
    url: Url,
    ledger: LedgerFolder,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="Only this kind; all by default.")] = None,
) -> None:
    """Take faults back; the tables are exactly as before."""
    print_document(faults.clear(Source(url), ledger, kind=kind))


def main() -> None:
    """Run the command line; an `AcmeError` ends it with three lines and its exit code."""
    try:
        app()
    except AcmeError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        told = AcmeError(
            f"The file system refused: {error.strerror or error}",
            where=str(error.filename or "the ledger's folder"),
            next_step="make room and check permissions, then run the command again: it goes on where it was",
        )
        print(told, file=sys.stderr)
        sys.exit(1)
