"""`headgate remove team`: what it refuses, and that nothing of a team is left."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from headgate.environment import Settings
from headgate_control import databases
from headgate_control.cli import main
from headgate_control.home_lock import HomeLock
from headgate_control.provision import admin_url, provision, role_password
from headgate_control.team_admin import making
from headgate_control.team_admin.making import make_team
from headgate_control.team_admin.removing import TeamRemovalError, plan_removal, remove_team
from headgate_control.team_admin.rendering import render_dbt

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A repository under git with two teams: `second` consumes what `first` publishes. Nothing was ever built."""
    for name in ("HEADGATE_CATALOG_URL", "HEADGATE_ENVIRONMENT", "HEADGATE_ADMIN_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(making, "renew_lock", lambda project, offline=False: project.lock.write_text("a==1\n") > 0)
    root = tmp_path / "repository"
    (root / "teams").mkdir(parents=True)
    (root / "headgate").write_text("", encoding="utf-8")
    (root / "libs").symlink_to(ROOT / "libs")
    settings = Settings(root=root, home=tmp_path / "home")
    monkeypatch.setenv("HEADGATE_ROOT", str(root))
    monkeypatch.setenv("HEADGATE_HOME", str(settings.state_folder))
    make_team(settings, "first")
    make_team(settings, "second", with_ml=True, from_table="first.visits_by_day")
    git(root, "init", "--quiet")
    yield settings
    databases.stop(settings)


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "all")


def teams_of(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.root / "teams").iterdir())


def test_a_team_that_others_consume_stays_and_they_are_named(settings: Settings) -> None:
    with pytest.raises(TeamRemovalError, match=r"second consumes first\.visits_by_day") as caught:
        plan_removal(settings, "first", force=True)
    assert caught.value.where == "teams/second"


def test_a_foreign_key_to_its_tables_is_a_use_too(settings: Settings) -> None:
    manifest = settings.root / "teams" / "second" / "pyproject.toml"
    lines = manifest.read_text("utf-8").splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if not line.startswith('"first.')), encoding="utf-8")
    contract = settings.root / "teams" / "second" / "contracts" / "visits_by_day_by_day.odcs.yaml"
    reference = "        relationships:\n          - type: foreignKey\n            to: first.visits_by_day.day\n"
    text = contract.read_text("utf-8").replace("v3.1.0", "v3.2.0")
    text = text.replace("        primaryKeyPosition: 1\n", f"        primaryKeyPosition: 1\n{reference}", 1)
    contract.write_text(text, encoding="utf-8")
    with pytest.raises(TeamRemovalError, match=r"second refers to first\.visits_by_day"):
        plan_removal(settings, "first", force=True)


def test_what_new_team_wrote_is_no_work_to_lose(settings: Settings) -> None:
    removed = remove_team(settings, plan_removal(settings, "second"))
    assert removed == [str(settings.root / "teams" / "second")]
    assert teams_of(settings) == ["first"]


def test_what_new_team_wrote_around_dbt_is_no_work_to_lose_and_a_model_of_ones_own_is(settings: Settings) -> None:
    folder = settings.root / "teams" / "third"
    making._write(folder, render_dbt("third"))
    assert plan_removal(settings, "third").team == "third"
    (folder / "dbt" / "models" / "own.sql").write_text("select 1 as one\n", encoding="utf-8")
    with pytest.raises(TeamRemovalError, match="in no commit"):
        plan_removal(settings, "third")


@pytest.mark.parametrize("path", ["README.md", "src/second/products.py", "src/second/own.py"])
def test_work_that_is_in_no_commit_is_kept_and_named(settings: Settings, path: str) -> None:
    commit(settings.root)
    with (settings.root / "teams" / "second" / path).open("a", encoding="utf-8") as file:
        file.write("\n# ours\n")
    with pytest.raises(TeamRemovalError, match=f"in no commit: teams/second/{path}"):
        plan_removal(settings, "second")
    assert plan_removal(settings, "second", force=True).team == "second"
    commit(settings.root)
    assert plan_removal(settings, "second").team == "second"


def test_changed_work_that_git_does_not_keep_stays(settings: Settings) -> None:
    (settings.root / ".git").rename(settings.root / "no git")
    (settings.root / "teams" / "second" / "README.md").write_text("Ours.\n", encoding="utf-8")
    with pytest.raises(TeamRemovalError, match="it is not kept by git"):
        plan_removal(settings, "second")


@pytest.mark.parametrize("name", ["third", "../teams/second", "/etc", "", "a" * 200, ".new-second"])
def test_a_team_that_is_not_there_is_said_so(settings: Settings, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remove", "team", "--yes", name]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("there is no team ")
    assert lines[2] == "  next:  choose one of first, second"
    assert teams_of(settings) == ["first", "second"]


def test_nobody_to_ask_is_no_yes(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remove", "team", "second"]) == 2
    assert "add --yes" in capsys.readouterr().err
    assert teams_of(settings) == ["first", "second"]


@pytest.mark.parametrize(("lock", "next_step"), [("up", "headgate down"), ("build", "wait until it has ended")])
def test_a_team_at_work_stays(settings: Settings, lock: str, next_step: str) -> None:
    with HomeLock(settings.state_folder, lock) as held:
        held.acquire()
        with pytest.raises(TeamRemovalError) as caught:
            remove_team(settings, plan_removal(settings, "second"))
    assert next_step in caught.value.next_step
    assert teams_of(settings) == ["first", "second"]


def test_a_server_of_ones_own_needs_its_superuser(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"catalog_url": "postgresql://db.example.com/lake_dev"})
    with pytest.raises(TeamRemovalError, match="a server of your own"):
        plan_removal(elsewhere, "second")
    assert plan_removal(elsewhere, "second", keep_data=True).keeps_data


@pytest.mark.services
def test_role_zones_and_files_go_and_the_other_team_keeps_its_own(settings: Settings) -> None:
    databases.start(settings, ["postgres"])
    provision(settings)
    write_state(settings)
    url = admin_url(settings)
    assert url is not None
    with psycopg.connect(url, dbname="lake_dev", autocommit=True) as lake:
        lake.execute("create schema second_branch authorization second")
        lake.execute("create table second.ducklake_table (id int); create table first.ducklake_table (id int)")
    kept = plan_removal(settings, "second", keep_data=True)
    assert not [path for path in kept.state if "lake" in path.parts or "secrets" in path.parts]

    removed = remove_team(settings, plan_removal(settings, "second"))

    assert {"zone second of lake_dev", "zone second_private of lake_dev", "role second"} <= set(removed)
    with psycopg.connect(url, dbname="lake_dev", autocommit=True) as lake:
        names = "select nspname from pg_namespace where nspname ~ '^(first|second)' order by 1"
        assert lake.execute(names).fetchall() == [("first",), ("first_private",)]
        assert lake.execute("select rolname from pg_roles where rolname = 'second'").fetchall() == []
        assert lake.execute("select count(*) from first.ducklake_table").fetchone() == (0,)
    home = settings.state_folder
    assert [path for path in home.rglob("second*") if "postgres" not in path.parts] == []
    assert (home / "lake" / "dev" / "first" / "rows.parquet").exists()
    assert databases.server(settings, "postgres").is_running()  # it ran before, so it runs on
    assert provision(settings) == []


def write_state(settings: Settings) -> None:
    """What a build leaves of two teams, as far as files go."""
    home = settings.state_folder
    for team in ("first", "second"):
        role_password(settings, team)
        for folder in (f"envs/{team}/bin", f"lake/dev/{team}", f"lake/dev/{team}_private", f"lake/prod/{team}"):
            (home / folder).mkdir(parents=True)
            (home / folder / "rows.parquet").write_text("rows", encoding="utf-8")
