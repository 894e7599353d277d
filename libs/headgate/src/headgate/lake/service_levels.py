"""What the lake's history says of a table's service levels: when it was published, refused and validated.

What belongs here: reading and keeping. What does not: the arithmetic (`headgate.quality.service_levels`), charts (the
control plane).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from headgate.contract import Contract, ServiceLevel
from headgate.lake.doubts import is_ordered
from headgate.lake.history import ROLLBACK_RUN
from headgate.lake.records import PUBLICATIONS, SERVICE_LEVELS, VALIDATIONS, ensure_records, insert_rows
from headgate.lake.session import LakeSession, private_zone, quote
from headgate.quality.service_levels import Attainment, Event, Refresh, measure_events, measure_freshness


@dataclass(frozen=True)
class _Publication:
    published_at: datetime
    run_id: str
    mode: str
    partition_key: str | None
    row_count: int
    written_rows: int
    warning_rows: int


@dataclass(frozen=True)
class ServiceRecord:
    """Everything about one table that its service levels are measured by; oldest first."""

    contract: Contract
    publications: tuple[_Publication, ...]
    validations: tuple[Event, ...]
    """Audits that the gate refused, and those of what was published already."""

    def measure(self, now: datetime) -> list[Attainment]:
        """Each service level of the contract as it was, or is, at a moment: what came later is not looked at."""
        return [self._measure(level, now) for level in self.contract.measured_levels]

    def _measure(self, level: ServiceLevel, now: datetime) -> Attainment:
        window = self.contract.service_window
        if level.property == "freshness":
            return measure_freshness(level, self._refreshes(level, now), window=window, now=now)
        if level.property == "correctness":
            # Partitions that were published in one commit passed one audit.
            commits = {(publication.published_at, publication.run_id) for publication in self.publications}
            passed = (Event(at, 0, 1) for at, _ in commits)
            return measure_events(level, "audits", [*passed, *self.validations], window=window, now=now)
        return measure_events(level, "rows", self._doubts(now), window=window, now=now)

    def _refreshes(self, level: ServiceLevel, now: datetime) -> list[Refresh]:
        """A roll-back makes nothing fresh, nor does a day that is restated while a newer one is there."""
        by_day = level.element not in ("", self.contract.table)
        follows = is_ordered(self.contract)
        newest = ""
        refreshes = []
        for publication in self.publications:
            key = publication.partition_key or ""
            if publication.published_at > now or publication.run_id.startswith(ROLLBACK_RUN):
                continue
            if follows and key < newest:
                continue
            newest = key
            at = publication.published_at
            refreshes.append(Refresh(at, _end_of_day(key) if by_day and key else at))
        return refreshes

    def _doubts(self, now: datetime) -> Iterable[Event]:
        """The newest publication of each partition; every publication where there are none."""
        standing: dict[object, Event] = {}
        for number, publication in enumerate(self.publications):
            if publication.published_at <= now:
                # A merge is audited as the table that it leaves, so its doubtful rows are of all of them.
                rows = publication.row_count if publication.mode == "merge" else publication.written_rows
                key = number if publication.partition_key is None else publication.partition_key
                standing[key] = Event(publication.published_at, publication.warning_rows, rows)
        return standing.values()


def read_service_record(
    session: LakeSession, contract: Contract, *, zones: Collection[str] | None = None
) -> ServiceRecord:
    """A table's history; empty where there is none yet.

    Args:
        session: under the owning team's role: refused publications are its own affair.
        contract: the table's contract.
        zones: which of the team's zones there are, for a reader that must not make them; both when not given.

    Raises:
        LakeError: the lake is out of reach.
    """
    public, private = contract.team, private_zone(contract.team)
    there = (public, private) if zones is None else zones
    is_known = session.has_records and session.team == contract.team
    publications: list[_Publication] = []
    validations: list[Event] = []
    with session.translate_errors(where=f"service levels of {contract.qualified_table}"):
        if is_known or (public in there and session.has_table(f"{public}.{PUBLICATIONS}")):
            rows = session.connection.execute(
                "select published_at, run_id, mode, partition_key, row_count, written_rows, warning_rows "
                f"from {quote(public)}.{PUBLICATIONS} where table_name = ? order by published_at, partition_key",
                [contract.table],
            ).fetchall()
            publications = [_Publication(*row) for row in rows]
        if is_known or (private in there and session.has_table(f"{private}.{VALIDATIONS}")):
            rows = session.connection.execute(
                f"select validated_at, passed from {quote(private)}.{VALIDATIONS} "
                "where table_name = ? order by validated_at",
                [contract.table],
            ).fetchall()
            validations = [Event(at, 0 if passed else 1, 1) for at, passed in rows]
    return ServiceRecord(contract, tuple(publications), tuple(validations))


def read_service_levels(session: LakeSession, contract: Contract, now: datetime) -> list[Attainment]:
    """A table's service levels at a moment."""
    return read_service_record(session, contract).measure(now) if contract.measured_levels else []


def record_service_levels(session: LakeSession, levels: Sequence[tuple[Contract, Attainment]]) -> None:
    """Adds a measurement to the team's `_service_levels`, where pages and other teams read its course."""
    if not levels:
        return
    ensure_records(session)
    with session.translate_errors(where=f"service levels of {session.team}"), session.transaction():
        rows = [list(describe_attainment(contract.table, attainment).values()) for contract, attainment in levels]
        insert_rows(session.connection, f"{quote(session.team)}.{SERVICE_LEVELS}", rows)


def describe_attainment(table: str, attainment: Attainment) -> dict[str, Any]:
    """A measurement as the columns of `_service_levels`, in their order."""
    return {
        "measured_at": attainment.measured_at,
        "table_name": table,
        "level": attainment.level.property,
        "promise": describe_promise(attainment.level),
        "target": float(attainment.level.target or 0),
        "window_days": attainment.window // timedelta(days=1),
        "unit": attainment.unit,
        "bad": float(attainment.tally.bad),
        "measured": float(attainment.tally.total),
        "attained": attainment.attained,
        "budget_left": attainment.budget_left,
        "burn_rate": attainment.burn_rate,
        "state": attainment.state,
    }


def describe_promise(level: ServiceLevel) -> str:
    """`at most 26 h old, 99 % of the time`."""
    if level.property == "freshness":
        return f"at most {level.value} {level.unit} old, {level.target} % of the time"
    if level.property == "correctness":
        return f"{level.target} % of the audits pass"
    return f"at most {level.value} % of the rows doubtful"


def _end_of_day(key: str) -> datetime:
    return datetime.combine(date.fromisoformat(key), time(), UTC) + timedelta(days=1)
