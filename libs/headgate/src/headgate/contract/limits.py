"""Reading when a warning becomes an alert or an error: the custom properties `alert` and `error` of a quality rule."""

from collections.abc import Mapping
from dataclasses import replace

from headgate.contract.document import Quality
from headgate.contract.model import Limits, Rule
from headgate.contract.source import KeyPath, Source

_LEVELS = ("alert", "error")
_KEYS = {
    "rows": "rows",
    "percent": "percent",
    "deviations": "deviations",
    "window": "window",
    "minimumHistory": "minimum_history",
}
_COUNTS = ("rows", "window", "minimumHistory")
_ABOUT_HISTORY = ("window", "minimumHistory")


def read_limits(rule: Rule, quality: Quality, source: Source, path: KeyPath) -> Rule:
    """The rule with the limits that its custom properties set.

    Raises:
        ContractError: an unknown property or key, a value that limits nothing, limits of a rule that is no warning or
            that counts no rows.
    """
    read: dict[str, Limits] = {}
    for index, custom in enumerate(quality.customProperties):
        where = (*path, "customProperties", index)
        name = custom.property
        if name.startswith("x-"):
            continue
        if name not in _LEVELS:
            next_step = "known here: alert or error; names that begin with x- are left to other tools"
            raise source.error(f"unknown custom property {name}", next_step, where)
        if name in read:
            raise source.error(f"{name} is given twice", "keep one", where)
        if rule.severity != "warning":
            next_step = "set severity: warning, or remove it"
            raise source.error(f"{name} limits a warning, and {rule.name} is an error by itself", next_step, where)
        if not rule.is_about_rows:
            next_step = "write a rule that counts rows, such as select count(*) from {table} where …"
            raise source.error(f"{name} limits a number of rows, and {rule.name} counts none", next_step, where)
        read[name] = _read(name, custom.value, source, (*where, "value"))
    return replace(rule, alert=read.get("alert"), error=read.get("error")) if read else rule


def _read(name: str, value: object, source: Source, path: KeyPath) -> Limits:
    example = "write {rows: 100}, {percent: 5} or {deviations: 4}, or several of them"
    if not isinstance(value, Mapping) or not value:
        raise source.error(f"{name}: {value!r} limits nothing", example, path)
    for key, given in value.items():
        _check(name, str(key), given, source, (*path, str(key)))
    limits = Limits(**{_KEYS[key]: given for key, given in value.items()})
    if limits.rows is limits.percent is limits.deviations is None:
        raise source.error(f"{name} says how much history, and limits nothing", example, path)
    if limits.deviations is None and (given := [key for key in _ABOUT_HISTORY if key in value]):
        next_step = "add deviations, or remove it"
        raise source.error(f"{given[0]} belongs to deviations, which {name} lacks", next_step, (*path, given[0]))
    if limits.minimum_history > limits.window:
        what = f"minimumHistory {limits.minimum_history} is more than the window of {limits.window}"
        raise source.error(what, "widen the window, or ask for less history", (*path, "minimumHistory"))
    return limits


def _check(name: str, key: str, given: object, source: Source, path: KeyPath) -> None:
    if key not in _KEYS:
        raise source.error(f"{name} has no limit {key}", f"known here: {', '.join(_KEYS)}", path)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise source.error(f"{key}: {given!r} is not a number", "write a number", path)
    if key in _COUNTS and not isinstance(given, int):
        raise source.error(f"{key}: {given} is not a whole number", "write a whole number", path)
    if key == "percent" and not 0 <= given < 100:
        raise source.error(f"percent: {given} can never be exceeded, or always is", "write 0 to below 100", path)
    if key == "rows" and given < 0:
        raise source.error(f"rows: {given} is not a number of rows", "write 0 or more", path)
    if key == "deviations" and given <= 0:
        raise source.error(f"deviations: {given} is not above 0", "write a number such as 4", path)
    if key in _ABOUT_HISTORY and given < 3:
        raise source.error(f"{key}: {given} is too little to say what is usual", "write at least 3", path)
