"""Versions of a contract: which ones a consumer accepts, and what a consumer would notice between two of them."""

from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from headgate.contract.model import Contract, Rule
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
    """What a consumer of `old` would notice when `new` is served instead; empty when nothing."""
    changes: list[BreakingChange] = []
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
        if column.required and not successor.required:
            changes.append(BreakingChange(column.name, "null becomes possible"))
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
        is_covered = rule.kind in ("type", "not_null") or not set(rule.columns) <= remaining
        if rule.severity == "warning" or (is_covered and rule.threshold.operator == "="):
            continue
        successor = successors.get(rule.name)
        if successor is None:
            changes.append(BreakingChange(rule.name, f"no longer promised: {rule.description}"))
        elif successor.severity == "warning":
            changes.append(BreakingChange(rule.name, "only a warning from now on"))
        elif _content(successor) != _content(rule):
            what = f"promised so far: {rule.description}; from now on: {successor.description}"
            changes.append(BreakingChange(rule.name, what))
    return changes


def _content(rule: Rule) -> tuple[object, ...]:
    return rule.columns, rule.threshold, rule.violation, rule.references, rule.query
