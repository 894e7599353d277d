"""When ingestion runs by itself: a sensor that sees complete days, and asks for one run of what they make due."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg

from consumption_datamart.ingestion.drops import (
    INVOICES,
    MASTER_DATA,
    TELEMETRY_X,
    TELEMETRY_Y,
    Delivery,
    Drops,
    open_drops,
)
from headgate.orchestration.failures import dagster_failures
from headgate.orchestration.sensors import AGAIN_WHEN_LOST

SOURCES = (INVOICES, TELEMETRY_X, TELEMETRY_Y, MASTER_DATA)
NAME = "delivered_days"
DELIVERIES_TAG = "consumption_datamart/deliveries"
DAYS_TAG = "consumption_datamart/days"
INTERVAL_S = 15
_NAMED = 10

Seen = dict[str, dict[str, int]]
"""Source → day → when its marker was written, in milliseconds."""


def look(drops: Drops, cursor: str | None) -> tuple[list[Delivery], str]:
    """What was delivered since the last look, and the cursor to keep.

    A day without a marker is not complete and not seen. The markers alone are looked at; which files are good is found when
    they are loaded.
    """
    seen: Seen = json.loads(cursor) if cursor else {}
    now: Seen = {}
    new: list[tuple[str, date]] = []
    for (source, day), written in sorted(drops.list_markers(SOURCES).items()):
        now.setdefault(source, {})[day.isoformat()] = written
        if seen.get(source, {}).get(day.isoformat()) != written:
            new.append((source, day))
    return [drops.read_delivery(*key) for key in new], json.dumps(now, separators=(",", ":"))


def request_for(deliveries: list[Delivery]) -> dg.RunRequest:
    """One run for all of them. The same deliveries have the same key, and Dagster starts no second run for a key; one whose
    marker was written once more, be it word for word, is another."""
    names = sorted(one.name for one in deliveries)
    prints = ",".join(f"{one.name}:{one.writing}" for one in sorted(deliveries, key=lambda one: one.name))
    digest = hashlib.sha256(prints.encode()).hexdigest()[:12]
    shown = ", ".join(names[:_NAMED]) + (f", {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    days = sorted({one.day for one in deliveries})
    return dg.RunRequest(
        run_key=f"{names[0]}:{digest}" if len(names) == 1 else f"{len(names)} deliveries:{digest}",
        tags={
            **AGAIN_WHEN_LOST,
            DELIVERIES_TAG: shown,
            DAYS_TAG: f"{days[0]}…{days[-1]}" if len(days) > 1 else str(days[0]),
        },
    )


def is_running(instance: dg.DagsterInstance) -> bool:
    """Whether a run that this sensor asked for is under way: the next one waits, so that no day is loaded twice at once."""
    unfinished = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
    unfinished += [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    tags: Mapping[str, Any] = {"dagster/sensor_name": NAME}
    return bool(instance.get_runs(filters=dg.RunsFilter(tags=dict(tags), statuses=unfinished), limit=1))


@dg.sensor(
    name=NAME,
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run of what new and repeated deliveries make due, and of what hangs on it",
)
def delivered_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One look at the drops; the cursor is kept with the request, so that nothing is asked for twice."""
    if is_running(context.instance):
        return dg.SkipReason("the run of the last look is under way")
    with dagster_failures():
        deliveries, cursor = look(open_drops(), context.cursor)
    if not deliveries:
        return dg.SkipReason("nothing was delivered since the last look")
    return dg.SensorResult(run_requests=[request_for(deliveries)], cursor=cursor)


SENSORS = [delivered_days]
