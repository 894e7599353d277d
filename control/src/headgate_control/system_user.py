"""Another system user to run PostgreSQL as, because PostgreSQL refuses to run as root.

What belongs here: finding or making that user, and letting it reach a folder. What does not: PostgreSQL itself.
Nothing here does anything unless this process is root.
"""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from headgate.errors import HeadgateError

_NAME = "headgate"
_OPTIONS = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
_WHEELS_NAME = "pgserver"
"""The wheel's own helper, which starts the servers of projects' tests, has a user of its own."""

_FALLBACK = "nobody"


class SystemUserError(HeadgateError):
    """PostgreSQL cannot be run as another user than root."""


def choose_user(data: Path) -> pwd.struct_passwd | None:
    """The user that PostgreSQL runs as, or None for this process's own.

    Root hands over to the owner of the data folder, or to the system user `headgate`, which is made when it is missing,
    or to `nobody` where users cannot be made.

    Raises:
        SystemUserError: the data belongs to another user than this one and this process is not root.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise SystemUserError(
                "the database folder belongs to another user",
                where=f"{data}, user id {owner}",
                next_step="run as that user, or set HEADGATE_HOME to a folder of your own",
            )
        return None
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            pass
    return _find_user(_NAME) or _make_user(_NAME, *_OPTIONS) or _require_fallback()


def _find_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _make_user(name: str, *options: str) -> pwd.struct_passwd | None:
    if shutil.which("useradd") is None:
        return None
    subprocess.run(["useradd", *options, name], capture_output=True, check=False)
    return _find_user(name)


def make_users_of_tests() -> None:
    """As root, make the users that embedded servers run as before several are started at once.

    Two that find a user missing at the same moment would both make it, and one would fail.
    """
    if os.geteuid() == 0:
        _ = _find_user(_NAME) or _make_user(_NAME, *_OPTIONS)
        _ = _find_user(_WHEELS_NAME) or _make_user(_WHEELS_NAME, "--shell", "/bin/bash")


def _require_fallback() -> pwd.struct_passwd:
    user = _find_user(_FALLBACK)
    if user is None:
        raise SystemUserError(
            f"PostgreSQL does not run as root, and there is neither a user {_NAME} nor {_FALLBACK}",
            where="the users of this machine",
            next_step=f"run as an ordinary user, or make one: useradd --system {_NAME}",
        )
    return user


def let_through(path: Path, user: pwd.struct_passwd) -> None:
    """Give `user` the right to pass through the folders above `path`: `o+x`, and only where it is missing.

    Passing is not reading: what the folders hold stays as closed as it was.
    """
    for folder in reversed(path.absolute().parents):
        if not _may(folder.stat(), user, 0o1):
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)


def let_read(folder: Path, user: pwd.struct_passwd) -> None:
    """Give `user` the right to read and run what `folder` holds, where a strict umask at installation withheld it."""
    let_through(folder / "any", user)
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        wanted = 0o5 if mode & 0o100 else 0o4
        if not _may(path.stat(), user, wanted):
            path.chmod(stat.S_IMODE(mode) | wanted)


def _may(status: os.stat_result, user: pwd.struct_passwd, wanted: int) -> bool:
    if status.st_uid == user.pw_uid:
        bits = status.st_mode >> 6
    elif status.st_gid == user.pw_gid:
        bits = status.st_mode >> 3
    else:
        bits = status.st_mode
    return bits & wanted == wanted
