"""What dbt reports, in Dagster's words: materialisations, check results, failures with rows.

What belongs here: metadata and messages. What does not: the order of a run (`running`), publishing (`publishing`).
"""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import dagster as dg
import duckdb

from headgate.lake.session import LakeSession, quote
from headgate.orchestration.dbt.lineage import column_lineage
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.process import Event
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.settings import column_settings
from headgate.orchestration.dbt.sources import is_elsewhere, zones_of
from headgate.orchestration.dbt.translation import Translation, column_schema
from headgate.orchestration.resources import LakeResource

_EXAMPLES = 3
_LONGEST_REASON = 400

Row = dict[str, Any]


class Reporter:
    """Makes Dagster's events of dbt's; asks the lake only for what dbt does not tell.

    Args:
        instance: where results go that are about no asset of the step.
        translation: the project in Dagster's words.
        project: the project.
        lake: the run's; a session is opened when something has to be asked.
        nodes: what is built or tested.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        translation: Translation,
        project: DbtProject,
        lake: LakeResource,
        nodes: Iterable[Node],
    ) -> None:
        self.instance = instance
        self.translation = translation
        self.project = project
        self.lake = lake
        self.nodes = list(nodes)

    @cached_property
    def session(self) -> LakeSession:
        """The run's session, with all that dbt reads and writes attached."""
        for zone in zones_of(self.translation, self.nodes):
            self.lake.session.attach(zone)
        return self.lake.session

    def materialize(self, node: Node, event: Event) -> dg.MaterializeResult[Any]:
        """A table or view that stays in the private zone."""
        metadata: dict[str, Any] = {"seconds": event["seconds"], **self.lineage(node, event)}
        if event.get("columns"):
            metadata["dagster/column_schema"] = column_schema(node, event["columns"])
        if event.get("rows") is not None:
            metadata["dagster/row_count"] = event["rows"]
        return dg.MaterializeResult(asset_key=self.translation.key(node), metadata=metadata)

    def lineage(self, node: Node, event: Event) -> dict[str, Any]:
        """Which columns each column comes from, where it is known."""
        try:
            lineage = column_lineage(self.project, self.translation, node, event.get("sql"), self._read_types)
        except duckdb.Error:  # it is there to help; what was built is built without it
            return {}
        return {"dagster/column_lineage": lineage} if lineage else {}

    def check(self, test: Node, event: Event, rows: Sequence[Row]) -> dg.AssetCheckResult:
        """The result of a data test or unit test."""
        spec = self.translation.check_spec(test)
        metadata: dict[str, Any] = {"failed_rows": event["failures"] or 0, "seconds": event["seconds"]}
        if rows:
            names = list(rows[0])
            metadata["examples"] = dg.MetadataValue.table(
                records=[dg.TableRecord({name: str(row[name]) for name in names}) for row in rows],
                schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in names]),
            )
        is_warning = event["status"] == "warn" or not test.is_blocking
        return dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=event["status"] == "pass",
            severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
            metadata=metadata,
            description=event["message"] or spec.description,
        )

    def report_aside(self, result: dg.AssetCheckResult) -> None:
        """A result about a source, which is no asset of this step."""
        assert result.asset_key is not None and result.check_name is not None
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=result.asset_key,
                check_name=result.check_name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
            )
        )

    def read_failing_rows(self, test: Node, event: Event) -> list[Row]:
        """Some of the rows that a data test found; personal columns are masked."""
        sql = event.get("sql")
        if not sql or event["status"] == "pass":
            return []
        try:
            found = self.session.connection.execute(f"select * from (\n{sql}\n) as _failing limit {_EXAMPLES}")
            names = [column[0] for column in found.description or ()]
            rows = found.fetchall()
        except duckdb.Error:  # the rows are there to help; the failure is reported without them
            return []
        personal = self._personal_columns()
        return [
            {name: "***" if name.lower() in personal else value for name, value in zip(names, row, strict=True)}
            for row in rows
        ]

    def _personal_columns(self) -> set[str]:
        return {
            str(column["name"]).lower()
            for node in self.project.manifest.nodes.values()
            for column in node.columns
            if column_settings(column).get("classification")
        }

    def _read_types(self, node: Node) -> dict[str, str]:
        """Columns of what a model reads; none of a file, which the lake does not hold."""
        if node.kind == "source" and is_elsewhere(node):
            return {}
        described = self.session.connection.execute(f"describe {self._relation(node)}").fetchall()
        return {str(name): str(kind) for name, kind, *_ in described}

    def _relation(self, node: Node) -> str:
        return f"{quote(node.database)}.{quote(node.schema)}.{quote(node.identifier)}"


def describe_failure(node: Node, event: Event, rows: Sequence[Row], subject: Node | None = None) -> tuple[str, str]:
    """What happened, and what to do next.

    Args:
        node: a model, seed, snapshot or test that did not succeed.
        event: dbt's.
        rows: rows that a data test found.
        subject: what the test is about.
    """
    if subject is None or event["status"] not in ("fail", "warn"):
        on = f" on {subject.kind} {subject.name}" if subject is not None else ""
        kind = "test" if subject is not None else node.kind
        what = f"dbt {kind} {node.name}{on} failed: {_reason(event['message'])}"
        return what, f"mend it, then `headgate build --select {(subject or node).name}`"
    on = f"on {subject.kind} {subject.name}"
    if node.kind == "unit_test":
        what = f"dbt unit test {node.name} {on} failed: {_reason(event['message'])}"
        return what, "mend the model or what the test expects"
    count = event["failures"] or 0
    examples = ", ".join(json.dumps(row, default=str) for row in rows)
    found = f"{count} row{'s' if count != 1 else ''}"
    what = f"dbt test {node.name} {on} failed: {found}" + (f", e.g. {examples}" if examples else "")
    return what, f"mend the model, its source or the test, then `headgate build --select {subject.name}`"


def _reason(message: str | None) -> str:
    """dbt's message on one line, without the head that repeats the name, and without the path of a file that is gone."""
    lines = [line.strip() for line in (message or "").strip().splitlines()]
    if len(lines) > 1 and "Error in " in lines[0]:
        lines = lines[1:]
    lines = [line for line in lines if line and not line.startswith("compiled code at")]
    return " ".join(lines)[:_LONGEST_REASON] or "it gives no reason"
