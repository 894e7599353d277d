"""`headgate new team --dbt-project PATH` and `--with-dbt`: a team whose assets are a dbt project's.

What belongs here: the team around the project, and refusing a project that cannot be one. What does not: what a project
becomes (`headgate.orchestration.dbt`). The control plane has no dbt: the project is parsed in the new team's environment.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from headgate.environment import Settings
from headgate.orchestration.dbt.project import check_project
from headgate.team import TEAM_NAME, read_team
from headgate_control.environments import environment_folder, require_environments
from headgate_control.projects import choose_projects
from headgate_control.published import ParsingError, parse_project
from headgate_control.team_admin.example import SEED
from headgate_control.team_admin.making import TeamMakingError, _lock, _write, hold_teams
from headgate_control.team_admin.names import check_name
from headgate_control.team_admin.rendering import Plan, render_dbt

_LEFT_BEHIND = shutil.ignore_patterns(
    *(".git", ".venv", "venv", "target", "logs", "__pycache__", ".user.yml", ".env", "*.duckdb", "*.duckdb.wal"),
    # Where data is and who may see it is the platform's; such a file often holds passwords.
    *("profiles.yml", "profiles.yaml"),
)


@dataclass(frozen=True)
class DbtTeam:
    """What was made.

    Args:
        team: its name.
        counts: how many models, seeds, snapshots, sources and tests the project has.
        published: the tables that the gate publishes.
    """

    team: str
    counts: dict[str, int] = field(default_factory=dict)
    published: tuple[str, ...] = ()


def make_dbt_team(settings: Settings, name: str, *, project: Path | None = None, quiet: bool = False) -> DbtTeam | None:
    """Makes a team of a dbt project, its environment, and parses the project in it.

    Args:
        settings: this installation.
        name: the team's name.
        project: folder of a dbt project, which is copied as it is; None for one with an example.
        quiet: show nothing while the environment is made.

    Returns:
        What was made; None when the team was there already and nothing was done.

    Raises:
        DbtError: there is no project, or it needs packages that are not in it.
        TeamNameError: the name is taken or cannot be one.
        LockError, ProjectEnvironmentError: the team's packages cannot be had.
        TeamMakingError: dbt cannot parse the project, or a model cannot be what it says. Nothing is left behind.
    """
    folder = settings.root / "teams" / name
    if project is not None:
        project = project.expanduser().absolute()
        check_project(project)
    with hold_teams(settings.root):
        if TEAM_NAME.fullmatch(name) and (folder / "dbt" / "dbt_project.yml").is_file() and _is_made(folder, project):
            return None
        check_name(name, root=settings.root, environments=settings.state_folder / "envs")
        if folder.exists() or folder.is_symlink():
            raise TeamMakingError(
                f"teams/{name} is there already and is no team",
                where=str(folder),
                next_step="move it away, or choose another name",
            )
        draft = folder.with_name(f".new-{name}")
        is_whole = False
        try:
            _write(draft, render_dbt(name, project))
            if project is not None:
                _copy(project, draft / "dbt")
            _lock(draft, Plan(name, SEED, with_ml=False), settings.root)
            draft.rename(folder)
            require_environments(settings, choose_projects(settings.root, [name]), quiet=quiet)
            made = _parse(settings, name, folder)
            is_whole = True
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if not is_whole:
                _undo(settings, name, folder)
    return made


def _is_made(folder: Path, project: Path | None) -> bool:
    """Whether every file that would be written is there, whatever was changed in it since."""
    return all((folder / path).is_file() for path in (*render_dbt(folder.name, project), "requirements.lock"))


def _copy(project: Path, target: Path) -> None:
    try:
        shutil.copytree(project, target, ignore=_LEFT_BEHIND)
    except (OSError, shutil.Error) as error:
        raise TeamMakingError(
            f"the dbt project cannot be copied: {str(error)[:200]}",
            where=str(project),
            next_step="make it readable and see that the disk has room, then run again",
        ) from None


def _parse(settings: Settings, name: str, folder: Path) -> DbtTeam:
    """What the project becomes, as the team's own environment sees it."""
    try:
        said = parse_project(settings, name, folder)
    except ParsingError as error:
        raise TeamMakingError(
            f"team {name} was not made: {error.what}",
            where=error.where.replace(str(folder / "dbt"), "the dbt project"),  # the folder is gone in a moment
            next_step=f"{error.next_step}; nothing was left behind",
        ) from None
    return DbtTeam(name, said["counts"], tuple(said["published"]))


def _undo(settings: Settings, name: str, folder: Path) -> None:
    read_team.cache_clear()
    for path in (folder, environment_folder(settings, name), settings.state_folder / "dbt" / name):
        shutil.rmtree(path, ignore_errors=True)
    environment_folder(settings, name).with_name(f"{name}.lock").unlink(missing_ok=True)
