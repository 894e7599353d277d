"""What the command lines of all three worlds tell a person: JSON on standard output, progress on standard error."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import typer


def print_document(document: Any) -> None:
    """Print what a command found or did."""
    typer.echo(json.dumps(document, indent=2))


def progress_of(things: str) -> Callable[[int, int], None]:
    """A function of how many `things` are done, of how many, that tells so once a second."""
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            print(f"{things} {done:,} of {total:,}", file=sys.stderr, flush=True)

    return report
