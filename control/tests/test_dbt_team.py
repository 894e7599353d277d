"""`headgate new team --dbt-project` and `--with-dbt`: what is written, and what is refused before anything is."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from headgate.environment import Settings
from headgate.orchestration.dbt.errors import DbtError
from headgate_control.cli import main
from headgate_control.team_admin import dbt_team
from headgate_control.team_admin.dbt_team import DbtTeam, make_dbt_team
from headgate_control.team_admin.names import TeamNameError

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "libs" / "headgate" / "tests" / "orchestration" / "dbt" / "shop"
RUFF = Path(sys.prefix) / "bin" / "ruff"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    root = tmp_path / "repository"
    (root / "teams").mkdir(parents=True)
    (root / "libs").mkdir()
    (root / "libs" / "headgate").symlink_to(ROOT / "libs" / "headgate")
    (root / "headgate").write_text("", encoding="utf-8")
    return Settings(root=root, home=tmp_path / "home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHOP, tmp_path / "their project"))


@pytest.fixture
def unmade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither lock nor environment; the project is not parsed."""
    monkeypatch.setattr(
        dbt_team, "_lock", lambda folder, plan, root: (folder / "requirements.lock").write_text("a==1\n") > 0
    )
    monkeypatch.setattr(dbt_team, "require_environments", lambda settings, projects, quiet: 0.0)
    monkeypatch.setattr(
        dbt_team, "_parse", lambda settings, name, folder: DbtTeam(name, {"model": 1}, ("visits_by_day",))
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("unmade")
def test_a_project_is_copied_as_it_is_without_its_secrets(settings: Settings, project: Path) -> None:
    before = files_of(project)
    for name in ("profiles.yml", ".env", "target/manifest.json", "logs/dbt.log", "dev.duckdb"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("password: secret", encoding="utf-8")
    assert make_dbt_team(settings, "shop", project=project) is not None
    folder = settings.root / "teams" / "shop"
    assert files_of(folder / "dbt") == before
    assert files_of(folder).keys() - {f"dbt/{name}" for name in before} == {
        "README.md",
        "pyproject.toml",
        "requirements.lock",
        "src/shop/__init__.py",
        "src/shop/definitions.py",
        "tests/test_definitions.py",
    }
    assert make_dbt_team(settings, "shop", project=project) is None  # a second time nothing is changed


@pytest.mark.usefixtures("unmade")
@pytest.mark.parametrize("team", ["alpha", "a" * 39])
def test_what_is_written_is_as_the_house_wants_it(settings: Settings, team: str) -> None:
    assert make_dbt_team(settings, team) is not None
    folder = settings.root / "teams" / team
    (settings.root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for command in (["check"], ["format", "--diff"]):
        result = subprocess.run(
            [RUFF, *command, "--no-cache", "teams"], cwd=settings.root, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout
    manifest = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert manifest["project"]["dependencies"] == ["headgate[dbt]"]
    [model] = yaml.safe_load((folder / "dbt" / "models" / "models.yml").read_text(encoding="utf-8"))["models"]
    assert (model["name"], model["access"], model["config"]["contract"]) == (
        "visits_by_day",
        "public",
        {"enforced": True},
    )
    sql = (folder / "dbt" / "models" / "visits_by_day.sql").read_text(encoding="utf-8")
    assert "from {{ ref('visits') }}\n" in sql


@pytest.mark.parametrize("name", ["packages.yml", "dependencies.yml"])
def test_a_package_that_is_not_there_is_named_and_nothing_is_written(
    settings: Settings, project: Path, name: str
) -> None:
    packages = "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n  - local: ours\n"
    (project / name).write_text(packages, encoding="utf-8")
    with pytest.raises(
        DbtError, match="needs the package dbt-labs/dbt_utils, the local package ours, which cannot be had"
    ):
        make_dbt_team(settings, "shop", project=project)
    assert list((settings.root / "teams").iterdir()) == []


@pytest.mark.usefixtures("unmade")
def test_packages_that_come_with_the_project_are_fine(settings: Settings, project: Path) -> None:
    (project / "packages.yml").write_text(
        "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n", encoding="utf-8"
    )
    package = project / "dbt_packages" / "dbt_utils"
    package.mkdir(parents=True)
    (package / "dbt_project.yml").write_text("name: dbt_utils\nversion: 1.3.0\n", encoding="utf-8")
    assert make_dbt_team(settings, "shop", project=project) is not None
    assert (settings.root / "teams" / "shop" / "dbt" / "dbt_packages" / "dbt_utils" / "dbt_project.yml").is_file()


def test_a_folder_without_a_project_and_a_broken_file_are_refused(settings: Settings, project: Path) -> None:
    with pytest.raises(DbtError, match="there is no dbt project"):
        make_dbt_team(settings, "shop", project=project / "models")
    (project / "packages.yml").write_text("packages: [", encoding="utf-8")
    with pytest.raises(DbtError, match=r"packages\.yml cannot be read"):
        make_dbt_team(settings, "shop", project=project)
    assert list((settings.root / "teams").iterdir()) == []


@pytest.mark.usefixtures("unmade")
def test_a_name_that_is_taken_is_refused_and_left_alone(settings: Settings, project: Path) -> None:
    make_dbt_team(settings, "shop")
    before = files_of(settings.root)
    (settings.root / "teams" / "shop" / "tests" / "test_definitions.py").unlink()
    with pytest.raises(TeamNameError, match="teams/shop has it"):
        make_dbt_team(settings, "shop", project=project)
    assert files_of(settings.root).keys() == before.keys() - {"teams/shop/tests/test_definitions.py"}


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
@pytest.mark.usefixtures("unmade")
def test_what_is_interrupted_leaves_nothing(
    settings: Settings, project: Path, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(settings: Settings, name: str, folder: Path) -> None:
        assert (folder / "dbt" / "dbt_project.yml").is_file()
        environment = settings.state_folder / "envs" / name
        environment.mkdir(parents=True)
        raise ending

    monkeypatch.setattr(dbt_team, "_parse", interrupt)
    with pytest.raises(ending):
        make_dbt_team(settings, "shop", project=project)
    assert list((settings.root / "teams").iterdir()) == []
    assert list((settings.state_folder / "envs").iterdir()) == []


def test_two_ways_to_begin_are_one_too_many(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_ROOT", str(settings.root))
    monkeypatch.setenv("HEADGATE_HOME", str(settings.state_folder))
    assert main(["new", "team", "shop", "--with-dbt", "--with-ml"]) == 2
    assert "a team begins in one way" in capsys.readouterr().err
