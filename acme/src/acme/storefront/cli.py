"""`python -m acme storefront …`: accounts, order lines, products, party keys and hits, and their faults."""

from pathlib import Path
from typing import Annotated

import typer

from acme.parameters import Force, ReaderPassword, Url, parse_count, parse_day
from acme.terminal import print_document, progress_of

app = typer.Typer(
    help="The web shop and its app: accounts, order lines, products, party keys and hits, in five databases.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
fault_app = typer.Typer(help="What a good source would never send.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fault_app, name="fault")

LedgerFolder = Annotated[
    Path, typer.Option("--ledger", envvar="ACME_STOREFRONT", help="Folder of the ledger, made when missing.")
]


@app.command()
def seed(
    url: Url,
    ledger: LedgerFolder,
    lines: Annotated[str | None, typer.Option(help="Order lines in the history: 1k, 2M; 20k.")] = None,
    days: Annotated[int | None, typer.Option(help="Length of the history; 456.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, size and day: same world; 42.")] = None,
    today: Annotated[
        str | None, typer.Option(help="World clock, YYYY-MM-DD; the current Pacific day by default.")
    ] = None,
    reader_password: ReaderPassword = None,
    force: Force = False,
) -> None:
    """Write a world; nothing happens when it is already there."""
    from acme.storefront import growth
    from acme.storefront.tables import storefront_source

    document = growth.seed(
        storefront_source(url),
        ledger,
        lines=parse_count(lines, option="--lines") if lines else None,
        days=days,
        seed=seed,
        today=parse_day(today) if today else None,
        reader_password=reader_password,
        force=force,
        progress=progress_of("hits"),
    )
    print_document(document)


@app.command()
def advance(
    url: Url, ledger: LedgerFolder, days: Annotated[int, typer.Option(min=1, help="Days that shall happen.")] = 1
) -> None:
    """Let days happen: orders and hits, late and lagged rows, changed accounts, products and keys."""
    from acme.storefront import growth
    from acme.storefront.tables import storefront_source

    print_document(growth.advance(storefront_source(url), ledger, days=days))


@app.command()
def info(ledger: LedgerFolder) -> None:
    """The world, its clock, its totals and active faults, from the ledger alone."""
    from acme.ledger import count_faults
    from acme.storefront.ledger import StorefrontLedger

    book = StorefrontLedger(ledger)
    print_document({**book.world, "faults": count_faults(book.faults(active_only=True))})


@app.command("ledger")
def show_ledger(ledger: LedgerFolder) -> None:
    """What a checker needs: totals, lines by month, attributed lines, late and lagged ids, campaigns, faults."""
    from acme.storefront.ledger import StorefrontLedger

    print_document(StorefrontLedger(ledger).summary())


@fault_app.command("inject")
def inject_fault(
    url: Url,
    ledger: LedgerFolder,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="See the README; a wrong one lists them.")],
    count: Annotated[int, typer.Option(help="How many rows.")] = 1,
    column: Annotated[
        str | None, typer.Option(help="For drop_column, rename_column, new_column: database.table.column.")
    ] = None,
) -> None:
    """Inject faults of one kind, in exactly this number."""
    from acme.storefront import faults
    from acme.storefront.tables import storefront_source

    print_document(faults.inject(storefront_source(url), ledger, kind, count=count, column=column))


@fault_app.command("clear")
def clear_faults(
    url: Url,
    ledger: LedgerFolder,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="Only this kind; all by default.")] = None,
) -> None:
    """Take faults back; the tables are exactly as before."""
    from acme.storefront import faults
    from acme.storefront.tables import storefront_source

    print_document(faults.clear(storefront_source(url), ledger, kind=kind))
