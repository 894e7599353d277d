"""What a person writes on the command lines of several worlds: options, counts and days."""

import re
from datetime import date
from typing import Annotated

import typer

from acme.errors import AcmeError

Url = Annotated[
    str,
    typer.Option("--url", envvar="ACME_URL", help="Server as postgresql://admin@host/postgres.", show_default=False),
]
ReaderPassword = Annotated[
    str | None, typer.Option(envvar="ACME_READER_PASSWORD", help="Password of the read-only role `reader`.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace whatever world is there.")]


def parse_count(text: str, *, option: str = "--orders") -> int:
    """A count written as 2500, 100k or 10M."""
    match = re.fullmatch(r"(\d+(?:_\d+)*)([kKmM]?)", text.strip())
    if not match:
        raise AcmeError(f"{text!r} is not a count", where=option, next_step="write it as 2500, 100k or 10M")
    return int(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()]


def parse_day(text: str, *, option: str = "--today") -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise AcmeError(f"{text!r} is not a day", where=option, next_step="write it as 2026-08-01") from error
