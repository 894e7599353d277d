"""A team's dbt project, parsed once for each state of its files and kept.

What belongs here: when to parse and where the result is. What does not: what is in it (`manifest`), running it (`process`).
A code location that starts with nothing changed reads one JSON file: no dbt, no network, no database.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from headgate.environment import Settings
from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Manifest, slim
from headgate.orchestration.dbt.process import run_dbt
from headgate.orchestration.dbt.profile import PROFILE, write_parsing_profile

FOLDER = "dbt"
"""Of a team: where its project is."""
_FORMAT = "2"
_KEPT_STATES = 3
_SKIPPED = {"target", "logs", ".git", "__pycache__", ".venv"}
_GRAPH, _MSGPACK = "graph.json", "partial_parse.msgpack"


@dataclass(frozen=True)
class DbtProject:
    """A parsed project.

    Args:
        folder: where dbt_project.yml is.
        team: whose.
        state: folder of what was parsed from these very files.
        manifest: its nodes.
    """

    folder: Path
    team: str
    state: Path
    manifest: Manifest

    @property
    def parsed(self) -> Path:
        """dbt's own form of the parsed project."""
        return self.state / _MSGPACK


def load_project(folder: Path, team: str, settings: Settings) -> DbtProject:
    """The project in a folder; parsed now if it never was in this state.

    Raises:
        DbtError: there is none, dbt cannot parse it, or it needs packages that are not in it.
    """
    check_project(folder)
    reader = f"{_version('dbt-core')} {_version('dbt-duckdb')}"
    state = _states(team, settings) / f"{_fingerprint(folder, settings)}-{_digest(reader)[:8]}"
    if not (state / _GRAPH).is_file():
        _parse(folder, team, state, target=settings.environment.value)
        _forget_old_states(state.parent)
    return DbtProject(folder, team, state, Manifest.read(state / _GRAPH))


def find_parsed(folder: Path, team: str, settings: Settings) -> DbtProject | None:
    """The project as it is now, if some process with dbt has parsed it: for those that have none. None otherwise."""
    if not (folder / "dbt_project.yml").is_file():
        return None
    found = [path for path in _states(team, settings).glob(f"{_fingerprint(folder, settings)}-*/{_GRAPH}")]
    if not found:
        return None
    newest = max(found, key=lambda path: path.stat().st_mtime)
    return DbtProject(folder, team, newest.parent, Manifest.read(newest))


def check_project(folder: Path) -> None:
    """Looks at a project without dbt.

    Raises:
        DbtError: there is none, its YAML cannot be read, or it needs packages that are not in it.
    """
    if not (folder / "dbt_project.yml").is_file():
        raise DbtError(
            "there is no dbt project",
            where=str(folder / "dbt_project.yml"),
            next_step="put the project there, or name the folder that holds dbt_project.yml",
        )
    _check_packages(folder)


def _states(team: str, settings: Settings) -> Path:
    return settings.state_folder / "dbt" / team


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fingerprint(folder: Path, settings: Settings) -> str:
    """Changes with any file of the project and with the environment. dbt's version is said beside it: not everybody who
    looks for a parsed project has dbt."""
    digest = hashlib.sha256(f"{_FORMAT} {settings.environment.value}".encode())
    for path in sorted(_files_of(folder)):
        digest.update(b"\0" + os.fsencode(path.relative_to(folder)) + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def _files_of(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in files:
            if (path := Path(place, name)).is_file():
                yield path


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _parse(folder: Path, team: str, state: Path, *, target: str) -> None:
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".parsing-", dir=state.parent))
    except OSError as error:
        raise DbtError(
            f"what dbt parsed cannot be kept: {error.strerror}",
            where=str(state.parent),
            next_step="make that place writable, or set HEADGATE_HOME elsewhere",
        ) from None
    try:
        write_parsing_profile(draft, team, target=target)
        with _captured(draft / "output.txt") as output:
            args = ["parse", "--no-partial-parse", "--profile", PROFILE, "--target", target, "--log-level", "error"]
            events = list(run_dbt(folder, [args], profiles=draft, scratch=draft, output=output))
        end = events[-1]
        if not end["success"]:
            printed = (draft / "output.txt").read_text(encoding="utf-8", errors="replace")
            raise DbtError(
                f"dbt cannot parse the project: {_reason(end['problem'] or printed)}",
                where=str(folder),
                next_step="mend what dbt names, then run again",
            )
        manifest = json.loads((draft / "manifest.json").read_text(encoding="utf-8"))
        (draft / _GRAPH).write_text(json.dumps(slim(manifest)), encoding="utf-8")
        for path in draft.iterdir():
            if path.name not in (_GRAPH, _MSGPACK):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        try:
            draft.rename(state)
        except OSError:  # another process was quicker, with the same result
            if not (state / _GRAPH).is_file():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _captured(path: Path) -> Iterator[int]:
    with path.open("wb") as file:
        yield file.fileno()


def _reason(text: str) -> str:
    """dbt's explanation on one line."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines)[:600] or "it gives no reason"


def _forget_old_states(folder: Path) -> None:
    states = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for path in sorted(states, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT_STATES:]:
        shutil.rmtree(path, ignore_errors=True)


def _check_packages(folder: Path) -> None:
    """Packages come with the project (`dbt_packages/`, or a `local:` folder): nothing is fetched."""
    wanted = _declared_packages(folder)
    if not wanted:
        return
    place = folder / str(_read_yaml(folder / "dbt_project.yml").get("packages-install-path", "dbt_packages"))
    present = {_project_name(path) for path in place.glob("*") if path.is_dir()}
    missing = [text for text, names in wanted if not names & present]
    if missing:
        raise DbtError(
            f"the project needs {', '.join(missing)}, which cannot be had here: nothing is downloaded",
            where=str(folder / "packages.yml"),
            next_step=f"run `dbt deps` where the project comes from and bring {place.name}/ along, or do without it",
        )


def _declared_packages(folder: Path) -> list[tuple[str, set[str]]]:
    """Each declared package as people know it, with the project names it can have."""
    found = []
    for name in ("packages.yml", "dependencies.yml"):
        for entry in _read_yaml(folder / name).get("packages") or []:
            if "local" in entry:
                local = folder / entry["local"]
                found.append((f"the local package {entry['local']}", {_project_name(local), local.name}))
            else:
                label = str(entry.get("package") or entry.get("git") or entry.get("tarball") or entry)
                last = label.rstrip("/").removesuffix(".git").rpartition("/")[2]
                found.append((f"the package {label}", {last, last.replace("-", "_"), entry.get("name", last)}))
    return found


def _project_name(folder: Path) -> str:
    return str(_read_yaml(folder / "dbt_project.yml").get("name", folder.name))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise DbtError(
            f"{path.name} cannot be read: {_reason(str(error))}", where=str(path), next_step="mend the file"
        ) from None
