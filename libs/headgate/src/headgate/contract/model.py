"""What a contract says, once read: columns, rules, thresholds. Plain frozen values, no YAML and no database in them.

What does not belong here: how a contract is written down (`document`), how a rule is derived from it (`rules`), how a
rule is evaluated (`audit`).
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

RuleKind = Literal[
    "not_null", "type", "unique", "range", "length", "pattern", "allowed_values", "foreign_key", "row_count", "sql"
]
Severity = Literal["error", "warning"]
PublishMode = Literal["replace", "partition", "merge"]
PartitionTransform = Literal["identity", "month", "year"]
Masking = Literal["none", "hash", "mask"]
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "between", "not between"]

WARNINGS_COLUMN = "meta__warnings"
"""A list of text: the names of the warning rules that a row breaks. The gate fills it in a table whose contract has it."""


@dataclass(frozen=True)
class Threshold:
    """What a measured value is held against: a count, or a percentage of the rows (0 to 100)."""

    operator: Operator
    value: object
    upper: object = None
    """The upper bound of `between` and `not between`, which include both bounds."""
    is_percent: bool = False

    def holds(self, measured: object) -> bool:
        """Whether a measured value meets the threshold. Nothing measured (None) does not."""
        if measured is None:
            return False
        match self.operator:
            case "=":
                return bool(measured == self.value)
            case "!=":
                return bool(measured != self.value)
            case ">":
                return bool(measured > self.value)  # type: ignore[operator]
            case ">=":
                return bool(measured >= self.value)  # type: ignore[operator]
            case "<":
                return bool(measured < self.value)  # type: ignore[operator]
            case "<=":
                return bool(measured <= self.value)  # type: ignore[operator]
            case "between":
                return bool(self.value <= measured <= self.upper)  # type: ignore[operator]
            case "not between":
                return not self.value <= measured <= self.upper  # type: ignore[operator]

    def __str__(self) -> str:
        unit = " %" if self.is_percent else ""
        if self.operator in ("between", "not between"):
            return f"{self.operator} {self.value} and {self.upper}{unit}"
        return f"{self.operator} {self.value}{unit}"


NO_ROW = Threshold("=", 0)
"""The threshold of a rule that every row must keep."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is too much of a warning. A limit is exceeded by more than its value; None limits nothing."""

    rows: int | None = None
    percent: float | None = None
    """Of the rows that were checked, 0 to 100."""
    deviations: float | None = None
    """How many spreads above the usual count; see `headgate.quality.limits`."""
    window: int = 28
    """How many former partitions or publications say what is usual."""
    minimum_history: int = 8
    """With fewer of them `deviations` is not judged."""


@dataclass(frozen=True)
class Bounds:
    """The range that a column's values, or the lengths of its texts, keep within. None where a side is open."""

    lower: object = None
    upper: object = None
    excludes_lower: bool = False
    excludes_upper: bool = False

    def contains(self, other: "Bounds") -> bool:
        """Whether every value within `other` is within these bounds too."""
        return self._holds_lower(other) and self._holds_upper(other)

    def _holds_lower(self, other: "Bounds") -> bool:
        if self.lower is None or other.lower is None:
            return self.lower is None
        is_same = other.lower == self.lower and (other.excludes_lower or not self.excludes_lower)
        return bool(other.lower > self.lower) or is_same  # type: ignore[operator]

    def _holds_upper(self, other: "Bounds") -> bool:
        if self.upper is None or other.upper is None:
            return self.upper is None
        is_same = other.upper == self.upper and (other.excludes_upper or not self.excludes_upper)
        return bool(other.upper < self.upper) or is_same  # type: ignore[operator]

    @property
    def is_empty(self) -> bool:
        """Whether no value at all fits."""
        if self.lower is None or self.upper is None:
            return False
        is_point = self.lower == self.upper and not (self.excludes_lower or self.excludes_upper)
        return not (bool(self.lower < self.upper) or is_point)  # type: ignore[operator]


@dataclass(frozen=True)
class Reference:
    """The columns of another published table that a foreign key points at."""

    table: str
    """`team.table`."""
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a contract. Its name is stable: it identifies the rule in checks, history and error messages."""

    name: str
    kind: RuleKind
    columns: tuple[str, ...] = ()
    """The table's columns that the rule looks at, in the contract's order."""
    severity: Severity = "error"
    description: str = ""
    threshold: Threshold = NO_ROW
    violation: str | None = None
    """SQL predicate over the table's columns, true for a row that breaks the rule."""
    references: Reference | None = None
    bounds: Bounds | None = None
    """What a rule of kind `range` or `length` allows."""
    allowed_values: tuple[object, ...] = ()
    """What a rule of kind `allowed_values` allows."""
    query: str | None = None
    """The contract's own SQL, when it is not a plain count of rows (that one is a `violation`)."""
    alert: Limits | None = None
    """Beyond which a warning is an alert."""
    error: Limits | None = None
    """Beyond which a warning is an error: nothing is published."""

    @property
    def is_about_rows(self) -> bool:
        """Whether single rows break it, which can then be counted and marked."""
        return self.violation is not None or self.kind in ("unique", "foreign_key")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a published table."""

    name: str
    logical_type: str
    sql_type: str
    """DuckDB's name of the type, as DESCRIBE prints it."""
    required: bool = False
    unique: bool = False
    classification: str = ""
    masking: Masking = "none"
    """What the gate does to a value before it is published."""
    description: str = ""
    business_name: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[object, ...] = ()


DEFAULT_FRESHNESS_TARGET = Decimal(99)
"""Percent of the time that a table is as fresh as promised, where the contract does not say (`valueExt`)."""


@dataclass(frozen=True)
class ServiceLevel:
    """One promise about the table (`freshness`, `retention`, `availability`, …), as the contract writes it."""

    property: str
    value: str | int | float | bool
    unit: str = ""
    element: str = ""
    """The column the promise is about, as `table.column`, where it is about one."""
    description: str = ""
    target: Decimal | None = None
    """Percent of the time, the audits or the rows that must be good; the rest is the error budget. None of what is not
    measured."""
    limit: timedelta | None = None
    """How old the table may become, of `freshness`."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One published table's contract."""

    path: Path
    id: str
    team: str
    table: str
    version: str
    status: str
    title: str
    description: str
    owner: str | None
    """E-mail address of the team member with the role `owner`; None where the contract names nobody."""
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    primary_key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    partition_transform: PartitionTransform = "identity"
    """What of the first partitioned column cuts the table's files: its value, or its month or year."""
    publish_mode: PublishMode = "replace"
    service_levels: tuple[ServiceLevel, ...] = ()
    service_window: timedelta = timedelta(days=30)
    """The stretch of time, up to now, that the service levels are about."""
    usage: str = ""
    limitations: str = ""
    domain: str = ""
    data_product: str = ""
    tags: tuple[str, ...] = ()
    is_profiled: bool = False
    """Whether the gate keeps a profile of each publication and looks for anomalies in it."""

    @property
    def has_warnings_column(self) -> bool:
        return any(column.name == WARNINGS_COLUMN for column in self.columns)

    @property
    def warning_rules(self) -> tuple["Rule", ...]:
        """The rules that mark doubtful rows: of severity warning, and about rows."""
        return tuple(rule for rule in self.rules if rule.severity == "warning" and rule.is_about_rows)

    @property
    def measured_levels(self) -> tuple[ServiceLevel, ...]:
        """The promises that are measured: freshness, correctness and warnings, those of them that are made."""
        return tuple(level for level in self.service_levels if level.target is not None)

    @property
    def qualified_table(self) -> str:
        return f"{self.team}.{self.table}"

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the contract has none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
