"""Launching Dagster runs from outside any web server or daemon, and following what they do.

The platform pins Dagster, and this module is the only one that uses its internal launching functions.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunRequest
from dagster._core.errors import DagsterLaunchFailedError, DagsterUserCodeUnreachableError
from dagster._core.events import DagsterEventType
from dagster._core.execution.submit_asset_runs import _create_asset_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from headgate.errors import HeadgateError
from headgate.orchestration.failures import FAILED_ASSETS
from headgate_control.build.graph import Asset, Key

_LOG = logging.getLogger("headgate.build")
_LOG.addHandler(logging.NullHandler())


class LaunchError(HeadgateError):
    """A run cannot be started."""


@dataclass(frozen=True)
class AssetEvent:
    """Something that happened to assets in a run."""

    kind: str
    """started, partition (one of an asset's was built), built, checked, warned (a check did), failed, ended (the step did) or
    run_failed"""
    key: Key | None = None
    step: str | None = None
    at: float = 0.0
    row_count: int | None = None
    seconds: float | None = None
    warnings: int = 0
    page: str | None = None
    """The file of a page for people that the asset wrote."""
    message: str = ""
    alert: str = ""
    """What a check that warned with an alert says."""
    failed_keys: frozenset[Key] = frozenset()
    """Of a failed step that makes several assets: those that failed, where it says so."""


@dataclass
class FollowedRun:
    """A launched run and how far its events were read."""

    run_id: str
    location: str
    keys: frozenset[Key]
    cursor: str | None = None
    is_finished: bool = False
    launched_at: float = field(default_factory=time.time)


class Orchestrator:
    """The instance and the code locations of a workspace, seen from the command line."""

    def __init__(self, workspace_file: Path) -> None:
        self.instance = DagsterInstance.get()
        self._context = WorkspaceProcessContext(self.instance, WorkspaceFileTarget(paths=[str(workspace_file)]))

    def close(self) -> None:
        self._context.__exit__(None, None, None)
        self.instance.dispose()

    def list_assets(self) -> dict[Key, Asset]:
        """Every asset that some location can materialise. Locations that do not load are not in it."""
        graph = self._context.create_request_context().asset_graph
        assets: dict[Key, Asset] = {}
        for node in graph.asset_nodes:
            if not node.is_materializable:
                continue
            handle = graph.get_repository_handle(node.key)
            snap = node.resolve_to_singular_repo_scoped_node().asset_node_snap
            assets[tuple(node.key.path)] = Asset(
                key=tuple(node.key.path),
                location=handle.location_name,
                group=node.group_name or "default",
                step=snap.node_definition_name or "__".join(node.key.path),
                parents=frozenset(tuple(parent.path) for parent in node.parent_keys),
                check_names=tuple(sorted(check.name for check in node.check_keys)),
            )
        return assets

    def launch(self, assets: Sequence[Asset], tags: Mapping[str, str]) -> FollowedRun:
        """One run for assets of one location.

        Raises:
            LaunchError: its code server does not answer.
        """
        keys = [AssetKey(list(asset.key)) for asset in assets]
        workspace = self._context.create_request_context()
        location = assets[0].location
        request = RunRequest(asset_selection=keys, tags=dict(tags))
        try:
            run = asyncio.run(
                _create_asset_run(None, request, 0, self.instance, {}, self._context, workspace, {}, _LOG)
            )
            try:
                self.instance.launch_run(run.run_id, workspace)
            except Exception:
                self.abandon(run.run_id, "it could not be launched")
                raise
        except (DagsterLaunchFailedError, DagsterUserCodeUnreachableError) as error:
            raise LaunchError(
                f"the code server of team {location} does not answer: {' '.join(str(error).split())[:300]}",
                where=f"code location {location}",
                next_step="build again; `headgate doctor` looks for what keeps it from answering",
            ) from error
        return FollowedRun(run.run_id, location, frozenset(asset.key for asset in assets))

    def abandon(self, run_id: str, reason: str) -> None:
        """Marks a run as failed that nobody works on any more; one that has ended stays what it is."""
        run = self.instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self.instance.report_run_failed(run, reason)

    def read_events(self, followed: FollowedRun) -> Iterator[AssetEvent]:
        """What happened since the last call."""
        connection = self.instance.get_records_for_run(followed.run_id, cursor=followed.cursor, limit=1000)
        followed.cursor = connection.cursor
        for record in connection.records:
            entry = record.event_log_entry
            if entry.dagster_event is not None:
                yield from _translate(entry.dagster_event, entry.timestamp)
        if not connection.has_more and not followed.is_finished:
            followed.is_finished = self._has_ended(followed)

    def _has_ended(self, followed: FollowedRun) -> bool:
        run = self.instance.get_run_by_id(followed.run_id)
        return run is None or run.status in (
            DagsterRunStatus.SUCCESS,
            DagsterRunStatus.FAILURE,
            DagsterRunStatus.CANCELED,
        )

    def cancel(self, followed: FollowedRun, *, grace: float = 10.0) -> None:
        """Stops a run and waits until it is stopped."""
        run = self.instance.get_run_by_id(followed.run_id)
        if run is None or run.is_finished:
            return
        self.instance.run_launcher.terminate(followed.run_id)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline and not self._has_ended(followed):
            time.sleep(0.2)
        if not self._has_ended(followed):
            self.instance.report_run_canceled(run, "Stopped from the command line; the worker did not answer in time.")


def _translate(event: Any, at: float) -> Iterator[AssetEvent]:
    kind = event.event_type
    if kind == DagsterEventType.STEP_START:
        yield AssetEvent("started", step=event.step_key, at=at)
    elif kind == DagsterEventType.ASSET_MATERIALIZATION:
        metadata = event.materialization.metadata
        yield AssetEvent(
            "partition" if event.materialization.partition else "built",
            key=tuple(event.asset_key.path),
            step=event.step_key,
            at=at,
            row_count=_value(metadata, "dagster/row_count"),
            seconds=_value(metadata, "seconds"),
            warnings=int(_value(metadata, "warning_rows") or 0),
            page=_value(metadata, "page_file"),
        )
    elif kind == DagsterEventType.ASSET_CHECK_EVALUATION:
        evaluation = event.asset_check_evaluation_data
        # One that failed and blocks is told of by the step's failure.
        if evaluation.passed or evaluation.severity.value == "WARN":
            yield AssetEvent(
                "checked" if evaluation.passed else "warned",
                key=tuple(evaluation.asset_key.path),
                step=event.step_key,
                at=at,
                message=evaluation.check_name,
                alert=_alert(evaluation),
            )
    elif kind == DagsterEventType.STEP_FAILURE:
        message, keys = _failure_message(event), _failed_keys(event)
        yield AssetEvent("failed", step=event.step_key, at=at, message=message, failed_keys=keys)
    elif kind == DagsterEventType.STEP_SUCCESS:
        yield AssetEvent("ended", step=event.step_key, at=at)
    elif kind in (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED):
        yield AssetEvent("run_failed", at=at, message=event.message or "the run ended without saying why")


def _alert(evaluation: Any) -> str:
    """What a check that warned says, where it is an alert."""
    if evaluation.passed or not _value(evaluation.metadata, "alert"):
        return ""
    judgement = str(_value(evaluation.metadata, "judgement") or "").removeprefix("alert: ")
    return judgement or evaluation.description or ""


def _failure_message(event: Any) -> str:
    """Headgate's three lines when the failure has them; else the innermost cause."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else (event.message or "no reason was given")


def _failed_keys(event: Any) -> frozenset[Key]:
    said = event.step_failure_data.user_failure_data
    names = _value(said.metadata, FAILED_ASSETS) if said is not None and said.metadata else None
    return frozenset(tuple(name.split("/")) for name in names or ())


def _value(metadata: Mapping[str, Any], name: str) -> Any:
    value = metadata.get(name)
    return None if value is None else value.value
