"""Making a club and letting time pass: generator, store and ledger brought together.

What does not belong here: how a change gets into ledger and store (`recording`), and faults (`faults`).
"""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from acme.bookkeeping import exclusive, write_json
from acme.errors import AcmeError
from acme.strava import tokens
from acme.strava.activities import Batch, make_activities
from acme.strava.athletes import ROAD, Athletes, athlete_rows, gear_id, gear_rows, make_athletes
from acme.strava.ledger import ledger_folder
from acme.strava.limits import DEFAULT_LIMITS
from acme.strava.recording import Recorder, find_world, load_spec, recorded
from acme.strava.schedule import draw_days
from acme.strava.store import Row, Store, batch_rows, served
from acme.strava.world import (
    CHANGE_DAYS,
    DOUBTFUL_ID_START,
    FIRST_ACTIVITY_ID,
    RIDES,
    StravaSpec,
    Stream,
    day_number,
    first_second,
    read_spec,
)

_LATE_SHARE, _LATE_DAYS = 0.04, 6
_EDIT_SHARE = 0.15
"""Edits for each new activity: people give their rides a name in the days after."""
_OWN_NAMES = ("Coffee ride with the club", "Hill repeats", "Easy spin", "Headwind both ways", "Long one", "New tyres")


DEFAULTS: dict[str, Any] = {"activities": 2_000, "athletes": 4, "years": 3, "seed": 42}
"""What a new world has unless somebody says otherwise."""


def seed(
    folder: Path,
    credentials: Path,
    *,
    activities: int | None = None,
    athletes: int | None = None,
    years: int | None = None,
    seed: int | None = None,
    today: date | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Write a world; nothing happens when it is already there.

    Args:
        folder: the world's own.
        credentials: file for the client's secrets and the first refresh tokens, readable by its owner only.
        activities, athletes, years, seed, today: what is not given is as it was for a world that is there, else
            `DEFAULTS`, and the current UTC day.
        force: replace whatever world is there, and all tokens.

    Raises:
        AcmeError: another world is there.
    """
    with exclusive(folder):
        known = find_world(folder)
        given: dict[str, Any] = {"activities": activities, "athletes": athletes, "years": years, "seed": seed}
        usual = DEFAULTS | {"origin": datetime.now(UTC).date().isoformat()} | ({} if force or not known else known)
        given |= {"origin": today.isoformat() if today else None}
        spec = read_spec(usual | {name: value for name, value in given.items() if value is not None})
        if known is not None and not force:
            if read_spec(known) != spec:
                raise AcmeError(
                    f"Another club is there: {known['activities']} activities of {known['athletes']} athletes, "
                    f"{known['years']} years to {known['origin']}, seed {known['seed']}",
                    where=str(folder),
                    next_step="run it without these options to keep that one, or with --force to replace it",
                )
            return {**info(folder), "is_new": False}
        with served(folder):
            _clear(folder)
            _write_world(folder, spec)
            store = Store(folder)
            with store.change():
                tokens.make_application(store)
                for athlete_id in store.athlete_ids():
                    tokens.authorize(store, athlete_id)
            tokens.write_credentials(store, credentials)
            store.close()
            # Last: what was interrupted is made anew.
            write_json(folder / "world.json", spec.as_json())
        return {**info(folder), "is_new": True}


def advance(folder: Path, *, days: int = 1, activities: int | None = None) -> list[dict[str, Any]]:
    """Let days happen: new activities, some of them uploaded late, and edits of earlier ones.

    Args:
        activities: exactly this many on each day; by default as many as the athletes usually do.

    Returns:
        For each day: how many were added, how many of them late, how many edited.
    """
    with exclusive(folder):
        store = Store(folder)
        spec = load_spec(folder)
        people = make_athletes(spec)
        told = [_advance_day(store, folder, spec, people, activities) for _ in range(days)]
        store.close()
    return told


def info(folder: Path) -> dict[str, Any]:
    """The world, its clock, how much it holds, its active faults and settings."""
    spec, store = load_spec(folder), Store(folder)
    counts = store.row("select count(*) as activities, sum(id >= ?) as doubtful from activities", [DOUBTFUL_ID_START])
    faults = store.rows("select kind, sum(count) as n from faults where not is_cleared group by kind order by kind")
    document = {
        **spec.as_json(),
        "today": store.setting("today"),
        "activities_now": counts["activities"] if counts else 0,
        "doubtful": (counts["doubtful"] or 0) if counts else 0,
        "athlete_ids": store.athlete_ids(),
        "faults": {row["kind"]: row["n"] for row in faults},
        "settings": {name: store.setting(name) for name in SETTINGS},
    }
    store.close()
    return document


SETTINGS: dict[str, Any] = {
    "token_lifetime_s": 21_600,
    "rotation": "when_used",
    "limits": list(DEFAULT_LIMITS),
    "read_limits": list(DEFAULT_LIMITS),
    "window_s": 900,
}
"""What `configure` changes, and what a new world has."""


def configure(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Set some of `SETTINGS`; a running server heeds them at once."""
    store = Store(folder)
    with store.change():
        for name, value in changes.items():
            store.set(name, value)
    store.close()
    return info(folder)


def authorize_again(folder: Path, credentials: Path, *, athlete_id: int | None = None) -> dict[str, Any]:
    """Give every athlete, or one, a new refresh token, and write all into the file of credentials."""
    store = Store(folder)
    known = store.athlete_ids()
    if athlete_id is not None and athlete_id not in known:
        told = ", ".join(str(one) for one in known)
        raise AcmeError(f"There is no athlete {athlete_id}", where="--athlete", next_step=f"take one of {told}")
    authorized = known if athlete_id is None else [athlete_id]
    with store.change():
        for one in authorized:
            tokens.authorize(store, one)
    tokens.write_credentials(store, credentials)
    store.close()
    return {"authorized": authorized, "credentials": str(credentials)}


def add_one_now(store: Store, folder: Path, athlete_id: int, reason: str) -> Row:
    """A new activity of an athlete, newer than any other of theirs: as if it was uploaded this moment."""
    spec = load_spec(folder)
    people = make_athletes(spec)
    with recorded(store, folder) as recorder:
        newest = store.row(
            "select max(start_at) as at from activities where athlete_id = ? and id < ?",
            [athlete_id, DOUBTFUL_ID_START],
        )
        number = store.setting("next_id")
        athlete = np.array([people.athlete_id.tolist().index(athlete_id)])
        day = np.array([day_number(date.fromisoformat(store.setting("today"))) - 1])
        batch = make_activities(spec, people, athlete, day, spec.stream(Stream.FAULTS, number), first_id=number)
        row = next(batch_rows(batch))
        if newest and newest["at"] is not None:
            row["start_at"] = max(row["start_at"], newest["at"] + 1)
        store.set("next_id", number + 1)
        recorder.add([row], reason)
    return row


def _clear(folder: Path) -> None:
    (folder / "world.json").unlink(missing_ok=True)
    for path in folder.glob("strava.sqlite*"):
        path.unlink()
    shutil.rmtree(ledger_folder(folder), ignore_errors=True)


def _write_world(folder: Path, spec: StravaSpec) -> None:
    people = make_athletes(spec)
    who, day = draw_days(spec, people, spec.stream(Stream.SCHEDULE))
    batch = make_activities(spec, people, who, day, spec.stream(Stream.ACTIVITIES), first_id=FIRST_ACTIVITY_ID)
    ledger_folder(folder).mkdir(parents=True)
    _write_seed(ledger_folder(folder) / "seed.parquet", batch)
    store = Store(folder, create=True)
    with store.change():
        store.add_activities(batch_rows(batch))
        for profile in athlete_rows(spec, people):
            store.execute("insert into athletes values (?, ?)", [profile["id"], json.dumps(profile)])
        for gear in gear_rows(people):
            store.execute("insert into gear values (?, ?, ?)", [gear["id"], gear["athlete_id"], json.dumps(gear)])
        for name, value in (SETTINGS | {"today": spec.origin.isoformat()}).items():
            store.set(name, value)
        store.set("next_id", FIRST_ACTIVITY_ID + spec.activities)
    store.close()


def _write_seed(path: Path, batch: Batch) -> None:
    rows = list(zip(*(row.values() for row in batch_rows(batch)), strict=True))
    names = [name for name in batch if name != "physics_kj"]
    columns = {name: pa.array(values) for name, values in zip(names, rows, strict=True)}
    pq.write_table(pa.table({**columns, "physics_kj": pa.array(batch["physics_kj"], from_pandas=True)}), path)


def _advance_day(
    store: Store, folder: Path, spec: StravaSpec, people: Athletes, activities: int | None
) -> dict[str, Any]:
    today = date.fromisoformat(store.setting("today"))
    number = day_number(today)
    rng = spec.stream(Stream.ADVANCE, number)
    share = people.activity_weight / people.activity_weight.sum()
    usual = rng.poisson(share * spec.activities / spec.days)
    counts = usual if activities is None else rng.multinomial(activities, share)
    who = np.repeat(np.arange(len(people)), counts)
    is_late = rng.random(len(who)) < _LATE_SHARE
    day = number - np.where(is_late, rng.integers(1, _LATE_DAYS + 1, len(who)), 0)
    with recorded(store, folder) as recorder:
        first_id = store.setting("next_id")
        edited = _edit_some(store, recorder, number, spec, len(who))
        recorder.add(batch_rows(make_activities(spec, people, who, day, rng, first_id=first_id)), "advance")
        store.set("next_id", first_id + len(who))
        store.set("today", (today + timedelta(days=1)).isoformat())
    return {"day": today.isoformat(), "added": len(who), "late": int(is_late.sum()), "edited": edited}


def _edit_some(store: Store, recorder: Recorder, day: int, spec: StravaSpec, added: int) -> int:
    """Edits of the last weeks' activities: most get a name, some another bike, a shorter distance, or less privacy."""
    rng = spec.stream(Stream.EDITS, day)
    since = (day - CHANGE_DAYS) * 86_400
    recent = store.rows(
        "select * from activities where start_at >= ? and id < ? order by id", [since + 3_600, DOUBTFUL_ID_START]
    )
    chosen = rng.permutation(len(recent))[: round(added * _EDIT_SHARE + rng.random() * 0.5)]
    for position in sorted(chosen.tolist()):
        row = edited(recent[position], rng)
        recorder.edit(row, "advance")
    return len(chosen)


def edited(row: Row, rng: np.random.Generator) -> Row:
    """The activity after its athlete has touched it; something always differs."""
    row = dict(row)
    kind = rng.random()
    if kind < 0.15 and row["distance"] and row["distance"] > 2_000 and not row["average_watts"]:
        row["distance"] = round(row["distance"] * 0.97, 1)
        row["average_speed"] = round(row["distance"] / row["moving_time"], 3)
    elif kind < 0.3 and row["sport_type"] in RIDES:
        row["commute"] = 1 - row["commute"]
        row["gear_id"] = gear_id(row["athlete_id"], ROAD)
    elif kind < 0.45:
        row["visibility"] = "everyone" if row["visibility"] == "only_me" else "only_me"
    else:
        others = [name for name in _OWN_NAMES if name != row["name"]]
        row["name"] = others[int(rng.integers(0, len(others)))]
    return row


def newest_second(store: Store) -> int:
    """Epoch seconds of the world clock: nothing regular starts at it or later."""
    return first_second(date.fromisoformat(store.setting("today")))
