"""The contract of each published model: the team's own file, else what the dbt project says of a public model.

What belongs here: a dbt contract in the words of the Open Data Contract Standard. What does not: judging rows by it
(`headgate.contract`), publishing (`publishing`). The derived contract is a file like any other, kept with the parsed project.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from headgate.contract import Contract, ContractError, find_contract, load_contract
from headgate.contract.sql_types import logical_type_of
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Manifest, Node
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.settings import column_settings
from headgate.team import Team


def find_contracts(team: Team, project: DbtProject) -> dict[str, Contract]:
    """The contracts of what the gate publishes, by name of the model, seed or snapshot.

    Raises:
        DbtError: a public model's dbt contract says too little for one.
        ContractError: the team's own file is malformed.
    """
    contracts = {}
    for node in project.manifest.relations:
        contract = find_contract(team.contracts_folder, node.name)
        if contract is None and is_published(node):
            contract = _derive(node, team, project)
        if contract is not None:
            contracts[node.name] = contract
    return contracts


def is_published(node: Node) -> bool:
    """Whether dbt's own words publish a model: `access: public` and an enforced contract."""
    contract = node.config.get("contract") or {}
    return node.kind == "model" and node.raw.get("access") == "public" and bool(contract.get("enforced"))


def _derive(node: Node, team: Team, project: DbtProject) -> Contract:
    path = project.state / "contracts" / f"{node.name}.odcs.yaml"
    if not path.is_file():
        text = yaml.safe_dump(write_document(node, team, project.manifest), sort_keys=False, allow_unicode=True)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    try:
        # People are sent to where it is said, not to what was made of it.
        return replace(load_contract(path), path=project.folder / node.described_in)
    except ContractError as error:
        path.unlink()
        raise DbtError(
            f"the public model {node.name} cannot be published: {error.what}",
            where=f"{project.folder.name}/{node.described_in}",
            next_step=f"{error.next_step}; there, or in contracts/{node.name}.odcs.yaml",
        ) from None


def write_document(node: Node, team: Team, manifest: Manifest) -> dict[str, Any]:
    """The contract of a public model as a document of the standard.

    Columns, types, descriptions and constraints are those of the dbt contract; not_null, unique, accepted_values and
    relationships that block are rules as well, so the gate holds them against the very rows it publishes.

    Raises:
        DbtError: a description is missing, or a type is none of the standard's.
    """
    tests = [
        test
        for test in manifest.tests
        if (subject := manifest.attachments.get(test.unique_id)) and subject.unique_id == node.unique_id
    ]
    partition_by = node.settings.get("partition_by")
    if not node.description:
        raise _refuse(node, "it has no description", "describe the model: its grain, and what it is for")
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{team.name}.{node.name}",
        "name": node.name,
        "version": str(node.settings.get("version", f"{node.raw.get('version', 1)}.0.0")),
        "status": "active",
        "description": {"purpose": node.description},
        "schema": [
            {
                "name": node.name,
                "physicalType": "table",
                "description": node.description,
                "properties": [_property(node, column, tests, manifest, team) for column in node.columns],
                "quality": list(_check_constraints(node, node.raw.get("constraints", []), node.name)),
            }
        ],
        "team": {"name": team.name},
    }
    if partition_by:
        document["customProperties"] = [{"property": "publishMode", "value": "partition"}]
    return document


def _property(node: Node, column: dict[str, Any], tests: list[Node], manifest: Manifest, team: Team) -> dict[str, Any]:
    name, data_type = str(column["name"]), str(column.get("data_type", ""))
    logical_type = logical_type_of(data_type)
    if logical_type is None:
        raise _refuse(
            node, f"column {name} has the type {data_type!r}", "cast it to a type of the standard, e.g. BIGINT"
        )
    if not column.get("description"):
        raise _refuse(node, f"column {name} has no description", "describe every column of a public model")
    kinds = {constraint["type"] for constraint in column.get("constraints", [])}
    keys = {
        name for part in node.raw.get("constraints", []) if part["type"] == "primary_key" for name in part["columns"]
    }
    rules = [test for test in tests if test.raw.get("column_name") == name and _is_rule(test)]
    names = {test.raw["test_metadata"]["name"] for test in rules}
    found: dict[str, Any] = {
        "name": name,
        "logicalType": logical_type,
        "physicalType": data_type,
        "description": column["description"],
        "required": bool({"not_null", "primary_key"} & kinds) or "not_null" in names or name in keys,
        "unique": "unique" in kinds or "unique" in names,
        "primaryKey": "primary_key" in kinds or name in keys,
        "partitioned": node.settings.get("partition_by") == name,
        "quality": [*_accepted_values(rules), *_check_constraints(node, column.get("constraints", []), name)],
        "relationships": list(_relationships(rules, manifest, team)),
    }
    if logical_type == "timestamp" and "TZ" not in data_type.upper() and "ZONE" not in data_type.upper():
        found["logicalTypeOptions"] = {"timezone": False}
    said = column_settings(column)
    if "classification" in said:
        found["classification"] = said["classification"]
    if "masking" in said:
        found["customProperties"] = [{"property": "masking", "value": said["masking"]}]
    return {key: value for key, value in found.items() if value not in (False, [])}


def _is_rule(test: Node) -> bool:
    """A test of dbt's own that blocks and is held against every row."""
    metadata = test.raw.get("test_metadata") or {}
    return not metadata.get("namespace") and test.is_blocking and not test.config.get("where") and "name" in metadata


def _accepted_values(rules: list[Node]) -> Iterator[dict[str, Any]]:
    for test in rules:
        if test.raw["test_metadata"]["name"] == "accepted_values":
            values = test.raw["test_metadata"]["kwargs"]["values"]
            yield {"type": "library", "metric": "invalidValues", "arguments": {"validValues": values}, "mustBe": 0}


def _relationships(rules: list[Node], manifest: Manifest, team: Team) -> Iterator[dict[str, Any]]:
    """Only to other published models: the gate compares with what is published. dbt's own test covers the others."""
    for test in rules:
        if test.raw["test_metadata"]["name"] != "relationships":
            continue
        field = test.raw["test_metadata"]["kwargs"].get("field")
        for parent in manifest.parents(test):
            if parent is not manifest.attachments[test.unique_id] and parent.kind == "model" and is_published(parent):
                yield {"type": "foreignKey", "to": f"{parent.name}.{field}"}


def _check_constraints(node: Node, constraints: list[dict[str, Any]], subject: str) -> Iterator[dict[str, Any]]:
    checks = [part for part in constraints if part["type"] == "check" and part.get("expression")]
    for number, part in enumerate(checks, start=1):
        yield {
            "type": "sql",
            "name": part.get("name") or f"{subject}__check{number if len(checks) > 1 else ''}",
            "description": f"{part['expression']}.",
            "query": f"select count(*) from {{table}} where not ({part['expression']})",
            "mustBe": 0,
        }


def _refuse(node: Node, what: str, next_step: str) -> DbtError:
    return DbtError(
        f"the public model {node.name} cannot be published: {what}",
        where=f"dbt/{node.described_in}",
        next_step=f"{next_step}; or write contracts/{node.name}.odcs.yaml",
    )
