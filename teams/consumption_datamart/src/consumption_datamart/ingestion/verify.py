"""Whether a delivery's files are what its marker promises, before anything of them is read."""

import os
import re
from datetime import date, timedelta
from pathlib import Path

from consumption_datamart.ingestion.drops import (
    INVOICES,
    MASTER_DATA,
    TELEMETRY_X,
    TELEMETRY_Y,
    Delivery,
    Drops,
    Rejected,
)
from consumption_datamart.windows import FIRST_DAY

MAX_DAYS_AHEAD = 31
"""A day may be so far ahead, for clocks differ; a wrong year is further."""

FILES = {
    INVOICES: {"invoice_order_lines": "csv"},
    TELEMETRY_X: {"heartbeats": "jsonl"},
    TELEMETRY_Y: {"heartbeats": "parquet"},
    MASTER_DATA: {"customers": "csv", "skus": "csv", "deployments": "csv"},
}
"""What each source drops: stem → ending. A file is named `stem-<delivery, three digits>.ending`."""

_NAME = re.compile(r"([a-z_]+)-(\d{3,})\.([a-z]+)")
_AGAIN = "ask the source to deliver the day once more"


def check_day(delivery: Delivery, today: date) -> None:
    """Raises:
    Rejected: nobody can know that day yet, or it is before all tables.
    """
    latest = today + timedelta(days=MAX_DAYS_AHEAD)
    if not FIRST_DAY <= delivery.day <= latest:
        raise Rejected(
            f"{delivery.day} is not one of the days from {FIRST_DAY} to {latest}",
            file=f"{delivery.folder}/_SUCCESS",
            next_step="ask the source to deliver the files under the day that they are about",
        )


def verify(drops: Drops, delivery: Delivery) -> dict[str, str]:
    """Stem → path of the files, each there once, whole and with the right content.

    Raises:
        Rejected: the delivery is not what its marker says.
    """
    if delivery.problem:
        raise Rejected(delivery.problem, file=f"{delivery.folder}/_SUCCESS", next_step=_AGAIN)
    found: dict[str, str] = {}
    for file in delivery.files:
        path = f"{delivery.folder}/{file.name}"
        match = _NAME.fullmatch(file.name)
        if not match or FILES[delivery.source].get(match[1]) != match[3] or int(match[2]) != delivery.number:
            raise Rejected(f"{file.name!r} is no file of delivery {delivery.number}", file=path, next_step=_AGAIN)
        if match[1] in found:
            raise Rejected("the marker lists it twice", file=path, next_step=_AGAIN)
        _verify_file(drops, path, file.bytes, file.sha256)
        found[match[1]] = path
    if missing := sorted(FILES[delivery.source].keys() - found.keys()):
        raise Rejected(
            f"the marker lists no file of {', '.join(missing)}", file=f"{delivery.folder}/_SUCCESS", next_step=_AGAIN
        )
    return found


def _verify_file(drops: Drops, path: str, size: int, sha256: str) -> None:
    # Looked at before it is opened: a link may lead anywhere.
    if drops.is_local and any(part.is_symlink() for part in _below_root(drops, path)):
        raise Rejected("it is a symbolic link", file=path, next_step="put the file itself there, delivered once more")
    info = drops.find(path)
    if not info.is_file:
        raise Rejected("the marker lists it, and it is not there", file=path, next_step=_AGAIN)
    if info.size != size:
        raise Rejected(f"it has {info.size:,} bytes, the marker says {size:,}", file=path, next_step=_AGAIN)
    if drops.is_local and not os.access(drops.path(path), os.R_OK, effective_ids=True):
        raise Rejected(
            "this user may not read it", file=path, next_step=f"let the platform's user read it and {_AGAIN}"
        )
    if drops.measure(path) != (size, sha256):
        raise Rejected("its sha256 is not the one in the marker", file=path, next_step=_AGAIN)


def _below_root(drops: Drops, path: str) -> list[Path]:
    parts = path.split("/")
    return [Path(drops.path("/".join(parts[: n + 1]))) for n in range(len(parts))]
