"""Contracts: what a published table promises, and everything that follows from it.

What belongs here: reading Open Data Contract Standard files, comparing versions, the DDL, the masking and the audit
that a contract implies. What does not: the lake and the gate (`headgate.lake`), Dagster (`headgate.orchestration`).
An audit is given a DuckDB connection and a relation; it knows neither where they come from nor what becomes of a
failed one.
"""

from headgate.contract.audit import RuleResult, audit, audit_columns
from headgate.contract.compatibility import BreakingChange, breaking_changes, is_compatible
from headgate.contract.failing import failing_rows_sql, violation_sql
from headgate.contract.loading import find_contract, load_contract, load_contracts
from headgate.contract.masking import masking_expression, without_masking
from headgate.contract.model import (
    WARNINGS_COLUMN,
    Column,
    Contract,
    Limits,
    Reference,
    Rule,
    ServiceLevel,
    Threshold,
)
from headgate.contract.queries import restrict_access
from headgate.contract.source import ContractError
from headgate.contract.table import comments, ddl

__all__ = [
    "WARNINGS_COLUMN",
    "BreakingChange",
    "Column",
    "Contract",
    "ContractError",
    "Limits",
    "Reference",
    "Rule",
    "RuleResult",
    "ServiceLevel",
    "Threshold",
    "audit",
    "audit_columns",
    "breaking_changes",
    "comments",
    "ddl",
    "failing_rows_sql",
    "find_contract",
    "is_compatible",
    "load_contract",
    "load_contracts",
    "masking_expression",
    "restrict_access",
    "violation_sql",
    "without_masking",
]
