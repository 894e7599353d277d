"""Reading a contract file into a `Contract`, strictly: what is not understood is an error with file and line."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from headgate.contract.document import CustomProperty, Document, Property
from headgate.contract.model import Column, Contract, Masking, PublishMode, ServiceLevel
from headgate.contract.rules import derive_rules
from headgate.contract.source import ContractError, KeyPath, Source
from headgate.contract.sql_types import TypeProblem, resolve_type
from headgate.contract.validation import validate

SUFFIX = ".odcs.yaml"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_COLUMN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TEAM_NAME = re.compile(r"[a-z][a-z0-9_]{0,38}")
_PERSONAL = "personal"
_TABLE: KeyPath = ("schema", 0)


def load_contract(path: Path) -> Contract:
    """The contract in one file, which is named after its table: `<table>.odcs.yaml`.

    Raises:
        ContractError: the file is missing or unreadable, breaks the standard, contradicts itself, or asks for a rule
            that cannot be checked; with `file:line` and the next step.
    """
    source = Source(path)
    document = validate(source)
    team = document.team.name
    if not _TEAM_NAME.fullmatch(team):
        raise source.error(f"{team!r} is not the name of a team", "use the name of the team's folder", ("team", "name"))
    _check_folder(team, source)
    if not _VERSION.fullmatch(document.version):
        raise source.error(
            f"the version {document.version!r} is not of the form 1.0.0",
            "write major.minor.patch: raise the major when a consumer would notice",
            ("version",),
        )
    table = document.tables[0]
    _check_table_name(table.name, table.physicalName, source)
    columns = tuple(
        _read_column(declared, source, (*_TABLE, "properties", index))
        for index, declared in enumerate(table.properties)
    )
    _check_column_names(columns, source)
    primary_key = _order(table.properties, "primaryKey", "primaryKeyPosition", source)
    columns = tuple(_apply_key(column, primary_key) for column in columns)
    partition_by = _order(table.properties, "partitioned", "partitionKeyPosition", source)
    owners = [member.username for member in document.team.members if member.role == "owner"]
    return Contract(
        path=path,
        id=document.id,
        team=team,
        table=table.name,
        version=document.version,
        status=document.status,
        title=document.name,
        description=table.description,
        owner=owners[0] if owners else None,
        columns=columns,
        rules=derive_rules(table, columns, primary_key, team=team, source=source),
        primary_key=primary_key,
        partition_by=partition_by,
        publish_mode=_read_publish_mode(document, primary_key, partition_by, source),
        service_levels=_read_service_levels(document, source),
        usage=document.description.usage or "",
        limitations=document.description.limitations or "",
        domain=document.domain or "",
        data_product=document.dataProduct or "",
        tags=tuple(document.tags),
    )


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Every contract of a folder, by table. A folder that does not exist holds none.

    Raises:
        ContractError: one of them is malformed, or a file of another name looks like a contract.
    """
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if not path.name.endswith(SUFFIX):
            raise ContractError(
                f"{path.name} is not named like a contract",
                where=str(path),
                next_step=f"rename it to <table>{SUFFIX}, or move it elsewhere",
            )
    contracts = [load_contract(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    return {contract.table: contract for contract in contracts}


# --- names --------------------------------------------------------------------------------------------------------


def _check_folder(team: str, source: Source) -> None:
    """A contract in `<team>/contracts/` is one of that team."""
    folder = source.path.absolute().parent
    if folder.name == "contracts" and (folder.parent / "pyproject.toml").is_file() and folder.parent.name != team:
        raise source.error(
            f"the contract is one of team {team} and lies in the folder of team {folder.parent.name}",
            f"write team: name: {folder.parent.name}, or move the file",
            ("team", "name"),
        )


def _check_table_name(name: str, physical_name: str | None, source: Source) -> None:
    if not _TABLE_NAME.fullmatch(name):
        raise source.error(
            f"{name!r} is not the name of a table",
            "use lower-case letters, digits and _, beginning with a letter",
            (*_TABLE, "name"),
        )
    if source.path.name != f"{name}{SUFFIX}":
        raise source.error(
            f"the file is named {source.path.name} and describes the table {name}",
            f"rename the file to {name}{SUFFIX}, or mend the name",
            (*_TABLE, "name"),
        )
    if physical_name not in (None, name):
        raise source.error(
            f"physicalName {physical_name} differs from the table's name",
            "leave it out: a table has one name on every engine",
            (*_TABLE, "physicalName"),
        )


def _check_column_names(columns: Sequence[Column], source: Source) -> None:
    seen: set[str] = set()
    for index, column in enumerate(columns):
        if column.name in seen:
            path = (*_TABLE, "properties", index, "name")
            raise source.error(f"the column {column.name} is described twice", "keep one description", path)
        seen.add(column.name)


# --- columns ---------------------------------------------------------------------------------------------------------


def _read_column(declared: Property, source: Source, path: KeyPath) -> Column:
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
    custom = _read_custom(declared.customProperties, {"masking": ("hash", "mask")}, source, path)
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


def _apply_key(column: Column, primary_key: tuple[str, ...]) -> Column:
    if column.name not in primary_key:
        return column
    is_unique = column.unique or len(primary_key) == 1
    return Column(**{**vars(column), "required": True, "unique": is_unique})


def _order(properties: Sequence[Property], flag: str, position: str, source: Source) -> tuple[str, ...]:
    """The columns with a flag, in the order of their positions: none of them has one, or they count from 1."""
    chosen = []
    for index, declared in enumerate(properties):
        path = (*_TABLE, "properties", index)
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
                (*_TABLE, "properties"),
            )
        chosen.sort()
    return tuple(name for _, name in chosen)


# --- the table -------------------------------------------------------------------------------------------------------


def _read_publish_mode(
    document: Document, primary_key: tuple[str, ...], partition_by: tuple[str, ...], source: Source
) -> PublishMode:
    _read_custom(document.tables[0].customProperties, {}, source, _TABLE)
    _read_custom(document.description.customProperties, {}, source, ("description",))
    modes = get_args(PublishMode)
    mode = _read_custom(document.customProperties, {"publishMode": modes}, source, ()).get("publishMode", "replace")
    if mode == "partition" and not partition_by:
        raise source.error(
            "publishMode is partition and no column is partitioned",
            "add partitioned: true to the column, or take publishMode out",
            ("customProperties",),
        )
    if mode == "merge" and not primary_key:
        raise source.error(
            "publishMode is merge and there is no primary key to merge by",
            "add primaryKey: true to the key's columns, or take publishMode out",
            ("customProperties",),
        )
    return next(known for known in modes if known == mode)


def _read_custom(
    properties: Sequence[CustomProperty], known: dict[str, tuple[str, ...]], source: Source, path: KeyPath
) -> dict[str, str]:
    """The custom properties that Headgate knows; names that begin with `x-` are other people's and pass."""
    read: dict[str, str] = {}
    for index, custom in enumerate(properties):
        where = (*path, "customProperties", index)
        if custom.property.startswith("x-"):
            continue
        if custom.property not in known:
            names = " or ".join(known) or "none"
            raise source.error(
                f"unknown custom property {custom.property}",
                f"known here: {names}; names that begin with x- are left to other tools",
                where,
            )
        if custom.property in read:
            raise source.error(f"{custom.property} is given twice", "keep one", where)
        if custom.value not in known[custom.property]:
            choices = ", ".join(known[custom.property])
            raise source.error(
                f"{custom.property}: {custom.value!r} is not one of {choices}", f"write one of {choices}", where
            )
        read[custom.property] = custom.value
    return read


def _read_service_levels(document: Document, source: Source) -> tuple[ServiceLevel, ...]:
    table = document.tables[0]
    elements = {table.name, *(f"{table.name}.{declared.name}" for declared in table.properties)}
    levels = []
    for index, declared in enumerate(document.slaProperties):
        if declared.element is not None and declared.element not in elements:
            raise source.error(
                f"the service level {declared.property} is about {declared.element}, which the contract does not have",
                f"write {table.name}.<column>",
                ("slaProperties", index, "element"),
            )
        levels.append(
            ServiceLevel(
                property=declared.property,
                value=declared.value,
                unit=declared.unit or "",
                element=declared.element or "",
                description=declared.description or "",
            )
        )
    return tuple(levels)
