"""`python -m acme storefront …`: accounts, order lines, products, party keys and hits, and their faults."""

from pathlib import Path
from typing import Annotated

import typer

from acme.parameters import parse_count, parse_day
from acme.terminal import print_document, progress_of

app = typer.Typer(
    help="The web shop and its app: accounts, order lines, products, party keys and hits, in five databases.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LedgerFolder = Annotated[
    Path, typer.Option("--ledger", envvar="ACME_STOREFRONT", help="Folder of the ledger, made when missing.")
]
Url = Annotated[
    str,
    typer.Option("--url", envvar="ACME_URL", help="Server as postgresql://admin@host/postgres.", show_default=False),
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
    reader_password: Annotated[
        str | None, typer.Option(envvar="ACME_READER_PASSWORD", help="Password of the read-only role `reader`.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace whatever world is there.")] = False,
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
