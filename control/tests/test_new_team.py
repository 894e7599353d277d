"""`headgate new team`: which names it takes, what it writes, and that nothing is left of what went wrong."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from headgate.contract import load_contract
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import list_teams
from headgate_control.cli import main
from headgate_control.locks import LockError
from headgate_control.projects import find_projects
from headgate_control.suites import find_suites
from headgate_control.team_admin import making
from headgate_control.team_admin.example import SEED, example_from
from headgate_control.team_admin.making import make_team
from headgate_control.team_admin.names import SQL_WORDS, TeamNameError, check_name
from headgate_control.team_admin.rendering import Plan, render

ROOT = Path(__file__).resolve().parents[2]
RUFF = Path(sys.prefix) / "bin" / "ruff"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A repository of its own with the real libraries, without any team."""
    root = tmp_path / "repository"
    (root / "teams").mkdir(parents=True)
    (root / "headgate").write_text("", encoding="utf-8")
    shutil.copytree(ROOT / "libs", root / "libs", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return Settings(root=root, home=tmp_path / "home")


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock without a resolver."""
    monkeypatch.setattr(making, "renew_lock", lambda project, offline=False: project.lock.write_text("a==1\n") > 0)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../x", "does not begin with a letter"),
        ("/tmp/x", "does not begin with a letter"),
        ("a/b", "more than lower-case letters"),
        ("x.y", "more than lower-case letters"),
        ("x-y", "more than lower-case letters"),
        ("x\n", "more than lower-case letters"),
        ("Ünïcode", "does not begin with a letter"),
        ("naïve", "more than lower-case letters"),
        ("1st", "does not begin with a letter"),
        ("Upper", "does not begin with a letter"),
        ("", "does not begin with a letter"),
        ("a" * 200, "it has 200 characters"),
        ("a" * 40, "it has 40 characters"),
        ("ml", "teams/ml has it"),
        ("sales_", "it ends with _"),
        ("control", "the platform uses that name"),
        ("docs", "docs has it"),
        ("feature_helpers", "libs/feature_helpers has it"),
        ("class", "a word of the Python language"),
        ("order", "a reserved word of SQL"),
        ("qualify", "a reserved word of SQL"),
        ("none", "a reserved word of SQL"),
        ("json", "a module of Python's own library"),
        ("tests", "a module of Python's own library"),
        ("pandas", "a package that the teams install"),
        ("sklearn", "a package that the teams install"),
        ("dagster_postgres", "a package that the teams install"),
        ("pg_catalog", "the platform uses that name"),
        ("headgate_reader", "the platform uses that name"),
        ("masking_key", "the platform uses that name"),
        ("public", "the platform uses that name"),
        ("analytics_private", "the private zone of a team analytics"),
    ],
)
def test_a_name_that_cannot_be_a_team_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TeamNameError, match=reason) as caught:
        check_name(name, root=ROOT, environments=tmp_path)
    assert len(str(caught.value).splitlines()) == 3
    assert max(map(len, str(caught.value).splitlines())) < 130


@pytest.mark.parametrize("name", ["x", "marketing", "team_7", "a" * 39, "orders", "private", "match"])
def test_other_names_are_taken(name: str, tmp_path: Path) -> None:
    check_name(name, root=ROOT, environments=tmp_path)


def test_a_module_of_an_environment_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "ml" / "lib" / "python3.11" / "site-packages" / "some_module").mkdir(parents=True)
    with pytest.raises(TeamNameError, match="a package that the teams install"):
        check_name("some_module", root=ROOT, environments=tmp_path)


def test_all_words_that_the_engine_reserves_are_known() -> None:
    import duckdb

    categories = "('reserved', 'type_function')"
    words = duckdb.sql(f"select keyword_name from duckdb_keywords() where keyword_category in {categories}").fetchall()
    assert len(words) > 70
    assert {word for (word,) in words} <= SQL_WORDS


def test_a_refusal_is_three_lines_and_exit_code_2_and_writes_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_ROOT", str(settings.root))
    monkeypatch.setenv("HEADGATE_HOME", str(settings.state_folder))
    for name in ("../x", "Ünïcode", "1st", "a" * 200, "dagster"):
        assert main(["new", "team", name]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 3
    assert main(["new", "team", "good", "--from-table", "nobody.orders"]) == 2
    assert "no team publishes 'nobody.orders'" in capsys.readouterr().err
    assert list((settings.root / "teams").iterdir()) == []


# --- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unlocked")
def test_a_team_is_whole(settings: Settings) -> None:
    plan = make_team(settings, "marketing")
    assert plan is not None
    assert plan.published == ["visits_by_day"]
    [team] = list_teams(settings.root)
    assert (team.name, team.owner, team.consumes) == ("marketing", "team:marketing", {})
    contract = load_contract(team.contracts_folder / "visits_by_day.odcs.yaml")
    assert [(column.name, column.sql_type) for column in contract.columns] == [("day", "DATE"), ("row_count", "BIGINT")]
    assert set(files_of(team.folder)) == {
        "README.md",
        "contracts/visits_by_day.odcs.yaml",
        "pyproject.toml",
        "requirements.lock",
        "src/marketing/__init__.py",
        "src/marketing/definitions.py",
        "src/marketing/products.py",
        "src/marketing/sources.py",
        "src/marketing/visits.csv",
        "tests/test_definitions.py",
        "tests/test_products.py",
    }


@pytest.mark.usefixtures("unlocked")
def test_running_it_twice_changes_nothing_whatever_was_edited(settings: Settings) -> None:
    make_team(settings, "marketing", with_ml=True)
    (settings.root / "teams" / "marketing" / "README.md").write_text("Ours.\n", encoding="utf-8")
    before = files_of(settings.root)
    assert make_team(settings, "marketing", with_ml=True) is None
    assert files_of(settings.root) == before


@pytest.mark.usefixtures("unlocked")
def test_a_team_made_otherwise_is_taken(settings: Settings) -> None:
    make_team(settings, "marketing")
    before = files_of(settings.root)
    with pytest.raises(TeamNameError, match="teams/marketing has it"):
        make_team(settings, "marketing", with_ml=True)
    assert files_of(settings.root) == before


@pytest.mark.usefixtures("unlocked")
def test_a_folder_that_is_no_team_is_left_alone(settings: Settings) -> None:
    (settings.root / "teams" / "marketing").mkdir()
    with pytest.raises(HeadgateError, match="is there already and is no team"):
        make_team(settings, "marketing")
    assert list((settings.root / "teams" / "marketing").iterdir()) == []


@pytest.mark.usefixtures("unlocked")
def test_a_product_from_a_table_consumes_it_in_the_published_version(settings: Settings) -> None:
    make_team(settings, "first")
    contract = settings.root / "teams" / "first" / "contracts" / "visits_by_day.odcs.yaml"
    contract.write_text(contract.read_text("utf-8").replace("version: 1.0.0", "version: 2.3.4"), encoding="utf-8")
    make_team(settings, "second", from_table="first.visits_by_day")
    [_, second] = list_teams(settings.root)
    assert second.consumes == {"first.visits_by_day": ">=2.3,<3"}
    assert load_contract(second.contracts_folder / "visits_by_day_by_day.odcs.yaml").primary_key == ("day",)


@pytest.mark.parametrize("with_ml", [False, True])
@pytest.mark.parametrize("team", ["alpha", "zoo", "a" * 39])
@pytest.mark.parametrize("table", [None, "analytics.order_data", "analytics.product_performance"])
def test_what_is_written_is_as_the_house_wants_it(team: str, table: str | None, with_ml: bool, tmp_path: Path) -> None:
    folder = tmp_path / "teams" / team
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "libs").symlink_to(ROOT / "libs")
    example = example_from(table, Settings(root=ROOT, home=tmp_path / "home")) if table else SEED
    for name, text in render(Plan(team, example, with_ml)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        assert "{{" not in text and "{%" not in text
    for command in (["check"], ["format", "--diff"]):
        result = subprocess.run(
            [RUFF, *command, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout
    manifest = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert manifest["tool"]["headgate"]["owner"] == f"team:{team}"
    assert ("scikit-learn>=1.9,<2" in manifest["project"]["dependencies"]) == with_ml
    assert ("feature-helpers>=1,<2" in manifest["project"]["dependencies"]) == with_ml


@pytest.mark.usefixtures("unlocked")
def test_a_team_that_learns_shares_the_feature_helpers(settings: Settings) -> None:
    make_team(settings, "plain")
    make_team(settings, "learned", with_ml=True)
    internal = {
        project.name: [folder.name for folder in project.internal]
        for project in find_projects(settings.root)
        if project.is_team
    }
    assert internal == {"learned": ["feature_helpers", "headgate"], "plain": ["headgate"]}
    suites = [suite.name for suite in find_suites(settings.root) if suite.environment == "learned"]
    assert suites == ["libs/feature_helpers@learned", "teams/learned"]


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.services
def test_a_lock_that_cannot_be_resolved_gives_the_reason_and_leaves_nothing(settings: Settings) -> None:
    manifest = settings.root / "libs" / "headgate" / "pyproject.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"dagster==1.13.27"', '"dagster==1.13.27", "dagster==1.13.26"'), encoding="utf-8")
    with pytest.raises(LockError, match=r"dagster==1\.13\.2[67]") as caught:
        make_team(settings, "marketing")
    assert len(str(caught.value).splitlines()) == 3
    assert list((settings.root / "teams").iterdir()) == []


@pytest.mark.services
def test_a_library_that_the_new_team_could_not_use_is_named(settings: Settings) -> None:
    manifest = settings.root / "libs" / "feature_helpers" / "pyproject.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('version = "1.0.0"', 'version = "2.0.0"'), encoding="utf-8")
    with pytest.raises(LockError, match="feature-helpers") as caught:
        make_team(settings, "marketing", with_ml=True)
    assert "libs/feature_helpers" in str(caught.value).splitlines()[1]
    assert list((settings.root / "teams").iterdir()) == []


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_is_interrupted_leaves_nothing(
    settings: Settings, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def interrupt(project: object, offline: bool = False) -> bool:
        seen.append([path.name for path in (settings.root / "teams").iterdir()])
        raise ending

    monkeypatch.setattr(making, "renew_lock", interrupt)
    with pytest.raises(ending):
        make_team(settings, "marketing")
    assert seen == [[".new-marketing"]]
    assert list((settings.root / "teams").iterdir()) == []


@pytest.mark.usefixtures("unlocked")
def test_what_a_killed_one_left_is_no_team_and_goes_with_the_next(settings: Settings) -> None:
    rest = settings.root / "teams" / ".new-old"
    rest.mkdir()
    (rest / "pyproject.toml").write_text('[project]\nname = "old"\n', encoding="utf-8")
    assert list_teams(settings.root) == []
    make_team(settings, "marketing")
    assert [path.name for path in (settings.root / "teams").iterdir()] == ["marketing"]


def test_two_at_once_do_not_meet(settings: Settings) -> None:
    with making.hold_teams(settings.root), pytest.raises(HeadgateError, match="another command is adding or removing"):
        make_team(settings, "marketing")
