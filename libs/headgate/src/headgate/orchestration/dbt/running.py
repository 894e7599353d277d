"""One run of a dbt project within Dagster: what dbt is asked for, and what becomes of each of its events.

What belongs here: the order of things in a run. What does not: the process (`process`), what events mean in Dagster's
words (`reporting`), publishing (`publishing`).
"""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from headgate.errors import HeadgateError
from headgate.lake.publication import AuditError
from headgate.orchestration.assets import is_full_refresh, run_date
from headgate.orchestration.checks import check_results, level_results
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.invocation import invoke
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.process import Event
from headgate.orchestration.dbt.project import DbtProject
from headgate.orchestration.dbt.publishing import publish_model
from headgate.orchestration.dbt.reporting import Reporter, describe_failure
from headgate.orchestration.dbt.settings import Partitions
from headgate.orchestration.dbt.sources import find_missing, read_sources
from headgate.orchestration.dbt.translation import Translation
from headgate.orchestration.failures import FAILED_ASSETS
from headgate.orchestration.partitions import has_partitions
from headgate.orchestration.resources import LakeResource

AS_OF_VARIABLE = "headgate_as_of"
"""The dbt variable that holds the date the run computes as of, YYYY-MM-DD."""


class DbtRun:
    """One `dbt build` of what a Dagster run selects.

    Args:
        context: the run's.
        translation: the project in Dagster's words.
        project: the project.
        nodes: what this definition holds; the run selects some or all of it.
        partitions: how these are partitioned.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        translation: Translation,
        project: DbtProject,
        nodes: list[Node],
        partitions: Partitions | None,
    ) -> None:
        self.context = context
        self.translation = translation
        self.project = project
        self.manifest = project.manifest
        self.partitions = partitions
        self.lake: LakeResource = context.resources.lake
        keys = context.selected_asset_keys
        self.nodes = {node.unique_id: node for node in nodes if translation.key(node) in keys}
        self.tests = self._select_tests()
        self.failures: list[tuple[Node, str, str]] = []
        """What failed, how, and what to do about it."""
        self.built: dict[str, Event] = {}
        """Unique id → dbt's own event."""
        self.waiting: dict[str, set[str]] = {}
        """Published model → its tests that are still to come."""
        self.held: dict[str, list[dg.AssetCheckResult]] = {}
        """Published model → results of its tests, which follow its publication."""

    def run(self) -> Iterator[Any]:
        """Builds, tests, publishes; yields what happens as it happens.

        Raises:
            dg.Failure: something failed; what did not is built and published all the same.
        """
        blocked = self._block_missing_sources()
        nodes = {key: node for key, node in self.nodes.items() if key not in blocked}
        tests = {key: test for key, test in self.tests.items() if not self._is_above(blocked, test)}
        self.waiting = {key: set() for key, node in nodes.items() if node.name in self.translation.contracts}
        for test_id in tests:
            subject = self.manifest.attachments[test_id].unique_id
            if subject in self.waiting:
                self.waiting[subject].add(test_id)
        if nodes or tests:
            self.reporter = Reporter(
                self.context.instance, self.translation, self.project, self.lake, [*nodes.values(), *tests.values()]
            )
            yield from self._build(nodes, tests)
        if self.failures:
            raise self._failure()

    # --- what is asked for --------------------------------------------------------------------------------------------

    def _select_tests(self) -> dict[str, Node]:
        """The selected checks; and tests of the sources that are read, which block their readers as in dbt itself."""
        checks = self.context.selected_asset_check_keys
        sources = {parent.unique_id for node in self.nodes.values() for parent in self.manifest.parents(node)}
        found = {}
        for test in self.manifest.tests:
            subject = self.manifest.attachments.get(test.unique_id)
            if subject is None:
                continue
            if subject.kind == "source":
                if subject.unique_id in sources:
                    found[test.unique_id] = test
            elif self.translation.check_spec(test).key in checks:
                found[test.unique_id] = test
        return found

    def _block_missing_sources(self) -> set[str]:
        """Leaves out what reads a source that is not there, and whatever reads that."""
        missing = find_missing(self.translation, read_sources(self.translation, self.nodes.values()), self.lake)
        blocked: set[str] = set()
        for unique_id, problem in missing.items():
            self.failures.append((self.manifest.nodes[unique_id], problem.what, problem.next_step))
        blocked |= missing.keys()
        grown = True
        while grown and blocked:
            more = {key for key, node in self.nodes.items() if key not in blocked and self._is_above(blocked, node)}
            grown = bool(more)
            blocked |= more
        return blocked

    def _is_above(self, blocked: set[str], node: Node) -> bool:
        return any(parent.unique_id in blocked for parent in self.manifest.parents(node))

    def _arguments(self, nodes: dict[str, Node], tests: dict[str, Node]) -> list[str]:
        args = ["build", "--no-write-json"]
        everything = {node.unique_id for node in self.manifest.relations} | set(self.manifest.attachments)
        if everything != nodes.keys() | tests.keys():
            selectors = [node.selector for node in (*nodes.values(), *tests.values())]
            args += ["--select", *selectors, "--indirect-selection", "empty"]
        if is_full_refresh(self.context):
            args.append("--full-refresh")
        variables = {AS_OF_VARIABLE: run_date(self.context).isoformat()}
        if self.partitions is not None and has_partitions(self.context):
            begin, end = self._window(self.partitions)
            variables |= dict(zip(self.partitions.variables, (begin, end), strict=True))
            args += ["--event-time-start", begin, "--event-time-end", end]
        return [*args, "--vars", json.dumps(variables)]

    def _window(self, partitions: Partitions) -> tuple[str, str]:
        """Where the run's partitions, one or a range of them, begin and end, as text."""
        window = self.context.partition_time_window
        length = 10 if partitions.every != "hour" else 19
        return window.start.isoformat()[:length], window.end.isoformat()[:length]

    # --- while dbt works ----------------------------------------------------------------------------------------------

    def _build(self, nodes: dict[str, Node], tests: dict[str, Node]) -> Iterator[Any]:
        arguments = self._arguments(nodes, tests)
        with invoke(self.translation, self.project, [arguments], [*nodes.values(), *tests.values()]) as (events, _):
            for event in events:
                yield from self._take(event)
        yield from self._finish_publications()

    def _take(self, event: Event) -> Iterator[Any]:
        if event["kind"] == "node":
            node = self.manifest.nodes.get(event["unique_id"])
            if node is None:
                return
            if node.unique_id in self.nodes:
                yield from self._take_relation(node, event)
            elif node.unique_id in self.tests:
                yield from self._take_test(node, event)
        elif event["kind"] == "end" and not event["success"] and not self.failures:
            _ = self.reporter.session  # of a lake that is out of reach, ours tells in three lines
            raise DbtError(
                f"dbt failed: {event['problem'] or 'it says no more than what it printed'}",
                where=str(self.project.folder),
                next_step="read what dbt printed in the run's output",
            )

    def _take_relation(self, node: Node, event: Event) -> Iterator[Any]:
        if event["status"] == "success":
            self.built[node.unique_id] = event
            if node.unique_id not in self.waiting:
                yield self.reporter.materialize(node, event)
            elif not self.waiting[node.unique_id]:
                yield from self._publish(node)
        elif event["status"] != "skipped":
            what, next_step = describe_failure(node, event, [])
            self.failures.append((node, what, next_step))

    def _take_test(self, test: Node, event: Event) -> Iterator[Any]:
        subject = self.manifest.attachments[test.unique_id]
        if event["status"] == "skipped":
            return
        rows = self.reporter.read_failing_rows(test, event)
        result = self.reporter.check(test, event, rows)
        if not result.passed and test.is_blocking and event["status"] != "warn":
            what, next_step = describe_failure(test, event, rows, subject)
            self.failures.append((test, what, next_step))
        if subject.kind == "source":
            self.reporter.report_aside(result)
        elif subject.unique_id in self.waiting:
            self.held.setdefault(subject.unique_id, []).append(result)
            self.waiting[subject.unique_id].discard(test.unique_id)
            if not self.waiting[subject.unique_id] and subject.unique_id in self.built:
                yield from self._publish(subject)
        else:
            yield result

    def _publish(self, node: Node) -> Iterator[Any]:
        """Publishes a model that passed its tests; one that did not keeps its old version."""
        key = self.translation.key(node)
        self.waiting.pop(node.unique_id)
        held = self.held.pop(node.unique_id, [])
        if not any(result.severity == dg.AssetCheckSeverity.ERROR and not result.passed for result in held):
            try:
                event = self.built[node.unique_id]
                yield publish_model(self.context, self.lake, node, self.translation, self.reporter, event)
            except AuditError as error:
                contract = self.translation.contracts[node.name]
                yield from check_results(contract, error.results, key)
                yield from level_results(self.reporter.session, contract, key)
                self.failures.append((node, error.what, error.next_step))
            except HeadgateError as error:
                self.failures.append((node, error.what, error.next_step))
        yield from held

    def _finish_publications(self) -> Iterator[Any]:
        """What still waits for a test that dbt never came to is not published."""
        for unique_id in list(self.waiting):
            yield from self.held.pop(unique_id, [])

    def _failure(self) -> dg.Failure:
        node, what, next_step = self.failures[0]
        others = f" (and {len(self.failures) - 1} more: {', '.join(n.name for n, *_ in self.failures[1:4])})"
        error = DbtError(
            what + (others if len(self.failures) > 1 else ""),
            where=f"{self.project.folder.name}/{node.described_in if node.kind == 'source' else node.path}",
            next_step=next_step,
        )
        subjects = [self.manifest.attachments.get(node.unique_id, node) for node, *_ in self.failures]
        failed = {"/".join(self.translation.key(subject).path) for subject in subjects}
        return dg.Failure(
            description=str(error), metadata={FAILED_ASSETS: dg.JsonMetadataValue(sorted(failed))}, allow_retries=False
        )
