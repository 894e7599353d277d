"""Which days hang on which: what a new or restated day makes due, and nothing else.

What belongs here: the windows and the question which days are due. What does not: how a day is computed.
"""

from collections.abc import Mapping
from datetime import date

import dagster as dg

from consumption_datamart.star.activity import ACTIVE_DAYS
from headgate.lake.records import PUBLICATIONS
from headgate.lake.session import LakeSession, quote

TEAM = "consumption_datamart"

FIRST_DAY = date(2020, 1, 1)
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), end_offset=1)
"""Every table's partitions: UTC days."""

SAME_DAY = 0
BEFORE_ACTIVE = ACTIVE_DAYS - 1
"""How many days before its own a table reads that looks at `ACTIVE_DAYS` days."""


def due_days(session: LakeSession, table: str, inputs: Mapping[str, int], *, everything: bool = False) -> list[date]:
    """The days of a table that are missing or older than what they are made of, in order.

    A day is made of the days of each input from so many days before it up to itself. Only days that some input holds are due.

    Args:
        session: the team's.
        table: the team's table that is partitioned by day.
        inputs: table of the team → how many days before its own day a day reads: `SAME_DAY`, `BEFORE_ACTIVE`.
        everything: each day that some input holds is due, however young.
    """
    if not session.has_table(f"{TEAM}.{PUBLICATIONS}"):
        return []
    names = ", ".join("?" for _ in inputs)
    wanted = ", ".join("(?, ?)" for _ in inputs)
    rows = session.connection.execute(
        f"""
        with published as (
            select table_name, cast(partition_key as date) as day, max(published_at) as published_at
            from {quote(TEAM)}.{PUBLICATIONS}
            where partition_key is not null and table_name in (?, {names})
            group by all
        ),
        wanted (table_name, days_back) as (values {wanted}),
        inputs as (select * from published inner join wanted using (table_name)),
        reached as (
            -- one row for each day that looks at a day of an input
            select day + cast(unnest(range(0, days_back + 1)) as integer) as day, published_at from inputs
        ),
        newest as (
            select day, max(published_at) as published_at
            from reached
            semi join inputs using (day)
            group by day
        ),
        own as (select day, published_at from published where table_name = ?)
        select newest.day
        from newest
        left join own using (day)
        where ? or own.published_at is null or own.published_at < newest.published_at
        order by newest.day
        """,
        [table, *inputs, *(value for item in inputs.items() for value in item), table, everything],
    ).fetchall()
    return [day for (day,) in rows]
