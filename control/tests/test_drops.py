"""ACME's file drops: made once where a team reads them, and nowhere else."""

import os
from pathlib import Path

import pytest

from headgate.environment import Settings
from headgate.team import Team
from headgate_control.acme import DEFAULT_DROPS, ensure_drops, has_drops
from headgate_control.drops_place import drops_place, reads_stand_in_drops
from headgate_control.environments import require_environments
from headgate_control.projects import choose_projects
from headgate_control.provision import team_environment


def team(*secrets: str) -> Team:
    return Team(name="readers", folder=Path("teams/readers"), description="", owner="team:readers", secrets=secrets)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DROPS_URL", "ACME_DROPS"):
        monkeypatch.delenv(name, raising=False)


def test_a_team_that_declares_the_variable_reads_the_stand_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reads_stand_in_drops([team("DROPS_URL")]) and not reads_stand_in_drops([team("CRM_URL")])
    assert team_environment(team("DROPS_URL"), settings)["DROPS_URL"] == drops_place(settings)
    assert "DROPS_URL" not in team_environment(team("CRM_URL"), settings)
    monkeypatch.setenv("DROPS_URL", "s3://bucket/drops")
    assert not reads_stand_in_drops([team("DROPS_URL")])
    assert team_environment(team("DROPS_URL"), settings)["DROPS_URL"] == "s3://bucket/drops"


@pytest.mark.services
def test_they_are_made_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    if home := os.environ.get("HEADGATE_TEST_HOME"):
        settings.state_folder.mkdir(parents=True)
        (settings.state_folder / "envs").symlink_to(Path(home) / "envs")
    require_environments(settings, choose_projects(settings.root, ["acme"]), quiet=True)
    monkeypatch.setattr("headgate_control.acme.DEFAULT_DROPS", ("--customers", "8", "--days", "3", "--dense-days", "1"))
    assert len(DEFAULT_DROPS) == 6 and not has_drops(settings)
    ensure_drops(settings)
    markers = {path: path.stat().st_mtime_ns for path in Path(drops_place(settings)).rglob("_SUCCESS")}
    assert has_drops(settings) and len(markers) >= 8
    ensure_drops(settings)
    assert markers == {path: path.stat().st_mtime_ns for path in Path(drops_place(settings)).rglob("_SUCCESS")}
