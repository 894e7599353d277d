"""When an asset runs by itself: conditions that every team names alike.

What belongs here: the names and what each means. What does not: the sensor that evaluates them, and running once for each
update without exception (both in `sensors`).

Every condition is edge-triggered: a reason is handled by one request, so a run that fails is not started again until there is
a new reason. Dagster's own `since_last_handled` loses a reason that turns up while the asset's last run is still going, because
the end of that run counts as having handled it; here it only does when the run began after the reason. All but `eager` wait until
the blocking checks of what they read have passed; the reason stays until then.
"""

from collections.abc import Callable
from typing import Any

from dagster import AutomationCondition
from dagster._core.definitions.declarative_automation.automation_condition import BuiltinAutomationCondition

from headgate.errors import HeadgateError

Condition = AutomationCondition[Any]
_Builtin = BuiltinAutomationCondition[Any]


class AutomationError(HeadgateError):
    """An asset asks for an automation that does not exist, or without what it needs."""


def automation(name: str, *, cron: str | None = None, timezone: str = "UTC") -> Condition | None:
    """The condition of a name; None for `manual`.

    Args:
        name: `manual`, `missing_or_changed`, `eager`, `eager_after_checks`, `on_cron`, `on_schedule` or `lazy`.
        cron: cron expression, for `on_cron` and `on_schedule` alone.
        timezone: time zone in which `cron` is read.

    Raises:
        AutomationError: no such name, a schedule that is missing, superfluous or malformed.
    """
    return _make(name, cron, timezone, where="an asset's automation")


def make_condition(chosen: str | Condition, *, where: str) -> Condition | None:
    """What an asset was given as its automation: a name, or a condition that is itself.

    Raises:
        AutomationError: as `automation`; the asset is named.
    """
    return _make(chosen, None, "UTC", where=where) if isinstance(chosen, str) else chosen


def _make(name: str, cron: str | None, timezone: str, *, where: str) -> Condition | None:
    if name in _BY_CRON:
        return _BY_CRON[name](_checked(cron, timezone, name, where), timezone).with_label(f"{name}({cron}, {timezone})")
    if name not in _BY_NAME:
        raise AutomationError(
            f"there is no automation named {name!r}", where=where, next_step=f"use one of {', '.join(NAMES)}"
        )
    if cron is not None:
        raise AutomationError(
            f"the automation {name!r} takes no schedule, but was given {cron!r}",
            where=where,
            next_step=f"leave it out, or use one of {', '.join(_BY_CRON)}",
        )
    make = _BY_NAME[name]
    return make().with_label(name) if make else None


def _missing_or_changed() -> _Builtin:
    """Once when the asset is missing, and once when its code version changed."""
    neither = ~AutomationCondition.newly_missing() & ~AutomationCondition.code_version_changed()
    return _once(~neither) & _can_run()  # a NOT: see `_once`; below one `lazy` asset it can meet `eager`, an OR


def _eager() -> _Builtin:
    """Once after any input was updated, and once when the asset is missing; not while an input is being updated.

    The only one that asks for no checks.
    """
    due = _once(AutomationCondition.newly_missing() | AutomationCondition.any_deps_updated())
    return due & _is_free() & ~AutomationCondition.any_deps_in_progress()


def _eager_after_checks() -> _Builtin:
    """As `eager`, as soon as every blocking check of every input has passed."""
    return _eager() & AutomationCondition.all_deps_blocking_checks_passed()


def _lazy() -> _Builtin:
    """When something downstream is due, in front of it in the same run. Never without a condition downstream."""
    return AutomationCondition.any_downstream_conditions() & _can_run()


def _on_cron(cron: str, timezone: str) -> _Builtin:
    """Once after each time of the schedule, when every input was updated since."""
    due = _once(AutomationCondition.cron_tick_passed(cron, timezone))
    return due & AutomationCondition.all_deps_updated_since_cron(cron, timezone) & _can_run()


def _on_schedule(cron: str, timezone: str) -> _Builtin:
    """Once after each time of the schedule, whether or not an input was updated."""
    return _once(AutomationCondition.cron_tick_passed(cron, timezone)) & _can_run()


_BY_NAME: dict[str, Callable[[], _Builtin] | None] = {
    "manual": None,
    "missing_or_changed": _missing_or_changed,
    "eager": _eager,
    "eager_after_checks": _eager_after_checks,
    "lazy": _lazy,
}
_BY_CRON: dict[str, Callable[[str, str], _Builtin]] = {"on_cron": _on_cron, "on_schedule": _on_schedule}

NAMES = (*_BY_NAME, *_BY_CRON)


def _once(reason: Condition) -> _Builtin:
    """True from a reason until it was handled: by a request, or by an update whose run began after the reason.

    A new reason in the very tick in which the one before is handled stays.
    """
    began = AutomationCondition.in_progress().newly_true()
    # Dagster keeps the state of a `since` under the kinds of its two operands (1.13: OR, AND, NOT, …, not what is in them).
    # Two alike in one tree overwrite each other, and the asset then runs on every second tick. So the operands of all
    # that can meet differ in kind: this one's reset is a NOT, the other's an AND.
    overtaken = reason.since(~(~began | reason))
    handled = (
        AutomationCondition.newly_requested()
        | (AutomationCondition.newly_updated() & ~overtaken)
        | AutomationCondition.initial_evaluation()
    )
    return reason.since((handled & ~reason).with_label("handled"))


def _can_run() -> _Builtin:
    """It is free, and every blocking check of every input has passed, also those of another team's tables."""
    return _is_free() & AutomationCondition.all_deps_blocking_checks_passed()


def _is_free() -> _Builtin:
    """Nothing it reads is missing, and it is not running already."""
    return ~AutomationCondition.any_deps_missing() & ~AutomationCondition.in_progress()


def _checked(cron: str | None, timezone: str, name: str, where: str) -> str:
    from zoneinfo import available_timezones

    from dagster._utils.schedules import is_valid_cron_schedule

    if cron is None or not is_valid_cron_schedule(cron):
        problem = f"{cron!r} is no cron expression" if cron else f"the automation {name!r} needs a schedule"
        next_step = f'write automation("{name}", cron="0 5 * * *"): minute, hour, day, month, weekday'
        raise AutomationError(problem, where=where, next_step=next_step)
    if timezone not in available_timezones():
        raise AutomationError(
            f"{timezone!r} is no time zone", where=where, next_step="write it as UTC or Europe/Amsterdam"
        )
    return cron
