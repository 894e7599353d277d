"""Seeding, passing days, late and repeated deliveries."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from acme.drops.growth import advance, info, seed
from acme.errors import AcmeError
from tests.drops.conftest import TODAY, Drops, make


def test_the_same_seed_gives_the_same_world(tmp_path: Path) -> None:
    changes = {"customers": 12, "days": 12, "dense_days": 2, "dense_minutes": 60}
    one, again, other = (make(tmp_path / name, **changes, seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert len(one.state()) > 120
    assert one.state() == again.state()
    beats = "lake/telemetry_x/2026/11/01/heartbeats-001.jsonl"
    assert one.state()[beats] != other.state()[beats]


def test_four_days_at_once_are_four_times_one(drops: Drops, copy: Callable[[str], Drops]) -> None:
    other, before = copy("other"), len(drops.state())
    for _ in range(4):
        advance(drops.folder, drops.lake)
    told = advance(other.folder, other.lake, days=4)
    assert [day["day"] for day in told] == ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"]
    assert drops.state() == other.state()
    assert info(drops.folder)["today"] == "2026-11-06"
    assert len(drops.state()) > before + 4 * 8


def test_days_arrive_late_and_again(drops: Drops) -> None:
    advance(drops.folder, drops.lake, days=60)
    ledger = drops.ledger
    kinds: Counter[str] = Counter()
    for record in ledger.deliveries():
        late = (date.fromisoformat(record["arrived"]) - date.fromisoformat(record["day"])).days
        assert 0 <= late <= 8
        kinds["late" if late and record["delivery"] == 1 else "again" if record["delivery"] > 1 else "on time"] += 1
    assert kinds["late"] >= 5 and kinds["again"] >= 5 and kinds["on time"] > 200
    gaps = 0
    for record in ledger.deliveries():
        if record["delivery"] == 2:
            first, second = ledger.deliveries(source=record["source"], day=date.fromisoformat(record["day"]))
            assert first["rows"] <= second["rows"]
            gaps += second["rows"] - first["rows"]
            marker = drops.marker(record["source"], date.fromisoformat(record["day"]))
            assert marker and marker["delivery"] == 2 and marker["files"] == second["files"]
    assert gaps > 5
    # A day of each source is there for each day of the world, but for the newest, which may be late.
    for source in ("invoices", "telemetry_x", "telemetry_y", "master_data"):
        expected = {TODAY + timedelta(days=number) for number in range(-12, 57)}
        assert expected <= set(drops.days(source))


def test_a_world_that_is_there_is_kept(drops: Drops) -> None:
    before = drops.state()
    assert seed(drops.folder, drops.lake)["is_new"] is False
    with pytest.raises(AcmeError, match="Another world is there: 12 customers, 12 days"):
        seed(drops.folder, drops.lake, given={"customers": 25})
    assert drops.state() == before
    (drops.path / "not-ours.txt").write_text("stays")
    told = seed(drops.folder, drops.lake, given={"customers": 8, "days": 3, "origin": "2026-11-02"}, force=True)
    assert (told["is_new"], told["customers"], len(drops.days("master_data"))) == (True, 8, 3)
    assert (drops.path / "not-ours.txt").exists()


def test_a_day_that_was_cut_short_is_done_again(drops: Drops, small: Drops) -> None:
    world = (drops.folder / "world.json").read_text()
    advance(drops.folder, drops.lake)
    after = drops.state()
    (drops.folder / "world.json").write_text(world)  # killed before the clock moved
    assert len(drops.ledger.deliveries()) == len(small.ledger.deliveries())
    advance(drops.folder, drops.lake)
    assert drops.state() == after


@pytest.mark.parametrize(
    "given", [{"customers": 7}, {"days": 0}, {"dense_minutes": 7}, {"earlier_minutes": 0}, {"seed": -1}]
)
def test_what_cannot_be_is_refused(tmp_path: Path, given: dict[str, int]) -> None:
    with pytest.raises(AcmeError, match="No world has"):
        make(tmp_path, **given)


def test_the_command_line_does_it_all(tmp_path: Path) -> None:
    folders = {"ACME_SUBSCRIPTIONS": str(tmp_path / "a world"), "ACME_DROPS": str(tmp_path / "a lake")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "acme", "drops", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **folders}, check=False)

    refused = run("info")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 3
    size = ["--customers", "8", "--days", "5", "--dense-days", "1", "--dense-minutes", "60", "--today", "2026-11-02"]
    assert json.loads(run("seed", *size, "--layout-change", "2026-10-30").stdout)["is_new"] is True
    assert run("advance", "--days", "2").returncode == 0
    injected = json.loads(run("fault", "inject", "negative_usage", "--count", "3").stdout)
    assert (injected["source"], injected["count"]) == ("telemetry_x", 3)
    told = json.loads(run("info").stdout)
    assert (told["today"], told["faults"], told["layout_change"]) == ("2026-11-04", {"negative_usage": 3}, "2026-10-30")
    assert json.loads(run("ledger", "--days").stdout)["sources"]["telemetry_x"]["doubtful"]["negative_usage"] >= 3
    assert run("fault", "clear").returncode == 0
    assert json.loads(run("info").stdout)["faults"] == {}
    wrong = run("fault", "inject", "nonsense")
    assert wrong.returncode == 2 and "take one of missing, half_written" in wrong.stderr
