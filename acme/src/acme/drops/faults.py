"""Faults on request, in exact numbers, and taken back by `clear`.

Every fault is one more delivery of a day: with broken files, or with doubtful rows in good ones. Clearing delivers the day
once more as it should be, and removes broken files.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from acme.bookkeeping import exclusive
from acme.drops import invoices, telemetry
from acme.drops.content import Content, make_content
from acme.drops.delivery import Parcel, append_records, deliver, pack, write_world
from acme.drops.growth import active_doubts, count_deliveries, load_world
from acme.drops.lake import Lake
from acme.drops.ledger import DropsLedger
from acme.drops.plan import Plan
from acme.drops.schedule import is_whole
from acme.drops.trouble import FILES, LOADABLE, link_elsewhere
from acme.drops.world import INVOICES, MASTER, SOURCES, TELEMETRY_X, TELEMETRY_Y, day_number
from acme.errors import AcmeError
from acme.source import day_date

Row = dict[str, Any]
MOST_ROWS = 900
_OF_TELEMETRY = telemetry.DOUBTS[1:]
KINDS = tuple(dict.fromkeys((*FILES, *_OF_TELEMETRY, *invoices.DOUBTS)))


def inject(
    folder: Path, lake: Lake, kind: str, *, source: str | None = None, day: date | None = None, count: int = 1
) -> Row:
    """Inject a fault and return its record.

    Args:
        source: whose files; by default the invoices' where the kind is of theirs alone, else Product X's telemetry.
        day: which day's; by default the newest that has arrived.
        count: how many rows; for a fault of files, how many days: `day` and those before.

    Raises:
        AcmeError: the kind, the source or the day does not fit, or so many cannot be had.
    """
    if kind not in KINDS:
        raise AcmeError(
            f"There is no fault {kind!r}", where="fault inject", next_step=f"take one of {', '.join(KINDS)}"
        )
    is_of_rows = kind not in FILES
    source = source or (INVOICES if is_of_rows and kind not in _OF_TELEMETRY else TELEMETRY_X)
    _check(kind, source, count, is_of_rows, lake)
    with exclusive(folder):
        world, _ = load_world(folder)
        known = sorted(number for name, number in count_deliveries(DropsLedger(folder)) if name == source)
        last = day_number(day) if day else known[-1]
        chosen = [one for one in known if one <= last][-(1 if is_of_rows else count) :]
        if last not in chosen or (not is_of_rows and len(chosen) < count):
            raise AcmeError(
                f"Only {len(chosen)} of {count} days have arrived"
                if last in chosen
                else f"No files of {day_date(last)} have arrived",
                where="--day, --count",
                next_step=f"take days from {day_date(known[0])} to {day_date(known[-1])}",
            )
        _check_total(world["faults"], kind, source, last, count)
        fault: Row = {
            "number": len(world["faults"]) + 1,
            "kind": kind,
            "source": source,
            "days": [day_date(one).isoformat() for one in chosen],
            "count": count,
            "is_of_rows": is_of_rows,
            "is_cleared": False,
        }
        world["faults"].append(fault)
        # Known before it is done: if it is cut short, clearing it delivers the days anew.
        write_world(folder, world)
        _redeliver(folder, lake, world, source, chosen, kind if not is_of_rows else None, fault["kind"])
    return fault


def clear(folder: Path, lake: Lake, *, kind: str | None = None) -> list[Row]:
    """Take back all active faults, or those of one kind: their days are delivered once more, as they should be."""
    with exclusive(folder):
        world, _ = load_world(folder)
        cleared = [one for one in world["faults"] if not one["is_cleared"] and kind in (None, one["kind"])]
        days = sorted({(one["source"], day_number(date.fromisoformat(day))) for one in cleared for day in one["days"]})
        after = [one | {"is_cleared": one["is_cleared"] or one in cleared} for one in world["faults"]]
        for source in dict.fromkeys(source for source, _ in days):
            about = [day for name, day in days if name == source]
            _remove_broken(lake, DropsLedger(folder), source, about)
            _redeliver(folder, lake, world | {"faults": after}, source, about, None, None)
        write_world(folder, world | {"faults": after})
    return cleared


def _redeliver(
    folder: Path, lake: Lake, world: Row, source: str, days: list[int], broken: str | None, fault: str | None
) -> None:
    """Deliver days once more after the newest day is over."""
    _, spec = load_world(folder)
    today = day_number(date.fromisoformat(world["today"]))
    plan = Plan(spec, first=days[0], until=today)
    counts = count_deliveries(DropsLedger(folder))

    def parcels() -> Iterator[tuple[Parcel, Content]]:
        for day in days:
            content = make_content(
                plan,
                source,
                day,
                whole=bool(is_whole(spec, source, day, today)),
                doubts=active_doubts(world["faults"], source, day),
                empty=broken == "empty",
            )
            parcel = pack(source, day, counts[source, day] + 1, today - 1, content)
            parcel.record["fault"] = fault
            if broken:
                parcel = FILES[broken](parcel)
                parcel.record["is_loadable"] = broken in LOADABLE
            yield parcel, content

    records = deliver(lake, folder, parcels(), lambda records: append_records(folder, today - 1, records))
    if broken == "symbolic_link":
        for record, day in zip(records, days, strict=True):
            place = lake.path(f"{source}/{day_date(day):%Y/%m/%d}")
            for file in record["files"]:
                link_elsewhere(place, file["name"])


def _remove_broken(lake: Lake, ledger: DropsLedger, source: str, days: list[int]) -> None:
    """Remove what is neither the marker nor a file of a good delivery."""
    for day in days:
        about = day_date(day)
        good = {
            file["name"]
            for record in ledger.deliveries(source=source, day=about)
            if record["is_loadable"]
            for file in record["files"]
        }
        folder = f"{source}/{about:%Y/%m/%d}"
        for name in lake.names(folder):
            if name not in good and name != "_SUCCESS":
                lake.delete(f"{folder}/{name}")
                if lake.is_local:  # where links lead to; a bucket has none
                    lake.delete(f"{folder}/../moved-{name}")


def _check(kind: str, source: str, count: int, is_of_rows: bool, lake: Lake) -> None:
    if source not in SOURCES:
        raise AcmeError(
            f"There is no source {source!r}", where="--source", next_step=f"take one of {', '.join(SOURCES)}"
        )
    possible: tuple[str, ...] = SOURCES
    if is_of_rows:
        sources = (((INVOICES,), invoices.DOUBTS), ((TELEMETRY_X, TELEMETRY_Y), _OF_TELEMETRY))
        possible = tuple(name for names, kinds in sources if kind in kinds for name in names)
    if kind in ("nanoseconds", "wrong_encoding"):
        possible = tuple(name for name in possible if name != TELEMETRY_Y)
    if kind == "empty":
        possible = tuple(name for name in possible if name != MASTER)
    if source not in possible:
        raise AcmeError(
            f"{source} has no fault {kind!r}", where="--source", next_step=f"take one of {', '.join(possible)}"
        )
    if not 1 <= count <= MOST_ROWS:
        raise AcmeError(f"{count} cannot be injected", where="--count", next_step=f"give 1 to {MOST_ROWS}")
    if kind == "symbolic_link" and not lake.is_local:
        raise AcmeError("A bucket has no symbolic links", where="--drops", next_step="take a folder as the data lake")


def _check_total(faults: list[Row], kind: str, source: str, day: int, count: int) -> None:
    """Doubtful rows are told from their models by milliseconds, of which a second has 999."""
    total = sum(active_doubts(faults, source, day).values()) + (count if kind not in FILES else 0)
    if total > MOST_ROWS:
        raise AcmeError(
            f"{day_date(day)} would have {total} doubtful rows",
            where="--count",
            next_step=f"keep to {MOST_ROWS} a day and source: `fault clear` first, or take another --day",
        )
