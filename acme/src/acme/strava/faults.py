"""Faults on request, in exact numbers, and taken back by `clear`.

Three sorts: doubtful activities, which a good source would never send; edits and deletions by the athletes; and what
goes wrong while serving (`trouble`), which is only put on the list here.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from acme.bookkeeping import exclusive
from acme.errors import AcmeError
from acme.strava.growth import edited, newest_second
from acme.strava.ledger import DOUBTFUL, UNDONE
from acme.strava.recording import Recorder, load_spec, recorded
from acme.strava.schedule import clock_changes, zone_offset
from acme.strava.store import Row, Store
from acme.strava.trouble import ANSWERS, PAGING, SHAPES
from acme.strava.world import DOUBTFUL_ID_START, Stream

_MOST = 10_000
_RECENT = 500
"""Edits, deletions and models for doubtful activities are taken from this many of the newest."""
_FAR_AHEAD = round(datetime(2099, 1, 1, 8, tzinfo=UTC).timestamp())
_FRESH_S = 12 * 3_600


def _without_distance(row: Row, number: int) -> Row:
    return {"distance": None, "average_speed": None}


def _negative_time(row: Row, number: int) -> Row:
    return {"moving_time": -abs(row["moving_time"]), "elapsed_time": -abs(row["elapsed_time"])}


_DOUBTFUL: dict[str, Callable[[Row, int], Row]] = {
    "no_distance": _without_distance,
    "negative_time": _negative_time,
    "from_1970": lambda row, number: {"start_at": 1 + number * 3_600},
    "from_future": lambda row, number: {"start_at": _FAR_AHEAD + number * 3_600},
    "duplicate_name": lambda row, number: {"name": "The very same ride"},
    "day_of_25_hours": lambda row, number: {},
    "day_of_23_hours": lambda row, number: {},
}
CHANGES = ("edit", "delete")
ACCOUNTS = ("revoked", "expired_tokens")
KINDS = (*_DOUBTFUL, *CHANGES, *ACCOUNTS, *ANSWERS, *PAGING, *SHAPES)


def inject(
    folder: Path,
    kind: str,
    *,
    count: int = 1,
    skip: int = 0,
    path: str = "",
    seconds: float = 30.0,
    athlete_id: int | None = None,
) -> dict[str, Any]:
    """Inject `count` faults of a kind and return their record.

    Args:
        skip: how many requests that it would strike are let through first.
        path: strike only requests whose path holds this text.
        seconds: how long a `timeout` keeps silent.
        athlete_id: whose activities or account; anybody's by default.

    Raises:
        AcmeError: the kind is unknown, or so many cannot be had.
    """
    if kind not in KINDS:
        raise AcmeError(
            f"There is no fault {kind!r}", where="fault inject", next_step=f"take one of {', '.join(KINDS)}"
        )
    if not 1 <= count <= _MOST or skip < 0:
        raise AcmeError(
            f"{count} faults cannot be injected at once", where="--count, --skip", next_step=f"give 1 to {_MOST}"
        )
    with exclusive(folder):
        store = Store(folder)
        if athlete_id is not None and athlete_id not in store.athlete_ids():
            known = ", ".join(str(one) for one in store.athlete_ids())
            raise AcmeError(f"There is no athlete {athlete_id}", where="--athlete", next_step=f"take one of {known}")
        with recorded(store, folder) as recorder:
            number = len(store.rows("select number from faults")) + 1
            rng = load_spec(folder).stream(Stream.FAULTS, number)
            options = _do(store, recorder, kind, count, athlete_id, rng) | {"seconds": seconds}
            fault = {"number": number, "kind": kind, "count": count, "skip": skip, "path": path}
            remaining = count if kind in ANSWERS or kind in PAGING else 0
            store.execute(
                "insert into faults (number, kind, count, remaining, skip, path, options)"
                " values (:number, :kind, :count, :remaining, :skip, :path, :options)",
                {**fault, "remaining": remaining, "options": json.dumps(options)},
            )
        store.close()
        return {**fault, "ids": options.get("ids", [])}


def clear(folder: Path, *, kind: str | None = None) -> list[dict[str, Any]]:
    """Take back all active faults, or those of one kind: activities are then as if there had been none.

    What pages that shifted added or deleted stays: that is the world.
    """
    with exclusive(folder):
        store = Store(folder)
        active = store.rows("select * from faults where not is_cleared order by number desc")
        told = []
        for fault in (one for one in active if kind in (None, one["kind"])):
            with recorded(store, folder) as recorder:
                options = json.loads(fault["options"])
                for row in options.get("before", []):
                    recorder.edit(row, f"fault:{fault['kind']}", kind=UNDONE)
                if fault["kind"] in _DOUBTFUL:
                    for activity_id in options["ids"]:
                        recorder.delete(activity_id, f"fault:{fault['kind']}")
                for athlete_id in options.get("revoked", []):
                    store.execute("update grants set is_revoked = 0 where athlete_id = ?", [athlete_id])
                store.execute("update faults set is_cleared = 1 where number = ?", [fault["number"]])
            told.append({name: fault[name] for name in ("number", "kind", "count", "remaining")})
        store.close()
        return told


def _do(
    store: Store, recorder: Recorder, kind: str, count: int, athlete_id: int | None, rng: np.random.Generator
) -> dict[str, Any]:
    """What a fault changes at once; the ids concerned, and the rows before."""
    if kind == "expired_tokens":
        store.execute("update access_tokens set expires_at = 0 where ? in (0, athlete_id)", [athlete_id or 0])
        return {}
    if kind == "revoked":
        revoked = [athlete_id] if athlete_id is not None else store.athlete_ids()
        for one in revoked:
            store.execute("update grants set is_revoked = 1 where athlete_id = ?", [one])
        return {"revoked": revoked}
    if kind in CHANGES:
        chosen = _recent(store, athlete_id, count, rng, kind)
        for row in chosen:
            if kind == "edit":
                recorder.edit(edited(row, rng), f"fault:{kind}")
            else:
                recorder.delete(row["id"], f"fault:{kind}")
        return {"ids": [row["id"] for row in chosen], "before": chosen}
    if kind in _DOUBTFUL:
        rows = _doubtful(store, kind, count, athlete_id, rng)
        return {"ids": recorder.add(rows, f"fault:{kind}", kind=DOUBTFUL)}
    return {}


def _recent(store: Store, athlete_id: int | None, count: int, rng: np.random.Generator, kind: str) -> list[Row]:
    """So many of the newest regular activities, each once."""
    rows = store.rows(
        "select * from activities where id < ? and ? in (0, athlete_id) order by start_at desc, id limit ?",
        [DOUBTFUL_ID_START, athlete_id or 0, max(_RECENT, count)],
    )
    if len(rows) < count:
        raise AcmeError(
            f"{count} activities were asked for, there are {len(rows)}",
            where="--count",
            next_step=f"ask for at most {len(rows)}",
        )
    # The newest ones: a look-back of four weeks shall see them.
    within = rows[: max(count, min(len(rows), 20))]
    return [within[position] for position in sorted(rng.permutation(len(within))[:count].tolist())]


def _doubtful(store: Store, kind: str, count: int, athlete_id: int | None, rng: np.random.Generator) -> list[Row]:
    models = store.rows(
        "select * from activities where id < ? and ? in (0, athlete_id) and distance > 0 order by start_at desc, id limit 50",
        [DOUBTFUL_ID_START, athlete_id or 0],
    )
    used = store.row("select coalesce(sum(count), 0) as n from faults")
    first_id = DOUBTFUL_ID_START + (used["n"] if used else 0)
    newest = newest_second(store)
    rows = []
    for number in range(count):
        row = dict(models[int(rng.integers(0, len(models)))])
        row["start_at"] = newest - int(rng.integers(60, _FRESH_S))
        if kind.startswith("day_of"):
            row |= _clock_change(store, models, number, shorter=kind == "day_of_23_hours")
        row |= {"id": first_id + number, "upload_id": None} | _DOUBTFUL[kind](row, number)
        row["utc_offset"] = zone_offset(row["zone"], row["start_at"])
        rows.append(row)
    return rows


def _clock_change(store: Store, models: list[Row], number: int, *, shorter: bool) -> Row:
    """Around the last change of clocks: twice at the same local time on the longer day, across the gap on the shorter."""
    today = datetime.fromtimestamp(newest_second(store), UTC)
    for model in models:
        changes = [at for at, step in clock_changes(model["zone"], today, years=2) if (step > 0) == shorter]
        if changes:
            pair, odd = divmod(number, 2)
            start = changes[0] - 1_800 + pair * 60 + (3_600 if odd and not shorter else odd * 30)
            return {"athlete_id": model["athlete_id"], "zone": model["zone"], "start_at": start, "elapsed_time": 5_400}
    raise AcmeError(
        "Nobody here lives where clocks change",
        where="fault inject day_of_…",
        next_step="leave --athlete out, or seed more athletes",
    )
