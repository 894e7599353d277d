"""The build itself: launch what can run, follow it, skip what hangs on failures, until nothing is left."""

import time
from collections.abc import Callable, Iterable, Mapping

from headgate.errors import HeadgateError
from headgate_control.build.display import BuildDisplay
from headgate_control.build.graph import Asset, Key, Progress
from headgate_control.build.runs import AssetEvent, FollowedRun, LaunchError, Orchestrator

_POLL_S = 0.25


class BuildLoop:
    """One build over all locations; runs of different locations go side by side."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        assets: Mapping[Key, Asset],
        selected: set[Key],
        display: BuildDisplay,
        tags: Mapping[str, Mapping[str, str]],
        *,
        find_ended: Callable[[], Mapping[str, HeadgateError]] = dict,
    ) -> None:
        """
        Args:
            orchestrator: launches and follows runs.
            assets: everything that exists.
            selected: what to build of it.
            display: is told what happens.
            tags: team → of its runs.
            find_ended: teams whose code servers ended since it was called last, and why.
        """
        self._find_ended = find_ended
        self._orchestrator = orchestrator
        self._display = display
        self._tags = tags
        self._steps: dict[tuple[str, str], set[Key]] = {}
        for key in selected:
            self._steps.setdefault((assets[key].location, assets[key].step), set()).add(key)
        self._runs: list[FollowedRun] = []
        self._partitions: set[Key] = set()
        self._untested: dict[Key, tuple[AssetEvent, set[str]]] = {}
        """Built, with the checks that are still to come: one that fails can make the asset a failed one."""
        self.progress = Progress(assets, pending=set(selected))

    def fail_teams(self, teams: Iterable[str]) -> None:
        """Teams that do not load make nothing: what reads their tables is skipped."""
        owners = set(teams)
        parents = {parent for asset in self.progress.assets.values() for parent in asset.parents}
        self.progress.failed |= {parent for parent in parents if parent[0] in owners}
        self._display.skip(self.progress.skip_dependents())

    def run(self) -> Progress:
        """Builds everything selected.

        However it ends (also by Ctrl-C), the runs under way are stopped first: nothing of theirs is published after.
        """
        try:
            while self.progress.pending or self._runs:
                for team, error in self._find_ended().items():
                    self._give_up(team, error)
                self._launch_next()
                for run in list(self._runs):
                    self._follow(run)
                if self._runs:
                    time.sleep(_POLL_S)
        except BaseException:
            for run in self._runs:
                self._orchestrator.cancel(run)
            raise
        return self.progress

    def _launch_next(self) -> None:
        busy = {run.location for run in self._runs}
        for location in sorted({self.progress.assets[key].location for key in self.progress.pending} - busy):
            batch = self.progress.next_batch(location)
            if batch:
                self.progress.start(batch)
                assets = [self.progress.assets[key] for key in sorted(batch)]
                try:
                    self._runs.append(self._orchestrator.launch(assets, self._tags[location]))
                except LaunchError as error:
                    self._fail_rest(batch, str(error))

    def _give_up(self, team: str, error: HeadgateError) -> None:
        """Nobody runs a team's assets any more: what was not built has failed, what hangs on it is skipped."""
        for run in [run for run in self._runs if run.location == team]:
            for event in self._orchestrator.read_events(run):
                self._apply(run, event)
            self._orchestrator.abandon(run.run_id, error.what)
            self._runs.remove(run)
        unbuilt = self.progress.pending | self.progress.running
        lost = {key for key in unbuilt if self.progress.assets[key].location == team}
        self.progress.start(lost)
        self._fail_rest(lost, str(error))

    def _follow(self, run: FollowedRun) -> None:
        for event in self._orchestrator.read_events(run):
            self._apply(run, event)
        if run.is_finished:
            self._runs.remove(run)
            self._close(run)

    def _apply(self, run: FollowedRun, event: AssetEvent) -> None:
        if event.kind == "run_failed":
            self._release(run.keys)
            self._fail_rest(run.keys, event.message)
            return
        step = self._steps.get((run.location, event.step or ""), set()) & run.keys
        if event.kind == "failed":
            # A step that makes several assets may have built some of them.
            failed = event.failed_keys & step or (step if len(step) == 1 else set())
            self._release(step - failed)
            for key in sorted(failed):
                self._fail(key, event.message)
            self._fail_rest(step, event.message)
            return
        for key in sorted({event.key} & run.keys if event.key else step):
            if event.kind == "started":
                self._display.start(key, event.at)
            elif event.kind == "warned":
                self._display.warn(key, event.message, alert=event.alert)
                self._pass_check(key, event.message)
            elif event.kind == "checked":
                self._pass_check(key, event.message)
            elif event.kind == "built":
                self._untested[key] = event, set(self.progress.assets[key].check_names)
                self._pass_check(key)
            elif event.kind == "partition":
                self._partitions.add(key)
            elif event.kind == "ended":
                self._release({key})
                if key in self._partitions & self.progress.running:
                    self._finish(key, event)  # it told of its partitions only

    def _pass_check(self, key: Key, check: str = "") -> None:
        if key in self._untested:
            self._untested[key][1].discard(check)
            if not self._untested[key][1]:
                self._release({key})

    def _release(self, keys: set[Key] | frozenset[Key]) -> None:
        """What waited for checks is built: all have passed, or the others are not this step's."""
        for key in sorted(keys & self._untested.keys()):
            self._finish(key, self._untested.pop(key)[0])

    def _finish(self, key: Key, event: AssetEvent) -> None:
        self.progress.finish(key, ok=True)
        self._display.build(
            key,
            at=event.at,
            row_count=event.row_count,
            seconds=event.seconds,
            warning_rows=event.warnings,
            page=event.page,
        )

    def _fail_rest(self, keys: Iterable[Key], message: str) -> None:
        rest = set(keys) & self.progress.running
        # First what hangs on nothing of the rest: the others are then skipped, not failed.
        for key in sorted(rest, key=lambda key: (bool(self.progress.assets[key].parents & rest), key)):
            if key in self.progress.running and not self._hangs_on_failure(key):
                self._fail(key, message)

    def _close(self, run: FollowedRun) -> None:
        """What a finished run never reported on has failed: its worker died."""
        self._release(run.keys)
        for key in sorted(run.keys & self.progress.running):
            self._fail(
                key,
                f"run {run.run_id} ended without building it\n  where: code location {run.location}\n"
                "  next:  read the run's log in the UI (`headgate up`), then build again",
            )

    def _fail(self, key: Key, message: str) -> None:
        if key in self.progress.failed:
            return
        self._untested.pop(key, None)
        self.progress.built.discard(key)
        self.progress.finish(key, ok=False)
        self._display.fail(key, message)
        self._display.skip(self.progress.skip_dependents())

    def _hangs_on_failure(self, key: Key) -> bool:
        return bool(self.progress.assets[key].parents & (self.progress.failed | self.progress.skipped))
