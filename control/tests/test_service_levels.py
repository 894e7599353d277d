"""`headgate service-levels` on a lake with rows: figures a person can work out, in every format."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from headgate.contract import ServiceLevel, load_contract
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.lake.gate import publish
from headgate.lake.publication import AuditError, RunInfo
from headgate.lake.session import LakeSession
from headgate.quality.service_levels import Event, measure_events
from headgate_control import databases
from headgate_control.commands.service_levels import _draw, service_levels
from headgate_control.commands.warnings import Format
from headgate_control.lake_access import open_lake

TABLE = "analytics.product_catalog"
PROMISES = """\
slaProperties:
  - property: correctness
    value: 50
    unit: percent
  - property: warnings
    value: 20
    unit: percent
"""


def publish_products(settings: Settings, cost: str, *, run: str, hours_ago: float) -> None:
    """Ten products, of which one is sold below cost; and lets it have been some time ago."""
    contract = load_contract(settings.root / "teams" / "analytics" / "contracts" / "product_catalog.odcs.yaml")
    query = (
        f"select concat('product ', i) as product, 'c' as category, cast({cost} as decimal(12,2)) as cost, "
        "cast(case when i < 1 then 1.00 else 3.00 end as decimal(12,2)) as retail_price, 's' as supplier "
        "from range(10) as r(i)"
    )
    with open_lake(settings, team="analytics") as session:
        try:
            publish(session, contract, query, RunInfo(run))
        finally:
            let_have_been(session, run=run, hours_ago=hours_ago)


def let_have_been(session: LakeSession, *, run: str, hours_ago: float) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    for table, column in (
        ("analytics._publications", "published_at"),
        ("analytics_private._validations", "validated_at"),
    ):
        session.connection.execute(f"update {session.qualify(table)} set {column} = ? where run_id = ?", [at, run])


@pytest.fixture
def promising(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation of one team with one table, which promises more than its like in the repository."""
    team = settings.root / "teams" / "analytics"
    copy = tmp_path / "root" / "teams" / "analytics"
    (copy / "contracts").mkdir(parents=True)
    (copy / "pyproject.toml").write_bytes((team / "pyproject.toml").read_bytes())
    text = (team / "contracts" / "product_catalog.odcs.yaml").read_text(encoding="utf-8")
    assert text.count("slaProperties:\n") == 1
    text = text.replace("slaProperties:\n", PROMISES)
    (copy / "contracts" / "product_catalog.odcs.yaml").write_text(text, encoding="utf-8")
    changed = settings.model_copy(update={"root": tmp_path / "root"})
    monkeypatch.setattr("headgate_control.commands.service_levels.read_settings", lambda: changed)
    return changed


@pytest.mark.services
def test_service_levels_are_listed_and_exported(promising: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings = promising
    databases.start(settings, ["postgres"])

    service_levels(TABLE)
    assert capsys.readouterr().out.count("no history") == 2 * 3

    publish_products(settings, "2.00", run="1", hours_ago=5)
    service_levels(TABLE)
    lines = [line for line in capsys.readouterr().out.splitlines() if TABLE in line]
    assert [line.split()[-1] for line in lines] == ["history", "kept", "history"]
    assert "5 hours of the 24 hours needed" in lines[2] and "too little history" in lines[2]

    with open_lake(settings, team="analytics") as session:
        let_have_been(session, run="1", hours_ago=100)
    with pytest.raises(AuditError):
        publish_products(settings, "-2.00", run="2", hours_ago=50)
    publish_products(settings, "2.00", run="3", hours_ago=10)
    capsys.readouterr()

    service_levels(TABLE, format=Format.JSON)
    found = {row["level"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert [(row["bad"], row["measured"], row["state"]) for row in (found["correctness"], found["warnings"])] == [
        (1, 3, "kept"), (2, 20, "kept")
    ]  # fmt: skip
    assert found["warnings"]["budget_left"] == pytest.approx(0.5)
    # Late from hour 26 to hour 90 of the 100.
    assert found["freshness"]["bad"] == pytest.approx(64, abs=0.01)
    assert (found["freshness"]["state"], found["freshness"]["unit"]) == ("spent", "hours")

    service_levels(TABLE)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if TABLE in line]
    assert [line[-1] for line in lines] == ["kept", "kept", "spent"]
    assert "90.00 % 50 % left 0.50 2 of 20 rows bad" in " ".join(lines[1])
    service_levels(TABLE, format=Format.CSV, history=True)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    states = [row["state"] for row in rows if row["level"] == "correctness"]
    # Day by day: nothing yet, a publication 4 hours old, half of the audits refused and nothing left, two of three.
    assert states[-6:] == ["no history", "too little history", "kept", "spent", "spent", "kept"] and len(states) == 15

    service_levels()
    assert TABLE in capsys.readouterr().out
    with pytest.raises(HeadgateError, match=r"analytics\.nope has no contract"):
        service_levels("analytics.nope")


def test_a_course_has_its_gaps_where_nothing_was_known() -> None:
    """A week's window, an audit 11 days ago and one 2 days ago, of which a day is known the day after."""
    now = datetime(2026, 3, 31, tzinfo=UTC)
    level = ServiceLevel("correctness", 50, "percent", target=Decimal(50))
    audits = [Event(now - timedelta(days=days), 0, 1) for days in (11, 2)]
    moments = [now - timedelta(days=days) for days in range(13, -1, -1)]
    course = [measure_events(level, "audits", audits, window=timedelta(days=7), now=moment) for moment in moments]
    assert _draw(course) == "   ██████  ███"
