"""What can be built next: batches of assets that one code location can do in one run. Pure; knows nothing of Dagster."""

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from headgate.errors import HeadgateError

Key = tuple[str, ...]

_SUGGESTED = 12


class SelectionError(HeadgateError):
    """A selection names a team or asset that does not exist."""


@dataclass(frozen=True)
class Asset:
    """An asset that can be materialised."""

    key: Key
    location: str
    group: str
    step: str
    """Name of the step that makes it."""
    parents: frozenset[Key]
    check_names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.key)


@dataclass
class Progress:
    """What is still to be built, what runs, and what came of the rest."""

    assets: Mapping[Key, Asset]
    pending: set[Key]
    running: set[Key] = field(default_factory=set)
    built: set[Key] = field(default_factory=set)
    failed: set[Key] = field(default_factory=set)
    skipped: set[Key] = field(default_factory=set)

    def next_batch(self, location: str) -> set[Key]:
        """Everything pending in a location whose pending ancestors are in the batch too; empty while it must wait."""
        batch = {key for key in self.pending if self.assets[key].location == location}
        waiting = (self.pending | self.running) - batch
        while blocked := {key for key in batch if self.assets[key].parents & waiting}:
            batch -= blocked
            waiting |= blocked
        return batch

    def start(self, keys: Iterable[Key]) -> None:
        self.running |= set(keys)
        self.pending -= self.running

    def finish(self, key: Key, *, ok: bool) -> None:
        self.running.discard(key)
        (self.built if ok else self.failed).add(key)

    def skip_dependents(self) -> set[Key]:
        """Moves everything that hangs on a failed or skipped asset out of pending; returns what was moved."""
        moved: set[Key] = set()
        while more := {
            key for key in self.pending | self.running if self.assets[key].parents & (self.failed | self.skipped)
        }:
            self.pending -= more
            self.running -= more
            self.skipped |= more
            moved |= more
        return moved


def select_assets(assets: Mapping[Key, Asset], *, teams: Iterable[str], patterns: Iterable[str]) -> set[Key]:
    """The keys a user asked for.

    Args:
        assets: everything that exists.
        teams: names of teams; none means all.
        patterns: asset names (`analytics.order_data`, `order_data`, `ml.*`); a leading `+` adds all ancestors, a trailing
            `+` all descendants. None means all.

    Raises:
        SelectionError: a team or pattern that matches nothing.
    """
    teams, patterns = list(teams), list(patterns)
    locations = {asset.location for asset in assets.values()}
    for team in teams:
        if team not in locations:
            raise SelectionError(
                f"there is no team {team!r}",
                where="--team",
                next_step=f"choose one of {', '.join(sorted(locations)) or 'none that loads'}",
            )
    chosen = {key for key, asset in assets.items() if not teams or asset.location in teams}
    if not patterns:
        return chosen
    selected: set[Key] = set()
    for pattern in patterns:
        selected |= _match(assets, chosen, pattern)
    return selected


def _match(assets: Mapping[Key, Asset], chosen: set[Key], pattern: str) -> set[Key]:
    name = pattern.strip("+").replace("/", ".")
    found = {key for key in chosen if fnmatch.fnmatchcase(".".join(key), name) or fnmatch.fnmatchcase(key[-1], name)}
    if not found:
        suggested = f"choose among {_suggest(name, chosen)}" if chosen else "mend the teams first: none loads"
        raise SelectionError(f"no asset is named {name!r}", where="--select", next_step=suggested)
    if pattern.startswith("+"):
        found |= _closure(found, lambda key: assets[key].parents & assets.keys())
    if pattern.endswith("+"):
        children: dict[Key, set[Key]] = {}
        for key, asset in assets.items():
            for parent in asset.parents:
                children.setdefault(parent, set()).add(key)
        found |= _closure(found, lambda key: children.get(key, set()))
    return found


def _suggest(name: str, keys: Iterable[Key]) -> str:
    """The assets that are named alike, or the first ones when none is."""
    names = sorted(".".join(key) for key in keys)
    alike = [one for one in names if difflib.get_close_matches(name, [one, one.rpartition(".")[2]])]
    return ", ".join(alike) or ", ".join(names[:_SUGGESTED]) + (", …" if len(names) > _SUGGESTED else "")


def _closure(start: set[Key], neighbours: Callable[[Key], Iterable[Key]]) -> set[Key]:
    reached, frontier = set(start), set(start)
    while frontier:
        frontier = {other for key in frontier for other in neighbours(key)} - reached
        reached |= frontier
    return reached
