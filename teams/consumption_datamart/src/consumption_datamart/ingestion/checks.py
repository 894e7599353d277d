"""What a rule over rows cannot see: deliveries that were set aside, days that nobody delivered, a table that is not fresh."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import dagster as dg

from consumption_datamart.ingestion.state import Rejection, read_held, read_open_rejections
from consumption_datamart.ingestion.tables import LakeTable
from consumption_datamart.windows import TEAM
from headgate.lake.session import LakeSession

MAX_AGE_DAYS = 3
"""A day of a source may be late by three days; the newest day of a table is then no older."""
_SHOWN, _NAMED = 20, 3


def make_checks(table: LakeTable) -> list[dg.AssetChecksDefinition]:
    """The checks of a lake table. Each warns and blocks nothing: the days that are there are good."""
    key = dg.AssetKey([TEAM, table.name])

    @dg.asset_check(
        asset=key,
        name="deliveries_accepted",
        required_resource_keys={"lake"},
        description="Every delivery was loaded; of one that was set aside: file, reason, next step.",
    )
    def deliveries_accepted(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        session = _session(context)
        return judge_rejections(read_open_rejections(session, table.name, read_held(session, table.name)))

    @dg.asset_check(
        asset=key,
        name="days_delivered",
        required_resource_keys={"lake"},
        description="Each source delivered every day from its first to the table's newest.",
    )
    def days_delivered(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        held = read_held(_session(context), table.name)
        return judge_days(
            {source: [day for day, inputs in held.items() if source in inputs] for source in table.sources}
        )

    @dg.asset_check(
        asset=key,
        name="is_fresh",
        required_resource_keys={"lake"},
        description=f"The newest day is at most {MAX_AGE_DAYS} days before the run's date.",
    )
    def is_fresh(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return judge_age(max(_held_days(context, table), default=None), as_of(context))

    return [deliveries_accepted, days_delivered, is_fresh]


def judge_rejections(rejections: Sequence[Rejection]) -> dg.AssetCheckResult:
    """Passes when nothing is set aside; else an alert that names each file, reason and next step."""
    rows = [
        dg.TableRecord({"file": one.file, "reason": one.reason, "next_step": one.next_step, "delivery": one.delivery})
        for one in rejections[:_SHOWN]
    ]
    words = [f"{one.file}: {one.reason}; {one.next_step}" for one in rejections[:_NAMED]]
    words += [f"and {len(rejections) - _NAMED} more"] if len(rejections) > _NAMED else []
    return dg.AssetCheckResult(
        passed=not rejections,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(words) or None,
        metadata={
            "failed_rows": len(rejections),
            "alert": bool(rejections),
            **({"set_aside": dg.MetadataValue.table(records=rows)} if rows else {}),
        },
    )


def judge_days(delivered: Mapping[str, Sequence[date]]) -> dg.AssetCheckResult:
    """Passes when no source lacks a day between its first and the newest of all. No day at all is a failure.

    An alert when a day is missing for longer than it may be late.
    """
    newest = max((day for days in delivered.values() for day in days), default=None)
    missing = sorted(
        (day, source)
        for source, days in delivered.items()
        if newest and days
        for day in (min(days) + timedelta(days=n) for n in range((newest - min(days)).days + 1))
        if day not in set(days)
    )
    silent = sorted(source for source, days in delivered.items() if not days)
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    words = (
        [f"not delivered: {', '.join(f'{source} of {day}' for day, source in missing[:_SHOWN])}{more}"]
        if missing
        else []
    )
    words += [f"no day of {source} is there" for source in silent]
    return dg.AssetCheckResult(
        passed=not words,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(words) or None,
        metadata={
            "failed_rows": len(missing),
            "days": len({day for days in delivered.values() for day in days}),
            "alert": bool(newest and missing and (newest - missing[0][0]).days > MAX_AGE_DAYS),
        },
    )


def judge_age(newest: date | None, today: date) -> dg.AssetCheckResult:
    """Passes when the newest day is recent, and has come."""
    age = (today - newest).days if newest else None
    passed = age is not None and 0 <= age <= MAX_AGE_DAYS
    distance = "?" if age is None else f"{abs(age)}"
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=None
        if passed
        else f"the newest day is {newest or 'none'}, {distance} days {'after' if age and age < 0 else 'before'} {today}",
        metadata={"newest_day": str(newest), **({"age_days": age} if age is not None else {})},
    )


def as_of(context: dg.AssetCheckExecutionContext) -> date:
    """The date that the run computes as of: see `headgate.run_date`."""
    from datetime import UTC, datetime

    tag = context.run.tags.get("headgate/as_of")
    return date.fromisoformat(tag) if tag else datetime.now(UTC).date()


def _held_days(context: dg.AssetCheckExecutionContext, table: LakeTable) -> list[date]:
    return list(read_held(_session(context), table.name))


def _session(context: dg.AssetCheckExecutionContext) -> LakeSession:
    session: LakeSession = context.resources.lake.session  # type: ignore[attr-defined]
    return session
