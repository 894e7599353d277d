"""`up` gives ACME's databases the worlds that the served teams read, once, and no others."""

from pathlib import Path

import pytest

from headgate.environment import Settings
from headgate_control import supervision
from headgate_control.environments import environment_python

MANIFEST = '[project]\nname = "{name}"\n[tool.headgate]\nowner = "team:{name}"\nsecrets = ["{secret}"]\n'


@pytest.fixture
def two_teams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A team that reads orders and one that reads the storefront; nobody has set a variable."""
    for name in ("ACME_URL", "SHOP_URL", "TRANSACTION_DB_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, secret in (("sales", "SHOP_URL"), ("foundation", "TRANSACTION_DB_URL")):
        folder = tmp_path / "root" / "teams" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(MANIFEST.format(name=name, secret=secret), encoding="utf-8")
    settings = Settings(root=tmp_path / "root", home=tmp_path / "home")
    python = environment_python(settings, "acme")
    python.parent.mkdir(parents=True)
    python.touch()
    return settings


def made(settings: Settings, names: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which worlds are made for teams."""
    found: list[str] = []
    monkeypatch.setattr(supervision, "ensure_world", lambda settings: found.append("orders"))
    monkeypatch.setattr(supervision, "ensure_storefront", lambda settings: found.append("storefront"))
    supervision._ensure_worlds(settings, names, lambda line: None)
    return found


def test_each_team_gets_the_world_that_it_reads(two_teams: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(two_teams, ["sales"], monkeypatch) == ["orders"]
    assert made(two_teams, ["foundation"], monkeypatch) == ["storefront"]
    assert made(two_teams, ["sales", "foundation"], monkeypatch) == ["orders", "storefront"]
    assert supervision._databases(two_teams, ["foundation"]) == ["postgres", "acme"]


def test_a_world_that_is_there_is_left_alone(two_teams: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = two_teams.state_folder / "acme" / "storefront"
    folder.mkdir(parents=True)
    (folder / "world.json").write_text('{"status": "seeding"}', encoding="utf-8")
    assert made(two_teams, ["foundation"], monkeypatch) == ["storefront"]
    (folder / "world.json").write_text('{"status": "ready"}', encoding="utf-8")
    assert made(two_teams, ["foundation"], monkeypatch) == []


def test_a_source_of_ones_own_needs_no_world(two_teams: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSACTION_DB_URL", "postgresql://somewhere/else")
    assert made(two_teams, ["foundation"], monkeypatch) == []
    assert supervision._databases(two_teams, ["foundation"]) == ["postgres"]
