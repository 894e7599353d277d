"""Reading what a contract promises over time: `slaProperties`, and the window that the promises are about.

`freshness`, `correctness` and `warnings` are measured and need a number that can be kept or broken; every other property
is for people. What does not belong here: what was kept of them (`headgate.quality.service_levels`).
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from headgate.contract.document import Document, ServiceLevelProperty
from headgate.contract.model import DEFAULT_FRESHNESS_TARGET, Column, ServiceLevel
from headgate.contract.source import KeyPath, Source

_UNITS = {
    "minutes": ("min", "minute", "minutes"),
    "hours": ("h", "hr", "hour", "hours"),
    "days": ("d", "day", "days"),
}
_PERCENT = ("", "%", "percent")


def read_service_levels(
    document: Document, columns: Sequence[Column], partition_by: Sequence[str], source: Source
) -> tuple[ServiceLevel, ...]:
    """The promises, in the contract's order.

    Raises:
        ContractError: a promise about what the contract does not have; one that is measured without a number that says
            when it is broken, or given twice.
    """
    table = document.tables[0].name
    elements = {table, *(f"{table}.{column.name}" for column in columns)}
    levels: list[ServiceLevel] = []
    for index, declared in enumerate(document.slaProperties):
        path: KeyPath = ("slaProperties", index)
        if declared.element is not None and declared.element not in elements:
            raise source.error(
                f"the service level {declared.property} is about {declared.element}, which the contract does not have",
                f"write {table}.<column>",
                (*path, "element"),
            )
        level = _read(declared, source, path)
        if level.target is not None and any(other.property == level.property for other in levels):
            raise source.error(f"{level.property} is promised twice", "keep one of the promises", path)
        if level.limit is not None and level.element not in ("", table):
            _check_freshness_column(level, table, columns, partition_by, source, path)
        levels.append(level)
    return tuple(levels)


def _read(declared: ServiceLevelProperty, source: Source, path: KeyPath) -> ServiceLevel:
    target: Decimal | None = None
    limit: timedelta | None = None
    if declared.property == "freshness":
        limit = _read_duration(declared, source, path)
        given = declared.valueExt
        target = DEFAULT_FRESHNESS_TARGET if given is None else _read_percent(given, source, (*path, "valueExt"))
    elif declared.property in ("correctness", "warnings"):
        if (declared.unit or "") not in _PERCENT:
            what = f"{declared.property} is promised in {declared.unit}"
            raise source.error(what, "write unit: percent", (*path, "unit"))
        target = _read_percent(declared.value, source, (*path, "value"))
        if declared.property == "warnings":
            target = 100 - target
    return ServiceLevel(
        property=declared.property,
        value=declared.value,
        unit=declared.unit or "",
        element=declared.element or "",
        description=declared.description or "",
        target=target,
        limit=limit,
    )


def _read_percent(value: object, source: Source, path: KeyPath) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 100:
        what = f"{value!r} is no share of which something can be left"
        raise source.error(what, "write percent, above 0 and below 100, such as 99.5", path)
    return Decimal(str(value))


def _read_duration(declared: ServiceLevelProperty, source: Source, path: KeyPath) -> timedelta:
    value = declared.value
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise source.error(f"freshness: {value!r} is no age", "write a number above 0, and its unit", (*path, "value"))
    for name, spellings in _UNITS.items():
        if declared.unit in spellings:
            return timedelta(**{name: float(value)})
    known = ", ".join(spelling for spellings in _UNITS.values() for spelling in spellings)
    raise source.error(f"freshness has the unit {declared.unit!r}", f"write one of {known}", (*path, "unit"))


def _check_freshness_column(
    level: ServiceLevel,
    table: str,
    columns: Sequence[Column],
    partition_by: Sequence[str],
    source: Source,
    path: KeyPath,
) -> None:
    """History knows the partitions that were published, not the values of other columns."""
    kinds = {f"{table}.{column.name}": column.sql_type for column in columns}
    if level.element not in [f"{table}.{name}" for name in partition_by[:1]] or kinds[level.element] != "DATE":
        raise source.error(
            f"the freshness of {level.element} is not in the history: it is no date that the table is partitioned by",
            "name that column, or take element out: then the age of the newest publication counts",
            (*path, "element"),
        )
