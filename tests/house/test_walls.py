"""Imports go one way: teams → libs, control → libs; never team → team, never libs → teams or control; and inside the
library only `orchestration` knows Dagster. The contracts are made from the projects found: a new team is behind its
wall the day its folder is there."""

import os
from pathlib import Path

from repository import PROJECTS, ROOT, SOURCES, run_tool

from headgate_control.projects import Project

_WITHOUT_DAGSTER = ("contract", "lake", "quality", "sources", "environment", "errors", "team")


def _packages(*, below: str) -> list[str]:
    return [_package(project) for project in PROJECTS if project.place.startswith(below)]


def _package(project: Project) -> str:
    return project.package.replace("-", "_")


TEAMS = _packages(below="teams/")
LIBRARIES = _packages(below="libs/")


def contracts() -> dict[str, dict[str, list[str] | str]]:
    """import-linter's contracts, by title."""
    library = ROOT / "libs" / "headgate" / "src" / "headgate"
    plain = [name for name in _WITHOUT_DAGSTER if (library / name).exists() or (library / f"{name}.py").exists()]
    return {
        "no team imports another team": {"type": "independence", "modules": TEAMS},
        "teams build on libraries alone": {
            "type": "forbidden",
            "source_modules": TEAMS,
            "forbidden_modules": ["headgate_control", "acme"],
        },
        "libraries know neither teams nor control plane": {
            "type": "forbidden",
            "source_modules": LIBRARIES,
            "forbidden_modules": [*TEAMS, "headgate_control", "acme"],
        },
        **_listed_libraries_alone(),
        "the control plane knows no team": {
            "type": "forbidden",
            "source_modules": ["headgate_control"],
            "forbidden_modules": [*TEAMS, "acme"],
        },
        "the stand-in company knows nothing of the platform": {
            "type": "forbidden",
            "source_modules": ["acme"],
            "forbidden_modules": [*TEAMS, *LIBRARIES, "headgate_control"],
        },
        "only orchestration knows Dagster": {
            "type": "forbidden",
            "source_modules": [f"headgate.{name}" for name in plain],
            "forbidden_modules": ["dagster", "headgate.orchestration"],
        },
    }


def _listed_libraries_alone() -> dict[str, dict[str, list[str] | str]]:
    """What a project may not import of the libraries: those that its manifest does not list."""
    libraries = {project.folder: _package(project) for project in PROJECTS if project.is_library}
    unlisted = {
        _package(project): sorted(
            name for folder, name in libraries.items() if folder not in (project.folder, *project.internal)
        )
        for project in PROJECTS
        if project.name != "docs"  # it has no asset, and its package is not among the roots
    }
    return {
        f"{package} uses the libraries that it lists": {
            "type": "forbidden",
            "source_modules": [package],
            "forbidden_modules": names,
        }
        for package, names in unlisted.items()
        if names
    }


def write_configuration(path: Path) -> None:
    packages = [*TEAMS, *LIBRARIES, "headgate_control", "acme"]
    lines = ["[importlinter]", "include_external_packages = True", *_option("root_packages", packages)]
    for number, (title, contract) in enumerate(contracts().items()):
        lines += ["", f"[importlinter:contract:{number}]", f"name = {title}"]
        for key, value in contract.items():
            lines += _option(key, value)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _option(key: str, value: list[str] | str) -> list[str]:
    return [f"{key} = {value}"] if isinstance(value, str) else [f"{key} =", *(f"    {item}" for item in value)]


def lint(configuration: Path, sources: list[str]) -> tuple[int, str]:
    result = run_tool("lint-imports", "--no-cache", "--config", str(configuration), PYTHONPATH=os.pathsep.join(sources))
    return result.returncode, result.stdout + result.stderr


def test_walls_stand(tmp_path: Path) -> None:
    write_configuration(tmp_path / "walls.ini")
    code, output = lint(tmp_path / "walls.ini", SOURCES)
    assert code == 0, output
    assert f"{len(contracts())} kept, 0 broken" in output, output


def test_a_breach_is_seen(tmp_path: Path) -> None:
    """One team imports another's module: the check that guards the walls notices."""
    first, second = TEAMS[:2]
    for team in (first, second):
        (tmp_path / team).mkdir()
        (tmp_path / team / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / first / "assets.py").write_text(f"import {second}\n", encoding="utf-8")
    write_configuration(tmp_path / "walls.ini")
    others = [source for source in SOURCES if Path(source).parent.name not in (first, second)]
    code, output = lint(tmp_path / "walls.ini", [str(tmp_path), *others])
    assert code == 1, output
    assert "no team imports another team BROKEN" in output, output


def test_a_library_that_is_not_listed_is_behind_a_wall(tmp_path: Path) -> None:
    """analytics does not list the feature helpers that ml uses."""
    (tmp_path / "analytics").mkdir()
    (tmp_path / "analytics" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "analytics" / "assets.py").write_text("from feature_helpers import one_hot\n", encoding="utf-8")
    write_configuration(tmp_path / "walls.ini")
    others = [source for source in SOURCES if Path(source).parent.name != "analytics"]
    code, output = lint(tmp_path / "walls.ini", [str(tmp_path), *others])
    assert code == 1, output
    assert "analytics uses the libraries that it lists BROKEN" in output, output
