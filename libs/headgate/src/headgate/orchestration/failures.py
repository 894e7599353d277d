"""Errors on their way into Dagster's events: the three lines of ours, and no secret in anybody's."""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import dagster as dg

from headgate.errors import HeadgateError

_PLATFORM_SECRETS = ("HEADGATE_CATALOG_PASSWORD", "HEADGATE_MASKING_KEY", "HEADGATE_DAGSTER_PASSWORD")

FAILED_ASSETS = "headgate/failed_assets"
"""Metadata of a failed step that makes several assets: those that failed. The others were built, or hang on them."""


@contextmanager
def dagster_failures(secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Turns a HeadgateError into a Failure that Dagster does not retry: what a person must mend does not mend itself.

    An interrupt stays one. DuckDB makes "Query interrupted" of it, and a run that was cancelled, or stopped with the platform,
    would count as one that failed by itself, and not be done again where that was promised.

    Args:
        secrets: names of the environment variables that must not get into events, beside the platform's own.
    """
    try:
        yield
    except Exception as error:
        if (interrupt := _find_interrupt(error)) is not None:
            raise interrupt from None
        if isinstance(error, HeadgateError):
            raise dg.Failure(description=_redact(str(error), secrets), allow_retries=False) from None
        if _holds_secret("".join(traceback.format_exception(error)), secrets):
            message = _redact(f"{type(error).__name__}: {error}", secrets)
            raise dg.Failure(description=message, allow_retries=False) from None
        raise


def _find_interrupt(error: BaseException) -> BaseException | None:
    """The interrupt that an error came from. What errors came from may go round in a circle: dlt raises what it caught."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        if isinstance(found, dg.DagsterExecutionInterruptedError | KeyboardInterrupt):
            return found
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return None


def _values(names: tuple[str, ...]) -> list[str]:
    """What must not be shown: each value, and each part of a list of them. An address without credentials may be."""
    values = [os.environ.get(name, "") for name in (*_PLATFORM_SECRETS, *names)]
    parts = {part.strip() for value in values for part in (value, *value.split(","))}
    return sorted((part for part in parts if len(part) > 3 and not _is_plain_address(part)), key=len, reverse=True)


def _is_plain_address(value: str) -> bool:
    url = urlsplit(value)
    return bool(url.scheme and url.netloc) and not (url.username or url.password or url.query)


def _holds_secret(text: str, names: tuple[str, ...]) -> bool:
    return any(value in text for value in _values(names))


def _redact(text: str, names: tuple[str, ...]) -> str:
    for value in _values(names):
        text = text.replace(value, "********")
    return text
