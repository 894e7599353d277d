"""Environments of small projects, made by the real installer."""

import os
import subprocess
from pathlib import Path

import pytest

from headgate.environment import Settings
from headgate_control.environments import (
    ProjectEnvironmentError,
    environment_folder,
    environment_python,
    find_stale,
    make_environments,
    require_environments,
)
from headgate_control.locks import renew_lock
from headgate_control.projects import Project, find_projects

pytestmark = pytest.mark.services

BUILD = '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'


@pytest.fixture
def small(awkward_folder: Path) -> Settings:
    """A repository with a library, a team that uses it, and one that needs a package; its home has an awkward name."""
    root = awkward_folder / "repository"
    write_project(root / "libs" / "tools", '[project]\nname = "tools"\nversion = "1"\ndependencies = []\n')
    write_project(
        root / "teams" / "growers",
        '[project]\nname = "growers"\nversion = "1"\ndependencies = ["tools", "packaging>=24"]\n'
        '[tool.uv.sources]\ntools = { path = "../../libs/tools", editable = true }\n',
    )
    return Settings(root=root, home=awkward_folder / "home")


def write_project(folder: Path, manifest: str) -> None:
    package = folder / "src" / folder.name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'PLACE = "{folder.name}"\n')
    (folder / "pyproject.toml").write_text(manifest + BUILD)
    (folder / "requirements.lock").write_text("")


def project(settings: Settings, name: str) -> Project:
    return next(one for one in find_projects(settings.root) if one.name == name)


def run(settings: Settings, name: str, code: str) -> str:
    command = [str(environment_python(settings, name)), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_is_made_from_its_lock_and_made_again_when_it_changes(small: Settings) -> None:
    growers = project(small, "growers")
    assert renew_lock(growers) is True
    assert renew_lock(growers) is False
    text = growers.lock.read_text()
    assert text.startswith("packaging==") and "--hash=sha256:" in text and "tools" not in text

    assert require_environments(small, [growers], quiet=True) > 0
    assert run(small, "growers", "import growers, tools; print(growers.PLACE, tools.PLACE)") == "growers tools"
    modules = run(small, "growers", "import packaging; print(*packaging.__path__)")
    assert {path.stem for path in Path(modules).glob("*.py")} == {
        path.name.partition(".")[0] for path in Path(modules, "__pycache__").glob("*.pyc")
    }
    assert require_environments(small, [growers], quiet=True) == 0.0

    (small.root / "libs" / "tools" / "src" / "tools" / "__init__.py").write_text('PLACE = "mended"\n')
    assert run(small, "growers", "import tools; print(tools.PLACE)") == "mended"  # editable: no new environment
    assert find_stale(small, [growers]) == []

    growers.lock.write_text("")
    assert find_stale(small, [growers]) == [growers]
    require_environments(small, [growers], quiet=True)
    with pytest.raises(subprocess.CalledProcessError):
        run(small, "growers", "import packaging")


def test_a_half_made_environment_is_made_anew(small: Settings) -> None:
    tools = project(small, "tools")
    folder = environment_folder(small, "tools")
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to("/nowhere/python")
    require_environments(small, [tools], quiet=True)
    assert run(small, "tools", "import tools; print(tools.PLACE)") == "tools"

    (folder / "bin" / "python").unlink()  # its Python was removed from the machine
    (folder / "bin" / "python").symlink_to("/nowhere/python")
    assert find_stale(small, [tools]) == [tools]


def test_one_broken_lock_keeps_nobody_else_waiting(small: Settings) -> None:
    growers = project(small, "growers")
    growers.lock.write_text("packaging==24.2 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    reported: list[tuple[str, str]] = []
    failures = make_environments(
        small, find_projects(small.root), report=lambda name, step: reported.append((name, step))
    )
    assert list(failures) == ["growers"]
    what, where, next_step = str(failures["growers"]).splitlines()
    assert "the environment of teams/growers cannot be made: " in what and "Hash mismatch" in what
    assert where.endswith("teams/growers/requirements.lock") and "headgate lock growers" in next_step
    assert ("tools", "ready") in reported and ("growers", "failed") in reported
    assert find_stale(small, find_projects(small.root)) == [growers]


@pytest.mark.parametrize(
    ("lock", "reason"),
    [
        ("packaging 24.2\n", "requirements.lock"),
        (f"packaging==999.0 --hash=sha256:{'0' * 64}\n", "packaging==999.0"),
        (None, "no lock"),
    ],
)
def test_the_resolvers_reason_is_told(small: Settings, lock: str | None, reason: str) -> None:
    growers = project(small, "growers")
    growers.lock.unlink() if lock is None else growers.lock.write_text(lock)
    with pytest.raises(ProjectEnvironmentError) as caught:
        require_environments(small, [growers], quiet=True)
    assert len(str(caught.value).splitlines()) == 3
    assert reason in caught.value.what


def test_no_network_is_told_as_such(small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    growers = project(small, "growers")
    renew_lock(growers)
    with monkeypatch.context() as offline:
        offline.setenv("UV_CACHE_DIR", str(tmp_path / "empty cache"))
        offline.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
        offline.setenv("UV_HTTP_RETRIES", "0")
        with pytest.raises(ProjectEnvironmentError) as caught:
            require_environments(small, [growers], quiet=True)
    assert "127.0.0.1:9" in caught.value.what
    assert caught.value.next_step.startswith("check the network")
    require_environments(small, [growers], quiet=True)  # the next one makes it right


def test_a_place_that_cannot_be_written(small: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ProjectEnvironmentError) as caught:
        require_environments(Settings(root=small.root, home=tmp_path / "file"), find_projects(small.root), quiet=True)
    assert "cannot be made: Not a directory" in caught.value.what
    assert os.fspath(tmp_path) in caught.value.where
