"""`update_sensor`: a run for every update of an asset, across code locations; none lost, none twice. And the sensor that
evaluates conditions.

What belongs here: starting something for each update. What does not: starting something because there was an update, once
for several that came together; what the conditions say (`automation`).
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg

from headgate.orchestration.automation import AutomationError

UPDATE_OF_TAG = "headgate/update_of"
UPDATE_TAG = "headgate/update"
"""The number of the update in Dagster's event log; each of a sensor's runs has another."""

MAX_RUNS_A_TICK = 25

AGAIN_WHEN_LOST = {
    "dagster/max_retries": "3",
    "dagster/retry_on_asset_or_op_failure": "false",
    "dagster/retry_strategy": "ALL_STEPS",
}
"""A daemon that is killed between marking a run as starting and starting it leaves a run that never begins (3 of 24, with
four kills in half a minute). Such a run is ended after a while and started again; one that failed by itself is not."""

_SETTLED_AFTER_S = 60.0
"""Events get their numbers before they are committed, so a lower number can turn up after a higher one was seen. What is
older than this has turned up: the slowest commit of an event on a busy machine took under a second."""


@dataclass(frozen=True)
class Cursor:
    """How far a sensor has come.

    Args:
        settled: every update up to this number was dealt with.
        done: numbers above `settled` that were dealt with.
    """

    settled: int = 0
    done: frozenset[int] = frozenset()

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        if not text:
            return cls()
        if text.isdigit():  # typed in by a person, to start from there
            return cls(settled=int(text))
        found = json.loads(text)
        return cls(int(found["settled"]), frozenset(int(number) for number in found["done"]))

    def write(self) -> str:
        return json.dumps({"settled": self.settled, "done": sorted(self.done)})


def update_sensor(
    key: str | dg.AssetKey,
    *,
    target: Sequence[Any] | dg.AssetSelection | Any,
    name: str | None = None,
    history: Literal["all", "latest"] = "all",
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
    interval_s: int = 1,
) -> dg.SensorDefinition:
    """A sensor that runs `target` once for each update of an asset, of this team or another.

    Args:
        key: `team.table`, or the asset's key.
        target: what to run: assets, a selection or a job.
        name: of the sensor; `follow_<team>_<table>` by default.
        history: at the sensor's very first look, runs for all updates that there were, or for the latest alone.
        default_status: whether it is on when nobody has switched it.
        interval_s: seconds between two looks.

    Raises:
        AutomationError: `key` is not of the form team.table.
    """
    asset_key = _asset_key(key)

    def follow(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return requests_for_updates(context.instance, asset_key, context.cursor, history=history, now=time.time())

    return dg.SensorDefinition(
        name=name or f"follow_{'_'.join(asset_key.path)}",
        evaluation_fn=follow,
        target=target,
        minimum_interval_seconds=interval_s,
        default_status=default_status,
        description=f"Once for each update of {asset_key.to_user_string()}",
    )


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Dagster's own default sensor is stopped, and leaves checks out."""
    return dg.AutomationConditionSensorDefinition(
        name="automation",
        target=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=1,
    )


def requests_for_updates(
    instance: dg.DagsterInstance, key: dg.AssetKey, cursor: str | None, *, history: str, now: float
) -> dg.SensorResult | dg.SkipReason:
    """One look: a request for each update that has none yet, oldest first, at most `MAX_RUNS_A_TICK`.

    The key of a run is its update's own number. A look that was cut short before its cursor was kept asks for the same
    keys again, and Dagster starts no second run for a key.
    """
    before = Cursor.read(cursor)
    if cursor is None and history == "latest":
        before = Cursor(settled=_number_before_latest(instance, key))
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, after_storage_id=before.settled),
        limit=len(before.done) + MAX_RUNS_A_TICK,
        ascending=True,
    ).records
    new = [record for record in found if record.storage_id not in before.done][:MAX_RUNS_A_TICK]
    done = before.done | {record.storage_id for record in new}
    settled = before.settled
    for record in found:
        if record.storage_id not in done or now - record.timestamp < _SETTLED_AFTER_S:
            break
        settled = record.storage_id
    after = Cursor(settled, frozenset(number for number in done if number > settled))
    if not new and after == before and cursor is not None:
        return dg.SkipReason(f"no update of {key.to_user_string()} since")
    return dg.SensorResult(run_requests=[_request(key, record) for record in new], cursor=after.write())


def _request(key: dg.AssetKey, record: dg.EventLogRecord) -> dg.RunRequest:
    number = str(record.storage_id)
    return dg.RunRequest(
        run_key=number, tags={**AGAIN_WHEN_LOST, UPDATE_OF_TAG: ".".join(key.path), UPDATE_TAG: number}
    )


def _number_before_latest(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    latest = instance.fetch_materializations(key, limit=1).records
    return latest[0].storage_id - 1 if latest else 0


def _asset_key(key: str | dg.AssetKey) -> dg.AssetKey:
    if isinstance(key, dg.AssetKey):
        return key
    parts = key.split(".")
    if len(parts) != 2 or not all(parts):
        raise AutomationError(
            f"{key!r} names no table", where="update_sensor", next_step='write it as "team.table", or give an AssetKey'
        )
    return dg.AssetKey(parts)
