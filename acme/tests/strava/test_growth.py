"""The same seed makes the same club; days add activities, late ones and edits; the ledger knows all of it."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from acme.errors import AcmeError
from acme.strava.growth import advance, info, seed
from acme.strava.ledger import StravaLedger, append_lines
from acme.strava.store import Store, served
from acme.strava.world import CHANGE_DAYS, first_second

from .conftest import ACTIVITIES, TODAY, Club


def make(folder: Path, **changes: int) -> StravaLedger:
    parameters = {"activities": 500, "athletes": 4, "years": 2, "seed": 11} | changes
    seed(folder / "world", folder / "strava.env", today=TODAY, **parameters)  # type: ignore[arg-type]
    return StravaLedger(folder / "world")


def test_same_seed_same_club(tmp_path: Path) -> None:
    first, second, other = make(tmp_path / "a"), make(tmp_path / "b"), make(tmp_path / "c", seed=12)
    for ledger in (first, second):
        advance(ledger.folder.parent, days=3)
    assert first.activities() == second.activities()
    assert first.seeded().equals(second.seeded())
    assert not first.seeded().equals(other.seeded())
    # Tokens are secrets: they are never the same.
    assert (tmp_path / "a" / "strava.env").read_text() != (tmp_path / "b" / "strava.env").read_text()


def test_days_one_by_one_are_days_at_once(tmp_path: Path) -> None:
    first, second = make(tmp_path / "a"), make(tmp_path / "b")
    for _ in range(4):
        advance(first.folder.parent, days=1)
    advance(second.folder.parent, days=4)
    assert first.activities() == second.activities()


@pytest.mark.parametrize(("activities", "athletes"), [(1, 1), (7, 7), (1_234, 5)])
def test_a_club_has_exactly_what_was_asked_for(tmp_path: Path, activities: int, athletes: int) -> None:
    rows = make(tmp_path, activities=activities, athletes=athletes).activities()
    assert len(rows) == activities
    assert len({row["athlete_id"] for row in rows.values()}) == athletes
    starts = [row["start_at"] for row in rows.values()]
    assert first_second(date(2024, 11, 19)) <= min(starts) and max(starts) < first_second(TODAY)


def test_a_club_that_is_there_is_kept(folder: Path) -> None:
    credentials = folder.parent / "strava.env"
    before = credentials.read_text()
    told = seed(folder, credentials)
    assert (told["is_new"], told["activities"]) == (False, ACTIVITIES)
    assert credentials.read_text() == before
    with pytest.raises(AcmeError, match="Another club is there: 900 activities of 3 athletes"):
        seed(folder, credentials, activities=50)
    with served(folder), pytest.raises(AcmeError, match="being served"):
        seed(folder, credentials, activities=50, force=True)
    assert info(folder)["activities_now"] == ACTIVITIES
    assert seed(folder, credentials, activities=50, athletes=2, force=True)["activities_now"] == 50
    assert credentials.read_text() != before


def test_an_interrupted_seeding_is_made_anew(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    expected = ledger.activities()
    (tmp_path / "world" / "world.json").unlink()  # written last
    assert make(tmp_path).activities() == expected


def test_a_day_brings_new_late_and_edited_ones(club: Club) -> None:
    before = club.ledger.activities()
    days = advance(club.folder, days=30, activities=5)
    after = club.ledger.activities()
    assert [day["added"] for day in days] == [5] * 30
    assert info(club.folder)["today"] == "2026-12-20"
    new = set(after) - set(before)
    assert len(new) == 150 and not set(before) - set(after)
    assert sum(day["late"] for day in days) > 0 and sum(day["edited"] for day in days) > 5
    kinds = Counter(change["kind"] for change in club.ledger.changes())
    assert kinds == {"added": 150, "edited": sum(day["edited"] for day in days)}
    found = {activity["id"]: activity for athlete in range(3) for activity in club.activities(athlete=athlete)}
    assert set(found) == set(after)
    assert {number: a["name"] for number, a in found.items()} == {number: row["name"] for number, row in after.items()}


def test_what_changes_lies_within_the_bound(club: Club) -> None:
    store = Store(club.folder)
    for _ in range(20):
        seen = len(club.ledger.changes())
        advance(club.folder, activities=6)
        newest = first_second(date.fromisoformat(store.setting("today")))
        for change in club.ledger.changes()[seen:]:
            assert newest - (CHANGE_DAYS + 1) * 86_400 <= change["activity"]["start_at"] < newest
            assert change.get("before", {}) != change["activity"]
    store.close()


def test_a_look_back_and_after_find_all_that_changed(club: Club) -> None:
    """What a loader does: everything once, then from four weeks before the newest on, merged by id."""
    loaded = {activity["id"]: activity for activity in club.activities()}
    advance(club.folder, days=10, activities=9)
    newest = max(change["activity"]["start_at"] for change in club.ledger.changes()) - 10 * 86_400
    recent = club.activities(after=newest - (CHANGE_DAYS + 1) * 86_400)
    loaded |= {activity["id"]: activity for activity in recent}
    assert loaded == {activity["id"]: activity for activity in club.activities()}
    assert len(recent) < len(loaded) / 4


def test_a_change_that_was_cut_short_is_forgotten(club: Club) -> None:
    advance(club.folder, activities=3)
    known = club.ledger.changes()
    path = club.ledger.folder / "changes.jsonl"
    append_lines(path, [{**known[0], "number": 99, "kind": "deleted"}])  # killed before the store had it
    advance(club.folder, activities=2)
    kinds = [change["number"] for change in club.ledger.changes()]
    assert kinds == list(range(1, len(kinds) + 1)) and len(kinds) > len(known)
    served_ids = {activity["id"] for athlete in range(3) for activity in club.activities(athlete=athlete)}
    assert served_ids == club.ledger.ids()


def test_the_command_line_does_it_all(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ACME_STRAVA": str(tmp_path / "a club"),
        "ACME_STRAVA_CREDENTIALS": str(tmp_path / "secrets" / "strava.env"),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "acme", "strava", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    refused = run("info")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 3
    assert run("seed", "--activities", "1k", "--athletes", "5").returncode == 0
    assert run("configure", "--read-limits", "100,1000", "--token-lifetime", "120").returncode == 0
    assert run("configure", "--rotation", "never").returncode == 2
    assert run("advance", "--days", "2").returncode == 0
    assert run("fault", "inject", "no_distance", "--count", "2").returncode == 0
    told = run("info").stdout
    assert '"read_limits": [\n      100,\n      1000\n    ]' in told and '"no_distance": 2' in told
    assert run("fault", "clear").returncode == 0
    assert '"deleted": 2' in run("ledger").stdout
    assert run("authorize").returncode == 0
