"""`headgate new team`: everything a team is, written beside the others in one step.

What belongs here: order, the lock, and leaving nothing half made. What does not: which names are good (`names`), what
the files hold (`rendering`).

Nothing is registered anywhere: environments, roles, zones, the code location, tests, the dictionary and the roll-out
are derived from the teams that exist.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.team import TEAM_NAME
from headgate_control.locks import LockError, renew_lock
from headgate_control.projects import Project, find_projects, read_project
from headgate_control.team_admin.example import SEED, example_from
from headgate_control.team_admin.names import check_name
from headgate_control.team_admin.rendering import Plan, render


class TeamMakingError(HeadgateError):
    """A team cannot be made."""


def make_team(settings: Settings, name: str, *, with_ml: bool = False, from_table: str | None = None) -> Plan | None:
    """Makes a team with one published product, its contract, its tests and its lock.

    Args:
        settings: this installation.
        name: the team's name.
        with_ml: adds a learnt product.
        from_table: a published table, `team.table`, that the product is computed from; else from a small file.

    Returns:
        What was made; None when the same was there already and nothing was done.

    Raises:
        TeamNameError: the name is taken or cannot be one.
        ExampleError: no product can be computed from `from_table`.
        LockError: the team's packages cannot be resolved. Nothing is left behind.
    """
    teams = settings.root / "teams"
    folder = teams / name
    with hold_teams(settings.root):
        if TEAM_NAME.fullmatch(name) and (folder / "pyproject.toml").is_file():
            plan = Plan(name, example_from(from_table, settings) if from_table else SEED, with_ml)
            if _is_made(folder, plan):
                return None
        check_name(name, root=settings.root, environments=settings.state_folder / "envs")
        if folder.exists() or folder.is_symlink():
            raise TeamMakingError(
                f"teams/{name} is there already and is no team",
                where=str(folder),
                next_step="move it away, or choose another name",
            )
        plan = Plan(name, example_from(from_table, settings) if from_table else SEED, with_ml)
        draft = teams / f".new-{name}"
        try:
            _write(draft, render(plan))
            _lock(draft, plan, settings.root)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return plan


@contextlib.contextmanager
def hold_teams(root: Path) -> Iterator[None]:
    """One command at a time adds or removes teams; what an earlier one could not tidy up is tidied up.

    Raises:
        TeamMakingError: another one is at work, or the folder cannot be used.
    """
    folder = root / "teams"
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise TeamMakingError(
            f"the folder of the teams cannot be used: {error.strerror}",
            where=str(folder),
            next_step="run this in a clone of the repository, or set HEADGATE_ROOT to one",
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TeamMakingError(
                "another command is adding or removing a team",
                where=str(folder),
                next_step="wait until it has ended, then run again",
            ) from None
        for rest in (*folder.glob(".new-*"), *folder.glob(".removed-*")):
            shutil.rmtree(rest, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


def _is_made(folder: Path, plan: Plan) -> bool:
    """Whether every file that would be written is there, whatever was changed in it since."""
    return all((folder / path).is_file() for path in (*render(plan), "requirements.lock"))


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TeamMakingError(
            f"the team cannot be written: {error.strerror}",
            where=str(error.filename or folder),
            next_step="make that place writable and see that the disk has room, then run again",
        ) from None


def _lock(folder: Path, plan: Plan, root: Path) -> None:
    """Resolves the team's packages, to the versions that other teams have where these fit."""
    project = replace(read_project(folder, root), name=plan.team, place=f"teams/{plan.team}")
    _copy_pins(project, root, wanted="scikit-learn==" if plan.with_ml else "")
    try:
        try:
            # What other teams have is in the cache: no index is asked.
            renew_lock(project, offline=True)
        except LockError:
            project.lock.unlink(missing_ok=True)
            _copy_pins(project, root, wanted="")
            renew_lock(project)
    except LockError as error:
        libraries = ", ".join(package.relative_to(root).as_posix() for package in project.internal)
        at_fault = f"the manifest of the new team (which was not written), or those of {libraries}"
        raise LockError(error.what, where=at_fault, next_step=error.next_step) from None


def _copy_pins(project: Project, root: Path, *, wanted: str) -> None:
    """Begins with the smallest lock of another team that pins what is wanted."""
    texts = [other.lock.read_text(encoding="utf-8") for other in find_projects(root) if _is_locked_team(other)]
    fitting = [text for text in texts if wanted in text]
    if fitting or texts:
        project.lock.write_text(min(fitting or texts, key=len), encoding="utf-8")


def _is_locked_team(project: Project) -> bool:
    return project.is_team and project.lock.is_file()
