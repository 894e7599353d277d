"""A team's connection to the lake: DuckDB with the zones attached that the team may see."""

import contextlib
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from headgate.environment import Settings, SettingsError
from headgate.errors import HeadgateError
from headgate.lake.names import private_zone as private_zone

if TYPE_CHECKING:
    import duckdb

EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")


class LakeError(HeadgateError):
    """The lake cannot be reached, or refuses what was asked of it."""


def quote(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """`value` as an SQL string."""
    return "'" + value.replace("'", "''") + "'"


def split_name(table: str) -> tuple[str, str]:
    """`team.table` as (zone, table).

    Raises:
        LakeError: it is not of that form.
    """
    zone, _, name = table.partition(".")
    if not zone or not name or "." in name:
        raise LakeError(
            f"{table!r} does not name a table", where="the table's name", next_step="write it as team.table"
        )
    return zone, name


class LakeSession:
    """One DuckDB connection under one team's role. Zones are attached when first used.

    A team's own zones are attached writable, every other zone read-only; PostgreSQL's own grants refuse the rest.
    """

    def __init__(self, settings: Settings, team: str, *, files: Path | None = None) -> None:
        """Opens an engine; touches neither network nor catalog until a zone is attached.

        Args:
            settings: which lake.
            team: whose role.
            files: from where relative paths are found that this process's own folder does not have: those of views over
                files, which were made by a process in that folder.
        """
        import duckdb  # late: a code server loads this module and opens no session until a run or a tick does

        self.settings = settings
        self.team = team
        self._attached: set[str] = set()
        self.has_records = False
        """Whether the team's record tables are known to be there; see `headgate.lake.records`."""
        self.connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                # Checking the signatures of what the lock's hashes vouch for takes 0.4 s of computing a session.
                "allow_unsigned_extensions": "true",
                "temp_directory": str(settings.state_folder / "run" / "spill"),
            }
        )
        for name in EXTENSIONS:
            self.connection.execute(f"load {quote_literal(str(extension_file(name)))}")
        # From here on the engine checks again, and does not let this be taken back.
        self.connection.execute("set allow_unsigned_extensions = false")
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.execute("set ducklake_max_retry_count = 100")
        self.connection.execute("set preserve_insertion_order = false")
        # Else the catalog's tables are read by ranges of pages, which no index helps; global, as DuckLake has connections
        # of its own.
        self.connection.execute("set global pg_use_ctid_scan = false")
        if files is not None:
            self.connection.execute(f"set file_search_path = {quote_literal(str(files))}")

    def __enter__(self) -> "LakeSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def attach(self, zone: str) -> None:
        """Makes a zone's tables reachable as `zone.table`.

        Raises:
            LakeError: the catalog is down, the password is refused, or this team may not read the zone.
        """
        if zone in self._attached:
            return
        own = zone in (self.team, private_zone(self.team))
        self._attach(zone, zone, data_path=self._zone_path(zone) if own else None)
        self._attached.add(zone)

    def attach_as(self, zone: str, name: str) -> None:
        """A zone read-only, also one's own, under a name of choice."""
        self._attach(zone, name, data_path=None)
        if name == zone:
            self._attached.add(zone)

    def _attach(self, zone: str, name: str, *, data_path: str | None) -> None:
        options = [f"metadata_schema {quote_literal(zone)}"]
        if data_path is not None:
            options.append(f"data_path {quote_literal(data_path)}")
        else:
            # A zone that holds nothing yet is not created by its reader, who may not: it says so instead.
            options += ["read_only", "create_if_not_exists false"]
        with self.translate_errors(where=f"zone {zone} of {self._catalog_place()}"):
            self.connection.execute(
                f"attach {quote_literal('ducklake:postgres:' + self._conninfo())} as {quote(name)} ({', '.join(options)})"
            )

    def detach(self, zone: str) -> None:
        if zone in self._attached:
            self.connection.execute(f"detach {quote(zone)}")
            self._attached.discard(zone)

    def qualify(self, table: str) -> str:
        """`team.table` as a quoted name, its zone attached."""
        zone, name = split_name(table)
        self.attach(zone)
        return f"{quote(zone)}.{quote(name)}"

    def has_table(self, table: str, *, schema: str = "main") -> bool:
        """Whether there is a table, or a view, of that name."""
        import duckdb

        zone, name = split_name(table)
        self.attach(zone)
        # What can be described is there. Only what cannot is looked for in the list of all tables, which costs ten times
        # as much: it tells what is absent from a view over what is.
        with contextlib.suppress(duckdb.Error):
            self.connection.execute(f"describe {quote(zone)}.{quote(schema)}.{quote(name)}")
            return True
        found = self.connection.execute(
            "select count(*) from information_schema.tables where (table_catalog, table_schema, table_name) = (?, ?, ?)",
            [zone, schema, name],
        ).fetchone()
        return bool(found and found[0])

    def snapshot_id(self, zone: str) -> int:
        """The zone's current snapshot."""
        self.attach(zone)
        return self._snapshot(f"ducklake_current_snapshot({quote_literal(zone)})")

    def committed_snapshot_id(self, zone: str) -> int:
        """The snapshot that this session's last commit to a zone made; it asks no database."""
        return self._snapshot(f"ducklake_last_committed_snapshot({quote_literal(zone)})")

    def _snapshot(self, function: str) -> int:
        row = self.connection.execute(f"from {function}").fetchone()
        assert row is not None
        return int(row[0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN … COMMIT; ROLLBACK when the block raises."""
        import duckdb

        self.connection.execute("begin transaction")
        try:
            yield
            self.connection.execute("commit")
        except BaseException:
            # A failed commit has already ended the transaction.
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("rollback")
            raise

    @contextlib.contextmanager
    def translate_errors(self, *, where: str) -> Iterator[None]:
        """Turns the engine's errors into LakeError; no password gets into the message."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise self._explain(error, where) from None

    def _explain(self, error: "duckdb.Error", where: str) -> LakeError:
        message = self._redact(str(error))
        first_line = message.strip().splitlines()[0]
        if "permission denied" in message:
            return LakeError(
                f"the database refuses team {self.team}: {_between(message, 'permission denied')}",
                where=where,
                next_step="read what the other team publishes; ask its owner to publish what is missing",
            )
        if "password authentication failed" in message:
            return LakeError(
                f"the catalog refuses the password of role {self.team}",
                where=where,
                next_step="run `headgate doctor`; the role's password is in HEADGATE_CATALOG_PASSWORD",
            )
        if "onnect" in message and (
            "refused" in message or "No such file" in message or "Unable to connect" in message
        ):
            return LakeError(
                "the lake's catalog (PostgreSQL) is not reachable",
                where=where,
                next_step="start it with `headgate up`, or check HEADGATE_CATALOG_URL",
            )
        if problem := explain_storage(message):
            return problem
        if "create_if_not_exists" in message.lower() or ("does not exist" in message and "ducklake" in message.lower()):
            return LakeError(
                "what was asked for has not been published yet",
                where=where,
                next_step="build the team that owns it first",
            )
        return LakeError(first_line, where=where, next_step="run `headgate doctor`")

    def _redact(self, text: str) -> str:
        for secret in (self.settings.catalog_password, self.settings.masking_key):
            if isinstance(secret, SecretStr) and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "********")
        return text

    def _conninfo(self) -> str:
        return catalog_conninfo(self.settings, self.team)

    def _catalog_place(self) -> str:
        return (self.settings.catalog_url or "no catalog").split("?")[0]

    def _zone_path(self, zone: str) -> str:
        return make_zone_path(self.settings, zone)


def catalog_conninfo(settings: Settings, team: str) -> str:
    """libpq's connection string of a team's role, its password included.

    Raises:
        SettingsError: this process was not told where the catalog is.
    """
    if not settings.catalog_url or settings.catalog_password is None:
        missing = "HEADGATE_CATALOG_PASSWORD" if settings.catalog_url else "HEADGATE_CATALOG_URL"
        raise SettingsError(
            f"{missing} is not set, so the lake cannot be reached",
            where="environment variables of this process",
            next_step="run through `./headgate`, which sets it, or export it",
        )
    # Imported late: 70 modules that loading a team's code does not need.
    from psycopg.conninfo import make_conninfo

    return make_conninfo(
        settings.catalog_url,
        user=team,
        password=settings.catalog_password.get_secret_value(),
        connect_timeout=10,
    )


def make_zone_path(settings: Settings, zone: str) -> str:
    """Where a zone's files are; the folder is made when it is one of this machine."""
    path = f"{settings.lake_path}/{zone}/"
    if "://" not in path:
        Path(path).mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def explain_storage(message: str) -> LakeError | None:
    """What the engine says of the folder it cannot write to, or None when it says something else."""
    path = re.search(r'"(/[^"]+)"', message)
    where = str(Path(path[1]).parent) if path else "the lake's data path"
    if "No space left" in message or "disk is full" in message.lower():
        return LakeError(
            "the disk under the lake is full",
            where=where,
            next_step="free space, then run again; what was published stays as it is",
        )
    if "Read-only file system" in message or "Permission denied" in message:
        return LakeError(
            "the lake's folder may not be written",
            where=where,
            next_step="make it writable for this user, then run again; what was published stays as it is",
        )
    return None


def _between(message: str, start: str) -> str:
    return message[message.index(start) :].splitlines()[0]


def extension_file(name: str) -> Path:
    """The extension that this environment's wheel ships: nothing is downloaded, nothing goes to the home folder."""
    import duckdb

    module = import_module(f"duckdb_extension_{name}")
    folder = Path(str(module.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    return next(folder.rglob(f"{name}.duckdb_extension"))
