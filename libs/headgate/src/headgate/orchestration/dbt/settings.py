"""What a node of a dbt project may say under `meta: headgate:`, read strictly: a key that nobody reads is an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from headgate.orchestration.automation import AutomationError, Condition, automation
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Node

NODE_KEYS = ("automation", "partitions", "pool", "group", "version", "partition_by", "asset_key")
COLUMN_KEYS = ("classification", "masking")
_PARTITION_KEYS = ("every", "start", "end", "end_offset", "timezone", "vars")
_EVERY = {
    "hour": dg.HourlyPartitionsDefinition,
    "day": dg.DailyPartitionsDefinition,
    "week": dg.WeeklyPartitionsDefinition,
    "month": dg.MonthlyPartitionsDefinition,
}


@dataclass(frozen=True)
class Partitions:
    """How a model is partitioned in time, and the vars that tell dbt which partition a run is about.

    Args:
        every: `hour`, `day`, `week` or `month`.
        start: the first partition's first day.
        end: where partitions end; None for never.
        timezone: whose days.
        variables: names of the two vars: where the partition begins, and where it ends (not included).
        end_offset: how many partitions there are beyond those that have ended; 1 for the one that goes on now.
    """

    every: str
    start: str
    end: str | None = None
    timezone: str = "UTC"
    variables: tuple[str, str] = ("partition_start", "partition_end")
    end_offset: int = 0

    def definition(self) -> dg.TimeWindowPartitionsDefinition:
        # Dagster reads the dates of an hourly definition with an hour.
        suffix = "-00:00" if self.every == "hour" else ""
        end = f"{self.end}{suffix}" if self.end else None
        return _EVERY[self.every](
            start_date=f"{self.start}{suffix}", end_date=end, timezone=self.timezone, end_offset=self.end_offset
        )


def check_settings(node: Node) -> None:
    """Raises: DbtError: the node, or one of its columns, says something that is not understood."""
    _check_keys(node, node.settings, NODE_KEYS, "meta: headgate")
    for column in node.columns:
        _check_keys(node, column_settings(column), COLUMN_KEYS, f"meta: headgate of column {column['name']}")


def column_settings(column: Mapping[str, Any]) -> Mapping[str, Any]:
    found = column["meta"].get("headgate")
    return found if isinstance(found, dict) else {}


def read_automation(node: Node) -> Condition | None:
    """The node's automation condition: a name, or `{name: on_cron, cron: "0 5 * * *", timezone: UTC}`.

    Raises:
        DbtError: no such automation, or a schedule that is missing, superfluous or malformed.
    """
    chosen = node.settings.get("automation")
    if chosen is None:
        return None
    options = {"name": chosen} if isinstance(chosen, str) else chosen
    if not isinstance(options, dict) or not isinstance(options.get("name"), str):
        raise _refuse(
            node, f"the automation {chosen!r} is not a name", 'write automation: eager, or {name: on_cron, cron: "…"}'
        )
    _check_keys(node, options, ("name", "cron", "timezone"), "automation")
    try:
        return automation(options["name"], cron=options.get("cron"), timezone=options.get("timezone", "UTC"))
    except AutomationError as error:
        raise _refuse(node, error.what, error.next_step) from None


def read_partitions(node: Node) -> Partitions | None:
    """The node's partitions: `{every: month, start: 2024-01-01}`.

    Raises:
        DbtError: an unknown length, or a date that is none.
    """
    chosen = node.settings.get("partitions")
    if chosen is None:
        return None
    example = "write partitions: {every: month, start: 2024-01-01}"
    if not isinstance(chosen, dict):
        raise _refuse(node, f"the partitions {chosen!r} have no start", example)
    _check_keys(node, chosen, _PARTITION_KEYS, "partitions")
    if chosen.get("every") not in _EVERY:
        raise _refuse(
            node, f"there are no partitions for every {chosen.get('every')!r}", f"use one of {', '.join(_EVERY)}"
        )
    names = chosen.get("vars", ("partition_start", "partition_end"))
    if not isinstance(names, list | tuple) or len(names) != 2:
        raise _refuse(
            node, f"vars of partitions are {names!r}", "name two: where the partition begins and where it ends"
        )
    start, end = (_read_date(node, chosen.get(key), example) for key in ("start", "end"))
    if start is None:
        raise _refuse(node, "the partitions have no start", example)
    offset = chosen.get("end_offset", 0)
    if not isinstance(offset, int):
        raise _refuse(
            node, f"end_offset of partitions is {offset!r}", "write end_offset: 1 for the one that goes on now"
        )
    timezone = str(chosen.get("timezone", "UTC"))
    return Partitions(chosen["every"], start, end, timezone, (str(names[0]), str(names[1])), offset)


def _read_date(node: Node, value: Any, example: str) -> str | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise _refuse(node, f"{value!r} is no date", example) from None


def _check_keys(node: Node, given: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in given:
        if key not in known:
            raise _refuse(node, f"{place} says {key!r}, which nobody reads", f"use one of {', '.join(known)}")


def _refuse(node: Node, what: str, next_step: str) -> DbtError:
    return DbtError(f"{node.kind} {node.name}: {what}", where=f"dbt/{node.described_in}", next_step=next_step)
