"""What is loaded, and what was set aside: read from the lake, so a crash between two places cannot make them differ.

Which delivery a day holds is committed with its rows, as the inputs of the publication. Rejections are a private table.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from consumption_datamart.ingestion.drops import Delivery, Rejected
from consumption_datamart.windows import TEAM
from headgate.lake.records import PUBLICATIONS
from headgate.lake.session import LakeSession, private_zone, quote

REJECTED = "rejected_deliveries"

_COLUMNS = """
    rejected_at timestamptz not null,
    table_name varchar not null,
    source varchar not null,
    day date not null,
    delivery integer not null,
    fingerprint bigint not null, -- of the marker's writing
    file varchar not null,
    reason varchar not null,
    next_step varchar not null,
    run_id varchar not null
"""

Inputs = Mapping[str, int]
"""Of a day: source → number of its delivery, `<source>.fingerprint` → of its marker, `<source>.read_at` → when it was read, in
milliseconds; a day that is published again for another reason keeps what it had."""


@dataclass(frozen=True)
class Rejection:
    """A delivery that was set aside, and has not been followed by a good one."""

    source: str
    day: date
    delivery: int
    file: str
    reason: str
    next_step: str


def inputs_of(delivery: Delivery, read_at: datetime) -> dict[str, int]:
    source = delivery.source
    return {
        source: delivery.number,
        f"{source}.fingerprint": delivery.fingerprint,
        f"{source}.read_at": _milliseconds(read_at),
    }


def keep_inputs(held: Inputs, source: str) -> dict[str, int]:
    """What a day is made of, of one source."""
    return {name: value for name, value in held.items() if name.split(".")[0] == source}


def is_held(delivery: Delivery, held: Inputs) -> bool:
    return held.get(f"{delivery.source}.fingerprint") == delivery.fingerprint


def read_held(session: LakeSession, table: str) -> dict[date, Inputs]:
    """Day → what it is made of, for every day of a table that was published."""
    if not session.has_table(f"{TEAM}.{PUBLICATIONS}"):
        return {}
    rows = session.connection.execute(
        f"""
        select cast(partition_key as date), input_snapshots
        from {quote(TEAM)}.{PUBLICATIONS}
        where table_name = ? and partition_key is not null
        qualify row_number() over (partition by partition_key order by published_at desc) = 1
        """,
        [table],
    ).fetchall()
    return {day: json.loads(inputs) for day, inputs in rows}


def read_rejected(session: LakeSession, table: str) -> set[tuple[str, date, int]]:
    """Source, day and writing of every delivery that was set aside: it is not tried again before its marker is written again."""
    if not _has_rejections(session):
        return set()
    rows = session.connection.execute(
        f"select source, day, fingerprint from {_rejected()} where table_name = ?", [table]
    ).fetchall()
    return set(rows)


def reject(
    session: LakeSession,
    table: str,
    rejected: Iterable[tuple[Delivery, Rejected]],
    *,
    run_id: str,
    now: datetime | None = None,
) -> None:
    """Keeps why deliveries were set aside; one that is known stays as it is."""
    rows = list(rejected)
    known = read_rejected(session, table)
    session.attach(private_zone(TEAM))
    session.connection.execute(f"create table if not exists {_rejected()} ({_COLUMNS})")
    at = now or datetime.now(UTC)
    for one, why in rows:
        if (one.source, one.day, one.writing) not in known:
            session.connection.execute(
                f"insert into {_rejected()} values ({', '.join('?' * 10)})",
                [
                    at,
                    table,
                    one.source,
                    one.day,
                    one.number,
                    one.writing,
                    why.file,
                    why.reason,
                    why.next_step,
                    run_id,
                ],
            )


def read_open_rejections(session: LakeSession, table: str, held: Mapping[date, Inputs]) -> list[Rejection]:
    """What was set aside and has not been followed by a good delivery of its source and day, oldest day first.

    Args:
        session: the team's.
        table: one of the lake tables.
        held: what `read_held` says of it.
    """
    if not _has_rejections(session):
        return []
    rows = session.connection.execute(
        f"""
        select source, day, delivery, file, reason, next_step, rejected_at
        from {_rejected()}
        where table_name = ?
        qualify row_number() over (partition by source, day order by rejected_at desc, delivery desc) = 1
        order by day, source
        """,
        [table],
    ).fetchall()
    # Not by their numbers: a marker that cannot be read has none, and a source may give the same one twice.
    return [
        Rejection(source, day, *told)
        for source, day, *told, rejected_at in rows
        if held.get(day, {}).get(f"{source}.read_at", 0) <= _milliseconds(rejected_at)
    ]


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _has_rejections(session: LakeSession) -> bool:
    return session.has_table(f"{private_zone(TEAM)}.{REJECTED}")


def _rejected() -> str:
    return f"{quote(private_zone(TEAM))}.{quote(REJECTED)}"
