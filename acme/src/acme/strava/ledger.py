"""The club's ledger: what exists, and what was served, written apart from what the server reads.

A checker opens it with `StravaLedger(folder)` and compares with what a pipeline delivered. Layout of the folder:

    seed.parquet      every activity of the seeding, and `physics_kj`, the energy before noise
    changes.jsonl     what was added, edited, deleted or taken back since, a line each, with the whole row
    requests.jsonl    what the server was asked and answered, a line a request

Rows have the columns of `acme.strava.world.COLUMNS`: epoch seconds, metres, metres a second, kilojoules.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acme.errors import AcmeError

Row = dict[str, Any]

ADDED, EDITED, DELETED, DOUBTFUL, UNDONE = "added", "edited", "deleted", "doubtful", "undone"


class StravaLedger:
    """The ledger in a world's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = ledger_folder(folder)
        if not (self.folder / "seed.parquet").exists():
            raise AcmeError(
                "There is no cycling club yet",
                where=str(folder),
                next_step="run `acme strava seed` with the same --folder",
            )

    def seeded(self) -> pa.Table:
        """The activities of the seeding as they were then, with `physics_kj`."""
        return pq.read_table(self.folder / "seed.parquet")

    def activities(self, *, athlete_id: int | None = None, doubtful: bool = True) -> dict[int, Row]:
        """Every activity that exists now, by id, with its present values.

        Args:
            athlete_id: this athlete's only.
            doubtful: whether those of active faults are among them.
        """
        table = self.seeded().drop_columns(["physics_kj"])
        rows: dict[int, Row] = {row["id"]: row for row in table.to_pylist()}
        doubts = set()
        for change in self.changes():
            row = change["activity"]
            if change["kind"] == DELETED:
                rows.pop(row["id"], None)
            else:
                rows[row["id"]] = row
            if change["kind"] == DOUBTFUL:
                doubts.add(row["id"])
        return {
            number: row
            for number, row in sorted(rows.items())
            if athlete_id in (None, row["athlete_id"]) and (doubtful or number not in doubts)
        }

    def ids(self, *, athlete_id: int | None = None, doubtful: bool = True) -> set[int]:
        """The ids of `activities`."""
        return set(self.activities(athlete_id=athlete_id, doubtful=doubtful))

    def changes(self) -> list[Row]:
        """What happened since the seeding, in order: number, kind, reason, activity, and before an edit `before`.

        Kinds: added, edited, deleted, doubtful (added by a fault), undone (a fault's edit or deletion taken back; a doubtful
        activity that is taken back is deleted).
        """
        return list(read_lines(self.folder / "changes.jsonl"))

    def requests(self) -> list[Row]:
        """Every request in order: at, athlete_id, method, path, query, status, ids, is_complete, fault.

        `ids` are the activities in the body. `is_complete` is False where a fault broke the answer, so that nobody can
        have read them all. `status` is None where nothing was answered.
        """
        return list(read_lines(self.folder / "requests.jsonl"))

    def served(self) -> Counter[int]:
        """How often each activity was in a list that was answered completely."""
        return Counter(number for request in self.requests() if request["is_complete"] for number in request["ids"])

    def statuses(self) -> Counter[int | None]:
        """How many requests were answered with each status."""
        return Counter(request["status"] for request in self.requests())

    def summary(self, *, with_ids: bool = False) -> Row:
        """The ledger as one document: counts by athlete, changes by kind, what was served."""
        rows, served = self.activities(), self.served()
        document: Row = {
            "activities": len(rows),
            "by_athlete": dict(sorted(Counter(row["athlete_id"] for row in rows.values()).items())),
            "distance_m": round(sum(row["distance"] or 0 for row in rows.values()), 1),
            "changes": dict(sorted(Counter(change["kind"] for change in self.changes()).items())),
            "requests": {str(status): count for status, count in self.statuses().items()},
            "served_activities": len(served),
            "served_times": sum(served.values()),
        }
        return document | ({"ids": sorted(rows), "served_ids": sorted(served)} if with_ids else {})


def ledger_folder(folder: Path) -> Path:
    return folder / "ledger"


def read_lines(path: Path) -> Iterator[Row]:
    """The documents of a file of JSON lines; one that is being written at the end is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def append_lines(path: Path, documents: Iterable[Row], *, durable: bool = False) -> int:
    """Append documents in one write; returns the file's new length in bytes."""
    text = "".join(json.dumps(document, separators=(",", ":")) + "\n" for document in documents)
    with path.open("ab", buffering=0) as file:
        file.write(text.encode())
        if durable:
            os.fsync(file.fileno())
        return file.tell()
