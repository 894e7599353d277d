"""`headgate remove team`: everything `new team` and the first build made, undone.

What belongs here: who still needs the team, what would be lost, and the order of removal: the folder goes last, so that
a removal that was interrupted can be run again.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headgate.contract import load_contracts
from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.lake.session import private_zone
from headgate.team import TEAM_NAME, Team, read_team
from headgate_control import databases
from headgate_control.home_lock import HomeLock
from headgate_control.platform_state import is_running
from headgate_control.provision import admin_url
from headgate_control.team_admin.example import SEED, Example, ExampleError, example_from
from headgate_control.team_admin.making import hold_teams
from headgate_control.team_admin.rendering import Plan, render, render_dbt
from headgate_control.team_admin.zone_removal import drop_zones


class TeamRemovalError(HeadgateError):
    """A team cannot be removed, or not now."""


@dataclass(frozen=True)
class Removal:
    """What is to go.

    Args:
        team: its name.
        folder: its code.
        state: what it has in the state folder: environment, data, secret, log; whether it is there or not.
        keeps_data: zones, role and their files stay.
    """

    team: str
    folder: Path
    state: tuple[Path, ...]
    keeps_data: bool


def plan_removal(settings: Settings, name: str, *, keep_data: bool = False, force: bool = False) -> Removal:
    """Finds out what would be removed; nothing is touched.

    Args:
        settings: this installation.
        name: the team's name.
        keep_data: keep the zones with their tables, and the role.
        force: remove it although work in its folder is in no commit.

    Raises:
        TeamRemovalError: there is no such team, others consume it, its folder holds work that would be lost, or the
            platform is running.
    """
    folder = settings.root / "teams" / name
    if not TEAM_NAME.fullmatch(name) or not (folder / "pyproject.toml").is_file():
        teams = ", ".join(path.name for path in _team_folders(settings.root))
        raise TeamRemovalError(
            f"there is no team {name[:60]!r}",
            where=str(settings.root / "teams"),
            next_step=f"choose one of {teams}" if teams else "there is nothing to remove",
        )
    if consumers := find_consumers(settings.root, name):
        raise TeamRemovalError(
            f"team {name} cannot be removed: others read what it publishes ({'; '.join(consumers)})",
            where=", ".join(sorted({f"teams/{line.split()[0]}" for line in consumers})),
            next_step="let those teams do without it first, or remove them first",
        )
    if not force and (lost := _find_unsaved(settings, folder)):
        raise TeamRemovalError(
            f"team {name} has work that is in no commit: {lost}",
            where=str(folder),
            next_step="commit it first, or give it up with --force",
        )
    if is_running(settings.state_folder):
        raise TeamRemovalError(
            "the platform is running, and with it the code of this team",
            where=str(settings.state_folder),
            next_step="run `headgate down` first, and `headgate up` again afterwards",
        )
    if not keep_data and settings.catalog_url is not None and admin_url(settings) is None:
        raise TeamRemovalError(
            f"role and zones of team {name} are on a server of your own, and no superuser's address was given",
            where=settings.catalog_url.split("?")[0],
            next_step="set HEADGATE_ADMIN_URL, or keep them with --keep-data",
        )
    return Removal(name, folder, tuple(_state_of(settings, name, keep_data)), keep_data)


def remove_team(settings: Settings, removal: Removal) -> list[str]:
    """Removes what was planned; a few seconds when the database has to be started for it.

    Returns:
        What was removed, for a person to read.

    Raises:
        TeamRemovalError, ZoneRemovalError: what is left can be removed by running it again.
    """
    removed: list[str] = []
    with hold_teams(settings.root), _no_build(settings):
        if not removal.keeps_data:
            removed += _drop_zones(settings, removal.team)
        for path in removal.state:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.exists() or path.is_symlink():
                path.unlink()
            else:
                continue
            removed.append(str(path))
        grave = removal.folder.with_name(f".removed-{removal.team}")
        removal.folder.rename(grave)  # at once for everybody who looks; what is in it then goes file by file
        shutil.rmtree(grave, ignore_errors=True)
        removed.append(str(removal.folder))
    return removed


def find_consumers(root: Path, name: str) -> list[str]:
    """Who reads what a team publishes: a line for each other team and table, `ml consumes analytics.order_data`.

    Raises:
        TeamError, ContractError: another team's manifest or contract cannot be read, so nobody can tell.
    """
    lines = []
    for folder in _team_folders(root):
        if folder.name == name:
            continue
        team = read_team(folder)
        tables = [table for table in team.consumes if table.split(".")[0] == name]
        lines += [f"{team.name} consumes {table}" for table in tables]
        lines += sorted(
            {
                f"{team.name} refers to {rule.references.table}"
                for contract in load_contracts(team.contracts_folder).values()
                for rule in contract.rules
                if rule.references and rule.references.table.split(".")[0] == name
            }
        )
    return lines


def _team_folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in (root / "teams").glob("[!.]*/pyproject.toml"))


def _find_unsaved(settings: Settings, folder: Path) -> str | None:
    """What of a team's folder would be lost for good; None when git has it, or `new team` would write it again."""
    git = ["git", "-C", str(settings.root), "status", "--porcelain", "--untracked-files=all", "--", str(folder)]
    try:
        status = subprocess.run(git, capture_output=True, text=True, check=False)
    except OSError:
        status = subprocess.CompletedProcess(git, 1, "", "")
    lines = status.stdout.splitlines()
    if (status.returncode == 0 and not lines) or _is_untouched(settings, folder):
        return None
    if status.returncode != 0:
        return "it is not kept by git"
    paths = [line[3:].strip('"') for line in lines]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _is_untouched(settings: Settings, folder: Path) -> bool:
    """Whether the folder holds what `new team` writes, and nothing else that a person could miss."""
    try:
        texts = _render_again(read_team(folder), settings)
        present = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_file() and not {"__pycache__", ".pytest_cache", ".ruff_cache"} & set(path.parts)
        }
        present.pop("requirements.lock", None)
        return present.keys() == texts.keys() and all(
            path.read_bytes() == texts[name].encode() for name, path in present.items()
        )
    except (HeadgateError, OSError):
        return False


def _render_again(team: Team, settings: Settings) -> dict[str, str]:
    """What `new team` would write under this name. A dbt project that moved in differs from it: whether it is still
    anywhere else, nobody here knows."""
    if (team.folder / "dbt").is_dir():
        return render_dbt(team.name)
    has_model = (team.folder / "src" / team.name / "models.py").is_file()
    return render(Plan(team.name, _example_of(team, settings), has_model))


def _example_of(team: Team, settings: Settings) -> Example:
    if len(team.consumes) > 1:
        raise ExampleError("it consumes more than one table", where=str(team.folder), next_step="nothing")
    return example_from(next(iter(team.consumes)), settings) if team.consumes else SEED


def _state_of(settings: Settings, name: str, keep_data: bool) -> Iterator[Path]:
    home = settings.state_folder
    yield home / "envs" / name
    yield home / "envs" / f"{name}.lock"
    yield home / "logs" / f"code-{name}.log"
    yield home / "dbt" / name
    if keep_data:
        return
    lakes = {path for path in (home / "lake").glob("*") if path.is_dir()}
    if "://" not in settings.lake_path:
        lakes.add(Path(settings.lake_path))
    for lake in sorted(lakes):
        yield lake / name
        yield lake / private_zone(name)
    yield from sorted((home / "pages").glob(f"*/{name}"))
    yield home / "mlflow" / name
    yield home / "secrets" / name


def _drop_zones(settings: Settings, name: str) -> list[str]:
    if settings.catalog_url is None and not (databases.data_folder(settings, "postgres") / "PG_VERSION").is_file():
        return []  # nothing was ever built here
    started = databases.start(settings, ["postgres"])
    try:
        url = admin_url(settings)
        return drop_zones(url, name) if url is not None else []
    finally:
        databases.stop(settings, started)


@contextmanager
def _no_build(settings: Settings) -> Iterator[None]:
    lock = HomeLock(settings.state_folder, "build")
    if not lock.acquire():
        raise TeamRemovalError(
            f"a build is running (process {lock.read() or 'unknown'})",
            where=str(settings.state_folder),
            next_step="wait until it has ended, then run again",
        )
    try:
        yield
    finally:
        lock.release()
