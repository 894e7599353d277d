"""Making a world of subscriptions and letting time pass: plan, lake and ledger brought together.

What does not belong here: what a day holds (`content`), how it gets into the lake (`delivery`), and faults (`faults`).
"""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acme.bookkeeping import exclusive
from acme.drops.content import Content, make_content
from acme.drops.delivery import Parcel, deliver, pack, write_records, write_world
from acme.drops.lake import Lake
from acme.drops.ledger import DropsLedger, ledger_folder
from acme.drops.plan import Plan
from acme.drops.schedule import LONGEST_DELAY, due
from acme.drops.world import SOURCES, DropsSpec, day_number, read_spec
from acme.errors import AcmeError
from acme.ledger import count_faults
from acme.source import day_date

DEFAULTS: dict[str, Any] = {
    "customers": 30,
    "days": 60,
    "dense_days": 7,
    "dense_minutes": 5,
    "earlier_minutes": 1_440,
    "seed": 42,
}
"""What a new world has unless somebody says otherwise."""

Progress = Callable[[int, int], None]
Row = dict[str, Any]


def seed(
    folder: Path,
    lake: Lake,
    *,
    given: Row | None = None,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> Row:
    """Write a world; nothing happens when it is already there.

    Args:
        folder: the world's own, with the ledger.
        lake: where the files are dropped.
        given: fields of `DropsSpec`, days as ISO text; what is not given is as it was for a world that is there, else
            `DEFAULTS`, the current UTC day, and a change of layout in the middle.
        force: replace whatever world is there, and its files in the lake.

    Raises:
        AcmeError: another world is there, or its files are elsewhere.
    """
    with exclusive(folder):
        known = find_world(folder)
        asked = {name: value for name, value in (given or {}).items() if value is not None}
        usual = DEFAULTS | {"origin": datetime.now(UTC).date().isoformat()}
        spec = read_spec((usual if force or not known else known) | asked)
        if known is not None and not force:
            if read_spec(known) != spec:
                raise AcmeError(
                    f"Another world is there: {known['customers']} customers, {known['days']} days to {known['origin']}, "
                    f"seed {known['seed']}",
                    where=str(folder),
                    next_step="run it without these options to keep that one, or with --force to replace it",
                )
            if not lake.holds(SOURCES):
                raise AcmeError(
                    f"Nothing is in {lake.name}: the world that is there dropped its files in {known['lake']}",
                    where="--drops, or ACME_DROPS",
                    next_step="name that place, or run `acme drops seed --force` to make a new world here",
                )
            return {**info(folder), "is_new": False}
        (folder / "world.json").unlink(missing_ok=True)
        shutil.rmtree(ledger_folder(folder), ignore_errors=True)
        lake.clear(SOURCES)
        ledger_folder(folder).mkdir(parents=True)
        plan = Plan(spec, first=spec.first, until=spec.last)
        counts: dict[tuple[str, int], int] = {}
        for day in range(spec.first, spec.last):
            _pass_day(folder, lake, plan, day, counts, [])
            progress(day - spec.first + 1, spec.days)
        _write_grants(folder, plan, spec.last)
        # Last: what was interrupted is made anew.
        write_world(folder, {**spec.as_json(), "today": spec.origin.isoformat(), "lake": lake.name, "faults": []})
        return {**info(folder), "is_new": True}


def advance(folder: Path, lake: Lake, *, days: int = 1) -> list[Row]:
    """Let days happen: their dumps and telemetry, late files, and second deliveries of earlier days.

    Returns:
        For each day what arrived: source, the day it is about, the number of its delivery, rows.
    """
    with exclusive(folder):
        world, spec = load_world(folder)
        today = day_number(date.fromisoformat(world["today"]))
        plan = Plan(spec, first=max(spec.first, today - LONGEST_DELAY), until=today + days)
        counts = count_deliveries(DropsLedger(folder))
        told = []
        for day in range(today, today + days):
            records = _pass_day(folder, lake, plan, day, counts, world["faults"])
            _write_grants(folder, plan, day + 1)
            world["today"] = day_date(day + 1).isoformat()
            write_world(folder, world)
            names = ("source", "day", "delivery", "rows")
            told.append(
                {
                    "day": day_date(day).isoformat(),
                    "arrived": [{name: record[name] for name in names} for record in records],
                }
            )
        return told


def info(folder: Path) -> Row:
    """The world, its clock, where its files are, and active faults."""
    world, _ = load_world(folder)
    return {**world, "faults": count_faults(fault for fault in world["faults"] if not fault["is_cleared"])}


def find_world(folder: Path) -> Row | None:
    """The parameters and clock of a complete world."""
    try:
        known: Row = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return known


def load_world(folder: Path) -> tuple[Row, DropsSpec]:
    known = find_world(folder)
    if known is None:
        raise AcmeError(
            "There are no subscriptions yet",
            where=str(folder),
            next_step="run `acme drops seed` with the same --folder",
        )
    return known, read_spec(known)


def count_deliveries(ledger: DropsLedger) -> dict[tuple[str, int], int]:
    """The number of the newest delivery of each source and day."""
    return {(one["source"], day_number(date.fromisoformat(one["day"]))): one["delivery"] for one in ledger.deliveries()}


def active_doubts(faults: list[Row], source: str, day: int) -> dict[str, int]:
    """The doubtful rows that active faults add to a day of a source, by kind."""
    found: dict[str, int] = {}
    for fault in faults:
        is_here = fault["source"] == source and day_date(day).isoformat() in fault["days"]
        if fault["is_of_rows"] and is_here and not fault["is_cleared"]:
            found[fault["kind"]] = found.get(fault["kind"], 0) + fault["count"]
    return found


def _pass_day(
    folder: Path, lake: Lake, plan: Plan, day: int, counts: dict[tuple[str, int], int], faults: list[Row]
) -> list[Row]:
    def parcels() -> Iterator[tuple[Parcel, Content]]:
        for source, about, whole in due(plan.spec, day):
            counts[source, about] = counts.get((source, about), 0) + 1
            content = make_content(plan, source, about, whole=whole, doubts=active_doubts(faults, source, about))
            yield pack(source, about, counts[source, about], day, content), content

    return deliver(lake, folder, parcels(), lambda records: write_records(folder, day, records))


def _write_grants(folder: Path, plan: Plan, until: int) -> None:
    grants = plan.grants(until)
    # What ends a grant after this day is not known yet, and far days are none.
    ended = [day_date(one.ended_on) if one.ended_by else None for one in grants]
    table = pa.table(
        {
            "key": [one.line.key for one in grants],
            "customer": [one.line.customer for one in grants],
            "product": [one.line.product for one in grants],
            "quantity": pa.array([one.line.quantity for one in grants], pa.int64()),
            "start": pa.array([day_date(one.line.start) for one in grants], pa.date32()),
            "end": pa.array([day_date(one.end) for one in grants], pa.date32()),
            "ended_on": pa.array(ended, pa.date32()),
            "ended_by": [one.ended_by for one in grants],
        }
    )
    draft = ledger_folder(folder) / "grants.new"
    pq.write_table(table, draft)
    draft.replace(ledger_folder(folder) / "grants.parquet")
