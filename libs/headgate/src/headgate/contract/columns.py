"""A property of the document as a column: its type, its place in the keys, its masking."""

import re
from collections.abc import Sequence
from dataclasses import replace

from headgate.contract.custom import read_custom
from headgate.contract.document import Property
from headgate.contract.model import WARNINGS_COLUMN, Column, Masking
from headgate.contract.rulebook import TABLE
from headgate.contract.source import KeyPath, Source
from headgate.contract.sql_types import TypeProblem, resolve_type

_COLUMN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PERSONAL = "personal"


def read_column(declared: Property, source: Source, path: KeyPath) -> Column:
    """The column that a property describes, on its own: what it is in a key is added by `apply_key`.

    Raises:
        ContractError: an impossible name or type, or personal data without masking.
    """
    if not _COLUMN_NAME.fullmatch(declared.name):
        raise source.error(
            f"{declared.name!r} is not the name of a column", "use lower-case letters, digits and _", (*path, "name")
        )
    if declared.physicalName not in (None, declared.name):
        raise source.error(
            f"physicalName {declared.physicalName} differs from the column's name",
            "leave it out: a column has one name on every engine",
            (*path, "physicalName"),
        )
    options = declared.logicalTypeOptions
    if options.timezone is not None and declared.logicalType != "timestamp":
        raise source.error(
            f"timezone has no meaning for a {declared.logicalType}",
            "remove it",
            (*path, "logicalTypeOptions", "timezone"),
        )
    try:
        sql_type = resolve_type(declared.logicalType, declared.physicalType, has_timezone=options.timezone is not False)
    except TypeProblem as problem:
        raise source.error(f"{declared.name}: {problem.what}", problem.next_step, (*path, "physicalType")) from None
    if declared.name == WARNINGS_COLUMN and sql_type != "VARCHAR[]":
        raise source.error(
            f"{WARNINGS_COLUMN} is {sql_type}, and the gate writes a list of text into it",
            "set logicalType: array and physicalType: VARCHAR[]",
            (*path, "physicalType"),
        )
    return Column(
        name=declared.name,
        logical_type=declared.logicalType,
        sql_type=sql_type,
        required=declared.required,
        unique=declared.unique,
        classification=declared.classification or "",
        masking=_read_masking(declared, sql_type, source, path),
        description=declared.description,
        business_name=declared.businessName or "",
        tags=tuple(declared.tags),
        examples=tuple(declared.examples),
    )


def _read_masking(declared: Property, sql_type: str, source: Source, path: KeyPath) -> Masking:
    custom = read_custom(declared.customProperties, {"masking": ("hash", "mask")}, source, path)
    is_personal = (declared.classification or "").lower() == _PERSONAL
    masking = custom.get("masking")
    if masking is None:
        if is_personal:
            raise source.error(
                f"{declared.name} is personal and says nothing of its masking",
                "add customProperties: property: masking, value: hash or mask",
                (*path, "classification"),
            )
        return "none"
    if not is_personal:
        raise source.error(
            f"{declared.name} is masked but not classified as personal",
            f"add classification: {_PERSONAL}, or remove the masking",
            (*path, "customProperties"),
        )
    if sql_type != "VARCHAR":
        raise source.error(
            f"{declared.name} is masked, so it is published as text, and the contract says {sql_type}",
            "set logicalType: string",
            (*path, "logicalType"),
        )
    return "hash" if masking == "hash" else "mask"


def apply_key(column: Column, primary_key: tuple[str, ...]) -> Column:
    """A column of the primary key is required and, when it is the whole key, unique."""
    if column.name not in primary_key:
        return column
    is_unique = column.unique or len(primary_key) == 1
    return replace(column, required=True, unique=is_unique)


def order_columns(properties: Sequence[Property], flag: str, position: str, source: Source) -> tuple[str, ...]:
    """The columns with a flag, in the order of their positions: none of them has one, or they count from 1."""
    chosen = []
    for index, declared in enumerate(properties):
        path = (*TABLE, "properties", index)
        if getattr(declared, flag):
            chosen.append((getattr(declared, position), declared.name))
        elif getattr(declared, position) is not None:
            raise source.error(f"{position} without {flag}", f"add {flag}: true, or remove it", (*path, position))
    positions = [given for given, _ in chosen]
    if any(given is not None for given in positions):
        if sorted(given or 0 for given in positions) != list(range(1, len(chosen) + 1)):
            raise source.error(
                f"the positions of {flag} are {', '.join(map(str, positions))}",
                f"number all of them from 1 in {position}, or none",
                (*TABLE, "properties"),
            )
        chosen.sort()
    return tuple(name for _, name in chosen)
