"""Reading a contract file into a `Contract`, strictly: what is not understood is an error with file and line."""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import get_args

from headgate.contract.columns import apply_key, order_columns, read_column
from headgate.contract.custom import read_custom
from headgate.contract.document import Document
from headgate.contract.model import Column, Contract, PartitionTransform, PublishMode
from headgate.contract.rulebook import TABLE
from headgate.contract.rules import derive_rules
from headgate.contract.service_levels import read_service_levels
from headgate.contract.source import ContractError, Source
from headgate.contract.validation import validate

SUFFIX = ".odcs.yaml"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TEAM_NAME = re.compile(r"[a-z][a-z0-9_]{0,38}")


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
        read_column(declared, source, (*TABLE, "properties", index)) for index, declared in enumerate(table.properties)
    )
    _check_column_names(columns, source)
    primary_key = order_columns(table.properties, "primaryKey", "primaryKeyPosition", source)
    columns = tuple(apply_key(column, primary_key) for column in columns)
    partition_by = order_columns(table.properties, "partitioned", "partitionKeyPosition", source)
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
        partition_transform=_read_partition_transform(document, columns, partition_by, source),
        publish_mode=_read_publish_mode(document, primary_key, partition_by, source),
        is_profiled=_read_settings(document, source).get("profile") == "columns",
        service_levels=read_service_levels(document, columns, partition_by, source),
        service_window=timedelta(days=int(_read_settings(document, source).get("serviceWindow", "30"))),
        usage=document.description.usage or "",
        limitations=document.description.limitations or "",
        domain=document.domain or "",
        data_product=document.dataProduct or "",
        tags=tuple(document.tags),
    )


def find_contract(folder: Path, table: str) -> Contract | None:
    """The contract of one table in a team's folder of contracts; None when the table has none.

    Raises:
        ContractError: as `load_contract`.
    """
    path = folder / f"{table}{SUFFIX}"
    return load_contract(path) if path.is_file() else None


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
            (*TABLE, "name"),
        )
    if source.path.name != f"{name}{SUFFIX}":
        raise source.error(
            f"the file is named {source.path.name} and describes the table {name}",
            f"rename the file to {name}{SUFFIX}, or mend the name",
            (*TABLE, "name"),
        )
    if physical_name not in (None, name):
        raise source.error(
            f"physicalName {physical_name} differs from the table's name",
            "leave it out: a table has one name on every engine",
            (*TABLE, "physicalName"),
        )


def _check_column_names(columns: Sequence[Column], source: Source) -> None:
    seen: set[str] = set()
    for index, column in enumerate(columns):
        if column.name in seen:
            path = (*TABLE, "properties", index, "name")
            raise source.error(f"the column {column.name} is described twice", "keep one description", path)
        seen.add(column.name)


# --- the table -------------------------------------------------------------------------------------------------------


def _read_settings(document: Document, source: Source) -> dict[str, str]:
    known = {
        "publishMode": get_args(PublishMode),
        "partitionTransform": get_args(PartitionTransform),
        "profile": ("none", "columns"),
        "serviceWindow": (7, 14, 28, 30, 90),
    }
    return read_custom(document.customProperties, known, source, ())


def _read_publish_mode(
    document: Document, primary_key: tuple[str, ...], partition_by: tuple[str, ...], source: Source
) -> PublishMode:
    read_custom(document.tables[0].customProperties, {}, source, TABLE)
    read_custom(document.description.customProperties, {}, source, ("description",))
    modes = get_args(PublishMode)
    mode = _read_settings(document, source).get("publishMode", "replace")
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


def _read_partition_transform(
    document: Document, columns: Sequence[Column], partition_by: tuple[str, ...], source: Source
) -> PartitionTransform:
    transforms = get_args(PartitionTransform)
    transform = _read_settings(document, source).get("partitionTransform", "identity")
    kinds = {column.name: column.logical_type for column in columns}
    if transform != "identity" and (not partition_by or kinds[partition_by[0]] not in ("date", "timestamp")):
        raise source.error(
            f"partitionTransform is {transform} and the table is not partitioned by a date or timestamp",
            "partition it by one, or take partitionTransform out",
            ("customProperties",),
        )
    return next(known for known in transforms if known == transform)
