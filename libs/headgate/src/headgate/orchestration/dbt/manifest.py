"""What a dbt project holds, as plain values: what Headgate needs of dbt's manifest, and no more.

The manifest of a small project has half a megabyte, nearly all of it dbt's own macros; it is read at every start.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

BUILT = ("model", "seed", "snapshot")
_NODE_KEYS = (
    *("unique_id", "name", "alias", "resource_type", "package_name", "fqn", "database", "schema", "identifier"),
    *("relation_name", "description", "original_file_path", "tags", "access", "group", "version", "latest_version"),
    *("columns", "attached_node", "test_metadata", "column_name", "source_name", "freshness", "loaded_at_field"),
    *("constraints", "model", "patch_path", "loaded_at_query"),
)
_COLUMN_KEYS = ("name", "description", "data_type", "constraints", "tags")
_CONFIG_KEYS = ("materialized", "severity", "where", "contract", "enabled", "unique_key", "incremental_strategy")


def slim(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """dbt's manifest.json without what nobody reads."""
    nodes = {
        unique_id: _slim_node(node)
        for kind in ("nodes", "sources", "unit_tests")
        for unique_id, node in manifest.get(kind, {}).items()
        if kind != "nodes" or node["resource_type"] in (*BUILT, "test")
    }
    groups = {group["name"]: group.get("owner") or {} for group in manifest.get("groups", {}).values()}
    return {"nodes": nodes, "groups": groups, "project": manifest["metadata"].get("project_name")}


def _slim_node(node: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: node[key] for key in _NODE_KEYS if node.get(key) not in (None, [], {}, "")}
    config = node.get("config") or {}
    kept["config"] = {key: config[key] for key in _CONFIG_KEYS if config.get(key) is not None}
    kept["meta"] = {**(node.get("meta") or {}), **(config.get("meta") or {})}
    checksum = node.get("checksum")  # a unit test's is a plain text
    kept["checksum"] = checksum.get("checksum", "") if isinstance(checksum, dict) else checksum or ""
    kept["depends_on"] = (node.get("depends_on") or {}).get("nodes", [])
    kept["columns"] = [_slim_column(column) for column in (node.get("columns") or {}).values()]
    return kept


def _slim_column(column: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: column[key] for key in _COLUMN_KEYS if column.get(key)}
    kept["meta"] = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
    return kept


@dataclass(frozen=True, eq=False)
class Node:
    """A model, seed, snapshot, source, data test or unit test."""

    raw: Mapping[str, Any]

    @property
    def unique_id(self) -> str:
        return str(self.raw["unique_id"])

    @property
    def kind(self) -> str:
        """`model`, `seed`, `snapshot`, `source`, `test` or `unit_test`."""
        return str(self.raw["resource_type"])

    @property
    def name(self) -> str:
        """Unique among the models, seeds and snapshots of a project: a versioned model's has its version."""
        number = self.raw.get("version")
        return f"{self.raw['name']}_v{number}" if number is not None and self.kind == "model" else str(self.raw["name"])

    @property
    def path(self) -> str:
        """Its file, from the project's folder."""
        return str(self.raw["original_file_path"])

    @property
    def described_in(self) -> str:
        """The YAML file that describes it, else its own."""
        return str(self.raw.get("patch_path", self.path)).rpartition("://")[2]

    @property
    def description(self) -> str:
        return str(self.raw.get("description", "")).strip()

    @property
    def config(self) -> Mapping[str, Any]:
        return self.raw["config"]  # type: ignore[no-any-return]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What `meta: headgate:` says."""
        found = self.raw["meta"].get("headgate")
        return found if isinstance(found, dict) else {}

    @property
    def columns(self) -> list[dict[str, Any]]:
        return self.raw["columns"]  # type: ignore[no-any-return]

    @property
    def tags(self) -> list[str]:
        return list(self.raw.get("tags", []))

    @property
    def depends_on(self) -> list[str]:
        return list(self.raw["depends_on"])

    @property
    def selector(self) -> str:
        """What selects this node and no other on dbt's command line."""
        return "fqn:" + ".".join(map(str, self.raw["fqn"]))

    @property
    def schema(self) -> str:
        return str(self.raw.get("schema", "main"))

    @property
    def identifier(self) -> str:
        """The relation's name within its schema."""
        return str(self.raw.get("identifier") or self.raw.get("alias") or self.raw["name"])

    @property
    def database(self) -> str:
        return str(self.raw.get("database", ""))

    @property
    def materialization(self) -> str:
        return str(self.config.get("materialized", self.kind))

    @property
    def is_relation(self) -> bool:
        """Whether there is something in the lake to read: not for an ephemeral model."""
        return self.kind in BUILT and self.materialization != "ephemeral"

    @property
    def has_rows(self) -> bool:
        """Whether rows are stored, so that counting them is cheap."""
        return self.is_relation and self.materialization not in ("view", "external")

    @property
    def is_blocking(self) -> bool:
        return str(self.config.get("severity", "error")).lower() == "error"


@dataclass(frozen=True)
class Manifest:
    """All nodes of a project by dbt's unique id, and its groups' owners by name."""

    nodes: Mapping[str, Node]
    groups: Mapping[str, Mapping[str, Any]]
    project: str

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        raw = json.loads(path.read_text(encoding="utf-8"))
        nodes = {unique_id: Node(node) for unique_id, node in raw["nodes"].items()}
        return cls(nodes, raw["groups"], raw["project"] or "")

    def of_kind(self, *kinds: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind in kinds]

    @property
    def relations(self) -> list[Node]:
        """What becomes an asset: models, seeds, snapshots."""
        return [node for node in self.nodes.values() if node.is_relation]

    @property
    def tests(self) -> list[Node]:
        return self.of_kind("test", "unit_test")

    def parents(self, node: Node) -> list[Node]:
        """What a node reads; through ephemeral models, which are part of their reader."""
        found: dict[str, Node] = {}
        for unique_id in node.depends_on:
            parent = self.nodes.get(unique_id)
            if parent is None:
                continue
            if parent.kind == "model" and not parent.is_relation:
                found |= {above.unique_id: above for above in self.parents(parent)}
            else:
                found[parent.unique_id] = parent
        return list(found.values())

    def ancestors(self, nodes: Iterable[Node]) -> set[str]:
        """Unique ids of everything above the nodes."""
        seen: set[str] = set()
        waiting = [unique_id for node in nodes for unique_id in node.depends_on]
        while waiting:
            unique_id = waiting.pop()
            if unique_id not in seen and unique_id in self.nodes:
                seen.add(unique_id)
                waiting += self.nodes[unique_id].depends_on
        return seen

    @cached_property
    def attachments(self) -> dict[str, Node]:
        """Unique id of a test → what it is a check of.

        A generic test says so; one over several nodes belongs to the one furthest down.
        """
        found = {}
        for test in self.tests:
            candidates = [node for node in self._tested(test) if node.kind == "source" or node.is_relation]
            above = self.ancestors(candidates)
            lowest = [node for node in candidates if node.unique_id not in above]
            if lowest:
                found[test.unique_id] = lowest[0]
        return found

    def _tested(self, test: Node) -> list[Node]:
        attached = self.nodes.get(str(test.raw.get("attached_node")))
        if attached is not None and (attached.is_relation or attached.kind == "source"):
            return [attached]
        return self.parents(test)
