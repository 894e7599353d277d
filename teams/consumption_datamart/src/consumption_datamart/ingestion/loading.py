"""Loading days of a lake table: which are due, their rows staged a few days at a time, each day replaced as a whole.

A day is made of the newest good delivery of each of its sources. One that is set aside changes nothing: the day keeps what
it had.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import ibis

from consumption_datamart.ingestion.doubts import GIVEN, MARKED, STAGED, mark
from consumption_datamart.ingestion.drops import Delivery, Drops, Rejected
from consumption_datamart.ingestion.read import stage
from consumption_datamart.ingestion.state import (
    Inputs,
    inputs_of,
    is_held,
    keep_inputs,
    read_held,
    read_open_rejections,
    read_rejected,
    reject,
)
from consumption_datamart.ingestion.tables import LakeTable
from consumption_datamart.ingestion.verify import check_day, verify
from consumption_datamart.windows import SAME_DAY, TEAM, due_days
from headgate.contract import WARNINGS_COLUMN, Contract
from headgate.lake.session import LakeSession, quote
from headgate.orchestration.partitions import Partitions
from headgate.orchestration.tables import backend_of

MAX_ROWS, MAX_DAYS = 600_000, 100
"""What is staged at a time: heartbeats of about two days at full size, or a hundred days of little."""
MEMORY_LIMIT = "1GB"
"""Of the engine; what does not fit is spilled to the state folder."""


@dataclass(frozen=True)
class Day:
    """A day that is to be loaded.

    Args:
        fresh: deliveries to read, by source.
        held: what the day is made of now; empty for a new one.
    """

    day: date
    fresh: dict[str, Delivery]
    held: Inputs = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.fresh.values())


def find_due(
    session: LakeSession, drops: Drops, table: LakeTable, days: set[date] | None, *, everything: bool = False
) -> list[Day]:
    """What is to be loaded, in order.

    Args:
        days: exactly these, again if need be, also from deliveries that were set aside before; None for what is new, was
            delivered again, or hangs on a register that was.
        everything: all that was delivered, again if need be, when no days are given.
    """
    held = read_held(session, table.name)
    is_asked = everything or days is not None
    known = set() if is_asked else read_rejected(session, table.name)
    # What a day holds already is read once more after something else was set aside: then it is what came last.
    doubted = {(one.source, one.day) for one in read_open_rejections(session, table.name, held)}
    found: dict[date, dict[str, Delivery]] = {day: {} for day in days or ()}
    for (source, day), delivery in drops.read_deliveries(table.sources, days).items():
        is_told = is_held(delivery, held.get(day, {})) and (source, day) not in doubted
        is_new = not is_told and (source, day, delivery.writing) not in known
        if is_asked or is_new:
            found.setdefault(day, {})[source] = delivery
    if days is None and table.registers:
        for day in due_days(session, table.name, dict.fromkeys(table.registers, SAME_DAY)):
            if day in held:
                found.setdefault(day, {})
    return [Day(day, fresh, held.get(day, {})) for day, fresh in sorted(found.items())]


def load(
    session: LakeSession,
    drops: Drops,
    contract: Contract,
    table: LakeTable,
    due: Iterable[Day],
    *,
    run_id: str,
    today: date,
) -> Iterator[Partitions]:
    """The rows of the due days with their codes, some days at a time; each is to be published before the next is asked for.

    Deliveries that cannot be loaded are set aside; a day of which nothing is left, and nothing was, is not published.
    """
    session.connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
    for chunk in make_chunks(due):
        inputs = _stage_chunk(session, drops, contract, table, chunk, run_id, today)
        if inputs:
            mark(session, table, sorted(inputs), [column.name for column in contract.columns])
            rows: ibis.Table = backend_of(session).table(MARKED, database=("memory", "main"))
            keys = {day.isoformat(): told for day, told in sorted(inputs.items())}
            yield Partitions(rows, keys=list(keys), inputs=keys)
    session.connection.execute(f"drop view if exists memory.main.{MARKED}")
    session.connection.execute(f"drop table if exists {STAGED}")


def make_chunks(due: Iterable[Day]) -> Iterator[list[Day]]:
    """The days in order, so many at a time that their rows fit."""
    chunk: list[Day] = []
    for day in due:
        if chunk and (len(chunk) == MAX_DAYS or sum(one.rows for one in chunk) + day.rows > MAX_ROWS):
            yield chunk
            chunk = []
        chunk.append(day)
    if chunk:
        yield chunk


def _stage_chunk(
    session: LakeSession,
    drops: Drops,
    contract: Contract,
    table: LakeTable,
    chunk: list[Day],
    run_id: str,
    today: date,
) -> dict[date, dict[str, int]]:
    """Fills the staged table; returns the days that can be published, with what they are made of."""
    columns = [column for column in contract.columns if column.name != WARNINGS_COLUMN]
    shape = ", ".join(f"{quote(column.name)} {column.sql_type}" for column in columns)
    session.connection.execute(f"create or replace table {STAGED} ({shape}, _given varchar[])")
    rejected: list[tuple[Delivery, Rejected]] = []
    loaded = {}
    for day in chunk:
        inputs: dict[str, int] = {}
        is_read = False
        for source in table.sources:
            if delivery := day.fresh.get(source):
                try:
                    check_day(delivery, today)
                    _stage_delivery(session, drops, table, delivery)
                    inputs |= inputs_of(delivery, datetime.now(UTC))
                    is_read = True
                    continue
                except Rejected as why:
                    rejected.append((delivery, why))
            if source in day.held:
                _keep(session, table, source, day.day, [column.name for column in columns])
                inputs |= keep_inputs(day.held, source)
        if inputs and (is_read or not day.fresh):
            loaded[day.day] = inputs
        elif inputs:
            session.connection.execute(f"delete from {STAGED} where day = ?", [day.day])
    if rejected:
        reject(session, table.name, rejected, run_id=run_id)
    return loaded


def _stage_delivery(session: LakeSession, drops: Drops, table: LakeTable, delivery: Delivery) -> None:
    path = verify(drops, delivery)[table.stem]
    stage(session.connection, drops, delivery, path, table.stem, STAGED, unique=table.unique)


def _keep(session: LakeSession, table: LakeTable, source: str, day: date, columns: list[str]) -> None:
    """The rows of a source that the day has: taken over, to be judged anew."""
    names = ", ".join(quote(name) for name in columns)
    given = ", ".join(f"'{code}'" for code in GIVEN)
    session.connection.execute(
        f"insert into {STAGED} by name select {names}, list_filter({WARNINGS_COLUMN}, lambda code: code in ({given})) as _given "
        f"from {session.qualify(f'{TEAM}.{table.name}')} where day = ? and {table.sources[source]}",
        [day],
    )
