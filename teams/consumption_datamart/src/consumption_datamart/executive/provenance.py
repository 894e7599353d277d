"""What the lake knows of the data behind the page: which deliveries each day holds, which rules marked rows, how old tables are,
which service levels they kept.

What belongs here: reading these records. What does not: counting (`quality`), and loading deliveries (`ingestion`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from consumption_datamart.executive.quality import MISSING, SET_ASIDE, Absence, CodeCount, Promise, Quality
from consumption_datamart.executive.queries import HARMLESS
from consumption_datamart.ingestion.state import read_held, read_open_rejections
from consumption_datamart.ingestion.tables import CUSTOMERS, HEARTBEATS, LINES
from consumption_datamart.windows import TEAM
from headgate.contract import Contract
from headgate.lake.records import PUBLICATIONS
from headgate.lake.service_levels import describe_promise, read_service_levels
from headgate.lake.session import LakeSession, quote
from headgate.lake.warnings import DOUBTFUL, read_warnings

DOUBTED = (HEARTBEATS.name, LINES.name)
"""Tables whose doubtful rows are missing in the figures."""
SHOWN_TABLES = (HEARTBEATS.name, LINES.name, "consumption_daily", "renewal_risk")
"""Tables whose age the page shows."""
PROMISING = (
    *DOUBTED,
    "fact_usage_daily",
    "fact_entitlement_daily",
    "consumption_daily",
    "renewal_risk",
    "report_active_customers_by_product_daily",
)
"""Tables that the figures are made of, in the order in which they are: their service levels are shown."""


def read_quality(session: LakeSession, contracts: Iterable[Contract], first: date) -> Quality:
    """All that is known from a day on; nothing where nothing was ever loaded.

    Args:
        session: the team's.
        contracts: those of `PROMISING`: what they promise, and what their codes mean.
    """
    contracts = list(contracts)
    newest, absences = read_deliveries(session, first)
    return Quality(
        newest=newest,
        absences=absences,
        codes=read_codes(session, first),
        meanings={
            rule.name: rule.description
            for contract in contracts
            if contract.table in DOUBTED
            for rule in contract.rules
            if rule.description
        },
        published_at=read_ages(session, SHOWN_TABLES),
        promises=read_promises(session, contracts),
    )


def read_deliveries(session: LakeSession, first: date) -> tuple[dict[str, date], list[Absence]]:
    """The newest day of each source, and what is not there of the days since `first` that any source delivered.

    Registers are known by the customers' alone: they come together.
    """
    held: dict[str, set[date]] = {}
    aside: dict[tuple[str, date], str] = {}
    for table in (HEARTBEATS, LINES, CUSTOMERS):
        for source in table.sources:
            held[source] = set()
        made_of = read_held(session, table.name)
        for day, inputs in made_of.items():
            for source in table.sources:
                if source in inputs:
                    held[source].add(day)
        aside |= {(one.source, one.day): one.reason for one in read_open_rejections(session, table.name, made_of)}
    days = {day for known in held.values() for day in known}
    if not days:
        return {}, []
    start, end = max(first, min(days)), max(days)
    absences = []
    for source, known in held.items():
        for number in range((end - start).days + 1):
            day = start + timedelta(days=number)
            if (reason := aside.get((source, day))) is not None:
                absences.append(Absence(source, day, SET_ASIDE, reason, is_replaced=day in known))
            elif day not in known:
                absences.append(Absence(source, day, MISSING))
    return {source: max(known) for source, known in held.items() if known}, absences


def read_codes(session: LakeSession, first: date) -> list[CodeCount]:
    """Rows that each rule marked by day, as the gate counted them when it published the day; marks that are no fault left out."""
    found = []
    for table in DOUBTED:
        if session.has_table(f"{TEAM}.{table}"):
            for series in read_warnings(session, [TEAM], table=f"{TEAM}.{table}"):
                found += [
                    CodeCount(table, date.fromisoformat(count.partition_key), series.rule, count.failed_rows)
                    for count in series.counts
                    if series.rule not in (DOUBTFUL, HARMLESS)
                    and count.failed_rows
                    and count.partition_key
                    and count.partition_key >= first.isoformat()
                ]
    return found


def read_promises(session: LakeSession, contracts: Iterable[Contract]) -> list[Promise]:
    """Each service level of each contract as it is now."""
    now = datetime.now(UTC)
    return [
        Promise(
            contract.table, one.level.property, describe_promise(one.level), one.attained, one.budget_left, one.state
        )
        for contract in contracts
        for one in read_service_levels(session, contract, now)
    ]


def read_ages(session: LakeSession, tables: Sequence[str]) -> dict[str, datetime]:
    """When each table was last published, UTC."""
    if not session.has_table(f"{TEAM}.{PUBLICATIONS}"):
        return {}
    rows = session.connection.execute(
        f"""
        select table_name, timezone('UTC', max(published_at))
        from {quote(TEAM)}.{PUBLICATIONS}
        where table_name in ({", ".join("?" for _ in tables)})
        group by table_name
        """,
        list(tables),
    ).fetchall()
    ages = dict(rows)
    return {table: ages[table] for table in tables if table in ages}
