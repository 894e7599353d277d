"""Versions of a contract: which ones a consumer accepts, and what a consumer would notice between two of them."""

from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from headgate.contract.model import NO_ROW, Contract, Rule
from headgate.contract.source import ContractError
from headgate.contract.sql_types import fits


@dataclass(frozen=True)
class BreakingChange:
    """One difference that a consumer of the older version would notice."""

    subject: str
    """The column or rule."""
    what: str


def is_compatible(version: str, accepted: str) -> bool:
    """Whether a contract version lies in the range a consumer accepts (`>=1,<2`).

    Raises:
        ContractError: one of them is malformed.
    """
    try:
        return Version(version) in SpecifierSet(accepted)
    except (InvalidSpecifier, InvalidVersion) as error:
        raise ContractError(
            f"{version!r} and {accepted!r} cannot be compared: {error}",
            where="the contract's version or a team's `consumes`",
            next_step="write versions as 1.0.0 and ranges as >=1,<2",
        ) from None


def breaking_changes(old: Contract, new: Contract) -> list[BreakingChange]:
    """What a consumer of `old` would notice when `new` is served instead; empty when nothing.

    A promise that is gone or weaker is a breaking change; a new column, a narrower range or a further rule is none.
    """
    changes: list[BreakingChange] = []
    if old.qualified_table != new.qualified_table:
        what = f"the table is named {new.qualified_table} from now on"
        return [BreakingChange(old.qualified_table, what)]
    successors = {column.name: column for column in new.columns}
    for column in old.columns:
        successor = successors.get(column.name)
        if successor is None:
            changes.append(BreakingChange(column.name, "the column is gone"))
            continue
        if successor.sql_type != column.sql_type:
            kept = "values still fit" if fits(column.sql_type, successor.sql_type) else "values may not fit"
            what = f"the type changes from {column.sql_type} to {successor.sql_type} ({kept})"
            changes.append(BreakingChange(column.name, what))
        if successor.masking != column.masking:
            what = f"the masking changes from {column.masking} to {successor.masking}"
            changes.append(BreakingChange(column.name, what))
    if old.primary_key != new.primary_key:
        before, after = (", ".join(key) or "none" for key in (old.primary_key, new.primary_key))
        changes.append(BreakingChange(new.table, f"the primary key changes from {before} to {after}"))
    return changes + _compare_rules(old, new)


def _compare_rules(old: Contract, new: Contract) -> list[BreakingChange]:
    changes: list[BreakingChange] = []
    successors = {rule.name: rule for rule in new.rules}
    remaining = {column.name for column in new.columns}
    for rule in old.rules:
        if rule.kind == "type" or rule.severity == "warning" or not set(rule.columns) <= remaining:
            continue
        successor = successors.get(rule.name)
        if successor is None:
            changes.append(BreakingChange(rule.name, f"no longer promised: {rule.description}"))
        elif successor.severity == "warning":
            changes.append(BreakingChange(rule.name, "only a warning from now on"))
        elif not _implies(successor, rule):
            what = f"promised so far: {rule.description}; from now on: {successor.description}"
            changes.append(BreakingChange(rule.name, what))
    return changes


def _implies(new: Rule, old: Rule) -> bool:
    """Whether rows that keep the new rule keep the old one too, as far as can be told without looking at rows."""
    if new.kind != old.kind or new.columns != old.columns:
        return False
    is_tighter = new.threshold == NO_ROW and old.threshold.operator in ("=", "<", "<=") and old.violation is not None
    if new.threshold != old.threshold and not is_tighter:
        return False
    if old.bounds is not None and new.bounds is not None:
        return old.bounds.contains(new.bounds)
    if old.allowed_values and new.allowed_values:
        return set(new.allowed_values) <= set(old.allowed_values)
    return (new.violation, new.references, new.query) == (old.violation, old.references, old.query)
