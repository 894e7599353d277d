"""Reading the warnings that the gate recorded: per rule and partition, the current number and what came before.

What belongs here: what readers of published zones may ask. What does not: recording it (`gate`), charts (the control
plane).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from headgate.lake.records import AUDIT_RESULTS, PUBLICATIONS
from headgate.lake.session import LakeSession, quote, split_name

DOUBTFUL = "(doubtful rows)"
"""Stands as rule for the rows with any warning at all: a row with two counts once."""


@dataclass(frozen=True)
class WarningCount:
    """What one rule counted in one partition, or in one publication of a table that is not partitioned."""

    table: str
    """`team.table`."""
    rule: str
    partition_key: str | None
    run_id: str
    published_at: datetime
    failed_rows: int
    row_count: int
    """Rows that were checked."""
    passed: bool
    is_alert: bool
    judgement: str

    @property
    def share(self) -> float:
        """0 to 1; 0 where no row was checked."""
        return self.failed_rows / self.row_count if self.row_count else 0.0

    @property
    def moment(self) -> str:
        """The partition, or the time of publication (UTC)."""
        return self.partition_key or f"{self.published_at:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class WarningSeries:
    """One rule's counts, oldest first; never empty."""

    table: str
    rule: str
    counts: tuple[WarningCount, ...]

    @property
    def latest(self) -> WarningCount:
        return self.counts[-1]

    @property
    def usual_share(self) -> float | None:
        """The median of the former shares; None where there is no former count."""
        former = [count.share for count in self.counts[:-1] if count.row_count]
        return median(former) if former else None


def read_warnings(
    session: LakeSession, zones: Iterable[str], *, table: str | None = None, is_history: bool = False
) -> list[WarningSeries]:
    """The warnings of published zones, by table and rule.

    Args:
        session: any reader of the zones.
        zones: attached zones; one in which nothing was published yet has no warnings.
        table: `team.table`, to read its warnings alone.
        is_history: every publication counts, also those that a later one of the same partition replaced.
    """
    series = []
    for zone in zones:
        if session.has_table(f"{zone}.{AUDIT_RESULTS}"):
            with session.translate_errors(where=f"warnings of {zone}"):
                series += _read_zone(session, zone, split_name(table)[1] if table else None, is_history)
    return series


def _read_zone(session: LakeSession, zone: str, table: str | None, is_history: bool) -> list[WarningSeries]:
    # A zone that nobody published into since the columns came has them not, and its reader may not add them.
    known = session.connection.execute(
        "select count(*) from duckdb_columns() where database_name = ? and table_name = ? and column_name = 'is_alert'",
        [zone, AUDIT_RESULTS],
    ).fetchone()
    judged = "coalesce(is_alert, false), coalesce(judgement, '')" if known and known[0] else "false, ''"
    newest = "qualify row_number() over (partition by table_name, coalesce(partition_key, publication_id) "
    newest += "order by published_at desc) = 1"
    rows = session.connection.execute(
        f"""
        with counted as (
            select * from {quote(zone)}.{PUBLICATIONS}
            where table_name = coalesce(?, table_name)
            {"" if is_history else newest}
        ),
        warnings as (
            select
                publication_id, rule, failed_rows, checked_rows, passed, {judged},
                0 as position
            from {quote(zone)}.{AUDIT_RESULTS}
            where severity = 'warning'
            union all
            select
                publication_id, '{DOUBTFUL}', warning_rows,
                case mode when 'merge' then row_count else written_rows end, -- a merge is audited as a whole
                warning_rows = 0, false, '', 1
            from counted
        )
        select table_name, warnings.*, partition_key, run_id, published_at
        from warnings
        inner join counted using (publication_id)
        order by table_name, position, rule, coalesce(partition_key, cast(published_at as varchar)), published_at
        """,
        [table],
    ).fetchall()
    grouped: dict[tuple[str, str], list[WarningCount]] = {}
    for name, _, rule, failed, checked, passed, is_alert, judgement, _, key, run_id, at in rows:
        count = WarningCount(f"{zone}.{name}", rule, key, run_id, at, failed, checked, passed, is_alert, judgement)
        grouped.setdefault((count.table, rule), []).append(count)
    # The total says nothing of a table without rules that warn.
    warned = {name for name, rule in grouped if rule != DOUBTFUL}
    return [WarningSeries(name, rule, tuple(counts)) for (name, rule), counts in grouped.items() if name in warned]
