"""Changes of a world, each in the ledger before it is in the store.

If a command is killed in between, the next one cuts the ledger back to what the store knows, and does it again.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acme.errors import AcmeError
from acme.strava.ledger import ADDED, DELETED, EDITED, append_lines, ledger_folder
from acme.strava.store import Row, Store
from acme.strava.world import StravaSpec, read_spec


def load_spec(folder: Path) -> StravaSpec:
    known = find_world(folder)
    if known is None:
        raise AcmeError(
            "There is no cycling club yet", where=str(folder), next_step="run `acme strava seed` with the same --folder"
        )
    return read_spec(known)


def find_world(folder: Path) -> dict[str, Any] | None:
    """The parameters of a complete world."""
    try:
        known: dict[str, Any] = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return known


@contextmanager
def recorded(store: Store, folder: Path) -> Iterator["Recorder"]:
    """A change of activities: in ledger and store, or in neither."""
    with store.change():
        path = ledger_folder(folder) / "changes.jsonl"
        known = int(store.setting("ledger_bytes") or 0)
        if path.exists() and path.stat().st_size > known:
            os.truncate(path, known)
        recorder = Recorder(store)
        yield recorder
        store.set("ledger_bytes", append_lines(path, recorder.lines, durable=True))
        store.set("ledger_number", recorder.number)


class Recorder:
    """Writes activities and notes each change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.number: int = store.setting("ledger_number") or 0
        self.lines: list[Row] = []

    def add(self, rows: Iterable[Row], reason: str, *, kind: str = ADDED) -> list[int]:
        """Add activities; returns their ids."""
        found = list(rows)
        self._store.add_activities(found)
        for row in found:
            self._note(kind, reason, row)
        return [row["id"] for row in found]

    def edit(self, row: Row, reason: str, *, kind: str = EDITED) -> Row:
        """Replace an activity, or put it back; returns what it was (`{}` when it was not there)."""
        before = self._store.activity(row["id"]) or {}
        self._store.replace_activity(row)
        self._note(kind, reason, row, before)
        return before

    def delete(self, activity_id: int, reason: str) -> Row:
        """Delete an activity; returns what it was."""
        before = self._store.activity(activity_id)
        if before is None:
            return {}
        self._store.delete_activity(activity_id)
        self._note(DELETED, reason, before)
        return before

    def _note(self, kind: str, reason: str, row: Row, before: Row | None = None) -> None:
        self.number += 1
        line = {"number": self.number, "kind": kind, "reason": reason, "activity": row}
        self.lines.append(line | ({"before": before} if before else {}))
