"""What each node of a dbt project is to Dagster: key, description, owner, tags, columns, checks.

What belongs here: dbt's words in Dagster's. What does not: running anything.
"""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg

from headgate.contract import Contract
from headgate.lake.session import private_zone
from headgate.orchestration.assets import contract_metadata
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Manifest, Node
from headgate.orchestration.dbt.settings import check_settings, column_settings, read_automation
from headgate.team import Team

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]+")
_TAG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Translation:
    """The nodes of one project in Dagster's words.

    Args:
        team: whose project.
        manifest: the project.
        contracts: name of a published model → its contract.
    """

    def __init__(self, team: Team, manifest: Manifest, contracts: Mapping[str, Contract]) -> None:
        self.team = team
        self.manifest = manifest
        self.contracts = contracts

    def key(self, node: Node) -> dg.AssetKey:
        """`[team, name]`; a source is what makes it: a table of the team or of another one, else `[team, source, table]`."""
        if node.kind != "source":
            return dg.AssetKey([self.team.name, node.name])
        if chosen := node.settings.get("asset_key"):
            return dg.AssetKey(chosen if isinstance(chosen, list) else str(chosen).split("."))
        if node.database != private_zone(self.team.name):
            return dg.AssetKey([node.database, node.identifier])
        if node.schema == "main":
            return dg.AssetKey([self.team.name, node.identifier])
        return dg.AssetKey([self.team.name, str(node.raw["source_name"]), str(node.raw["name"])])

    def spec(self, node: Node) -> dg.AssetSpec:
        """The asset of a model, seed or snapshot.

        Raises:
            DbtError: its settings are not understood.
        """
        check_settings(node)
        contract = self.contracts.get(node.name)
        return dg.AssetSpec(
            key=self.key(node),
            deps=[self.key(parent) for parent in self.manifest.parents(node)],
            description=node.description or f"dbt {node.kind} `{node.path}`, without a description.",
            metadata={
                "dbt/path": node.path,
                "dbt/unique_id": node.unique_id,
                "dagster/column_schema": column_schema(node),
                "dagster/table_name": f"{private_zone(self.team.name)}.{node.schema}.{node.identifier}",
                **contract_metadata(contract),
            },
            skippable=True,
            group_name=self._group(node),
            code_version=str(node.raw["checksum"])[:12] or None,
            automation_condition=read_automation(node),
            owners=self._owners(node),
            tags={**self._tags(node), **({"headgate/published": "true"} if contract else {})},
            kinds={"dbt", "ducklake", *({"seed", "snapshot"} & {node.kind})},
        )

    def source_spec(self, node: Node) -> dg.AssetSpec:
        """A source that nobody in the repository makes: it is there, or a build that needs it says that it is not."""
        check_settings(node)
        return dg.AssetSpec(
            key=self.key(node),
            description=node.description or f"Source {node.raw['source_name']}.{node.raw['name']} of the dbt project.",
            metadata={"dbt/path": node.path, "dagster/column_schema": column_schema(node)},
            group_name=_name(str(node.raw["source_name"])),
            owners=[self.team.owner],
            tags=self._tags(node),
            kinds={"source"},
        )

    def check_spec(self, test: Node) -> dg.AssetCheckSpec:
        """The check that a data test or unit test is."""
        subject = self.manifest.attachments[test.unique_id]
        others = [node for node in self.manifest.parents(test) if node.unique_id != subject.unique_id]
        return dg.AssetCheckSpec(
            name=_name(test.name),
            asset=self.key(subject),
            description=test.description or _describe_test(test),
            additional_deps=[self.key(node) for node in others] if test.kind == "test" else None,
            blocking=test.is_blocking,
            metadata={"dbt/path": test.path},
        )

    def _group(self, node: Node) -> str:
        """What the node says, else dbt's group, else the folder of its layer."""
        chosen = node.settings.get("group") or node.raw.get("group")
        if chosen:
            return _name(str(chosen))
        fqn = node.raw["fqn"]
        return _name(str(fqn[1])) if len(fqn) > 2 else f"{node.kind}s"

    def _owners(self, node: Node) -> list[str]:
        """The owner of the node's dbt group: the address, else the name as a team."""
        owner = self.manifest.groups.get(str(node.raw.get("group", "")), {})
        emails = owner.get("email") or []
        emails = [emails] if isinstance(emails, str) else list(emails)
        if found := [email for email in emails if _EMAIL.fullmatch(email)]:
            return found
        if owner.get("name"):
            return [f"team:{_name(str(owner['name']).lower())}"]
        return [self.team.owner]

    def _tags(self, node: Node) -> dict[str, str]:
        """dbt's tags are words; Dagster's are pairs of words without blanks."""
        names = (re.sub(r"[^A-Za-z0-9_.-]+", "_", tag).strip("_.-")[:63] for tag in node.tags)
        return {name: "" for name in names if _TAG.fullmatch(name)}


def column_schema(node: Node, types: Mapping[str, str] | None = None) -> dg.TableSchema:
    """The columns as documented; with the types that the lake gives them, where these are known.

    Args:
        node: a relation or source.
        types: column → type, of all columns that there are.
    """
    documented = {column["name"].lower(): column for column in node.columns}
    names = types or {column["name"]: column.get("data_type") or "?" for column in node.columns}
    return dg.TableSchema(
        columns=[_column(name, kind, documented.get(name.lower(), {"meta": {}})) for name, kind in names.items()]
    )


def _column(name: str, kind: str, documented: Mapping[str, Any]) -> dg.TableColumn:
    constraints = {constraint.get("type") for constraint in documented.get("constraints", [])}
    classification = column_settings(documented).get("classification")
    return dg.TableColumn(
        name=name,
        type=kind,
        description=documented.get("description") or None,
        constraints=dg.TableColumnConstraints(
            nullable=not constraints & {"not_null", "primary_key"}, unique=bool(constraints & {"unique", "primary_key"})
        ),
        tags={"classification": str(classification)} if classification else None,
    )


def check_names(translation: Translation, tests: list[Node]) -> None:
    """Raises: DbtError: two tests would be one check."""
    seen: dict[tuple[dg.AssetKey, str], Node] = {}
    for test in tests:
        spec = translation.check_spec(test)
        other = seen.setdefault((spec.asset_key, spec.name), test)
        if other is not test:
            raise DbtError(
                f"the tests {other.name} and {test.name} are named alike",
                where=f"dbt/{test.path}",
                next_step="give one of them another `name:`",
            )


def _name(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text).strip("_") or "unnamed"


def _describe_test(test: Node) -> str:
    if test.kind == "unit_test":
        return f"dbt unit test in {test.path}"
    metadata = test.raw.get("test_metadata")
    if metadata is None:
        return f"dbt test {test.path}"
    column = test.raw.get("column_name")
    options = {key: value for key, value in metadata.get("kwargs", {}).items() if key not in ("model", "column_name")}
    said = f" with {', '.join(f'{key} {value}' for key, value in options.items())}" if options else ""
    return f"dbt test {metadata['name']}{f' of {column}' if column else ''}{said}"
