"""Databases, roles and zones of an environment: what PostgreSQL itself enforces between teams.

What belongs here: making them, again and again without harm, and finding out that nothing is missing. What does not:
starting a server (`postgres`), what a process is told about them (`provision`), tables (DuckLake makes them).

A team's role owns two schemas, `<team>` (published zone) and `<team>_private`. Every team reads every published zone
through the group role `headgate_reader`; nobody but the owner reads a private one. Roles can connect to the databases
named for them and to no other.
"""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Iterator

import psycopg
from psycopg import sql

from headgate.lake.names import private_zone
from headgate_control.zone_names import DAGSTER_ROLE, READER_GROUP, Wanted, ZoneError, check_team_names

_EVENTS_SETTING = "synchronous_commit=off"


def has_database(admin_url: str, name: str) -> bool:
    with psycopg.connect(admin_url, connect_timeout=10) as server:
        return server.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is not None


def make_zones(admin_url: str, wanted: Wanted) -> list[str]:
    """Make what is missing on a server; a few milliseconds when nothing is.

    Safe to call at every start and from several processes at once.

    Args:
        admin_url: a superuser's address of any database of the server (its path is replaced).
        wanted: what the environment needs.

    Returns:
        What was made or changed, for a person to read.

    Raises:
        ZoneError: a name is taken, the server is not reachable, or refuses.
    """
    check_team_names(wanted.teams)
    with _explained(admin_url, wanted):
        with psycopg.connect(admin_url, dbname="postgres", autocommit=True, connect_timeout=10) as server:
            missing = _missing_on_server(server, wanted)
            if missing:
                server.execute("select pg_advisory_lock(hashtext('headgate-provision'))")
                missing = _missing_on_server(server, wanted)
                for _, statement in missing:
                    server.execute(statement)
        with psycopg.connect(admin_url, dbname=wanted.lake_database, autocommit=True, connect_timeout=10) as lake:
            changed = _provision_zones(lake, wanted)
        return [text for text, _ in missing] + changed


def find_missing(admin_url: str, wanted: Wanted) -> list[str]:
    """What `make_zones` would make or change; nothing is touched.

    Raises:
        ZoneError: the server is not reachable, or refuses.
    """
    with _explained(admin_url, wanted):
        with psycopg.connect(admin_url, dbname="postgres", autocommit=True, connect_timeout=10) as server:
            missing = _missing_on_server(server, wanted)
            query = "select 1 from pg_database where datname = %s"
            if server.execute(query, [wanted.lake_database]).fetchone() is None:
                return [text for text, _ in missing]
        with psycopg.connect(admin_url, dbname=wanted.lake_database, autocommit=True, connect_timeout=10) as lake:
            return [text for text, _ in missing + _missing_zones(lake, wanted)]


@contextlib.contextmanager
def _explained(admin_url: str, wanted: Wanted) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        lines = str(error).strip().splitlines()
        raise ZoneError(
            f"PostgreSQL refuses what the lake {wanted.lake} needs: {lines[0] if lines else error!r}",
            where=f"database server at {_place(admin_url)}",
            next_step="see `headgate doctor`; on a server of your own the admin role must be a superuser",
        ) from None


Change = tuple[str, sql.Composed]


def _missing_on_server(server: psycopg.Connection, wanted: Wanted) -> list[Change]:
    roles: dict[str, str | None] = dict(server.execute("select rolname, rolpassword from pg_authid").fetchall())
    databases = {
        name: set(may_connect)
        for name, may_connect in server.execute(
            # grantee 0 is everybody; no ACL at all means the default, which lets everybody connect
            "select datname, array(select case a.grantee when 0 then '' else pg_get_userbyid(a.grantee) end from "
            "aclexplode(coalesce(datacl, acldefault('d', datdba))) a where a.privilege_type = 'CONNECT') "
            "from pg_database where datallowconn"
        ).fetchall()
    }
    changes: list[Change] = []
    if READER_GROUP not in roles:
        changes.append((f"role {READER_GROUP}", sql.SQL("create role {} nologin").format(sql.Identifier(READER_GROUP))))
    members = {
        name
        for (name,) in server.execute(
            "select pg_get_userbyid(m.member) from pg_auth_members m where m.roleid = to_regrole(%s)", [READER_GROUP]
        ).fetchall()
    }
    for role in wanted.login_roles:
        password = wanted.passwords[role]
        name = sql.Identifier(role)
        if role not in roles:
            verifier = sql.Literal(_encrypt(server, password, role))
            changes.append((f"role {role}", sql.SQL("create role {} login password {}").format(name, verifier)))
        elif not _is_password(password, roles[role]):
            verifier = sql.Literal(_encrypt(server, password, role))
            changes.append((f"password of {role}", sql.SQL("alter role {} login password {}").format(name, verifier)))
        if role != DAGSTER_ROLE and role not in members:
            changes.append(
                (f"{role} reads published zones", sql.SQL("grant {} to {}").format(sql.Identifier(READER_GROUP), name))
            )
    dagster = sql.Identifier(DAGSTER_ROLE)
    if "dagster" not in databases:
        changes.append(("database dagster", sql.SQL("create database dagster owner {}").format(dagster)))
        # A run writes hundreds of events, each a commit of its own. A crash of the machine may lose the last fraction of a
        # second of them, never a publication: those are in the lake's own database, which waits for the disk.
        changes.append(("quick events", sql.SQL("alter database {} set synchronous_commit = off").format(dagster)))
    if wanted.is_embedded and not _has_setting(server, DAGSTER_ROLE, _EVENTS_SETTING):
        # An event is a commit, and a run has hundreds: 2.6 ms each against 0.03 ms. A crash of the machine loses at most
        # the last half second of events, never a published row: the lake's roles wait for the disk.
        setting = sql.SQL("alter role {} set synchronous_commit = off").format(dagster)
        changes.append(("Dagster's events do not wait for the disk", setting))
    if wanted.lake_database not in databases:
        lake = sql.Identifier(wanted.lake_database)
        changes.append((f"database {wanted.lake_database}", sql.SQL("create database {}").format(lake)))
    for database in ("dagster", wanted.lake_database, "postgres", "template1"):
        if "" in databases.get(database, {""}):
            closed = sql.SQL("revoke all on database {} from public").format(sql.Identifier(database))
            changes.append((f"database {database} closed to everybody", closed))
    if READER_GROUP not in databases.get(wanted.lake_database, set()):
        grant = sql.SQL("grant connect, temporary on database {} to {}")
        changes.append(
            ("teams connect", grant.format(sql.Identifier(wanted.lake_database), sql.Identifier(READER_GROUP)))
        )
    return changes


def _has_setting(server: psycopg.Connection, role: str, setting: str) -> bool:
    query = (
        "select 1 from pg_db_role_setting where setrole = to_regrole(%s) and setdatabase = 0 and %s = any(setconfig)"
    )
    return server.execute(query, [role, setting]).fetchone() is not None


def _provision_zones(lake: psycopg.Connection, wanted: Wanted) -> list[str]:
    missing = _missing_zones(lake, wanted)
    if not missing:
        return []
    with lake.transaction():
        lake.execute("select pg_advisory_xact_lock(hashtext('headgate-provision-zones'))")
        missing = _missing_zones(lake, wanted)
        for _, statement in missing:
            lake.execute(statement)
    return [text for text, _ in missing]


def _missing_zones(lake: psycopg.Connection, wanted: Wanted) -> list[Change]:
    owners: dict[str, str] = dict(
        lake.execute("select nspname, pg_get_userbyid(nspowner) from pg_namespace").fetchall()
    )
    readable = {
        name
        for (name,) in lake.execute(
            "select n.nspname from pg_namespace n, aclexplode(n.nspacl) a "
            "where a.grantee = to_regrole(%s) and a.privilege_type = 'USAGE'",
            [READER_GROUP],
        ).fetchall()
    }
    granting = {
        name
        for (name,) in lake.execute(
            "select n.nspname from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace, "
            "aclexplode(d.defaclacl) a "
            "where d.defaclobjtype = 'r' and a.grantee = to_regrole(%s) and a.privilege_type = 'SELECT'",
            [READER_GROUP],
        ).fetchall()
    }
    changes: list[Change] = []
    for team in wanted.teams:
        role = sql.Identifier(team.name)
        for zone in (team.name, private_zone(team.name)):
            parts = {"zone": sql.Identifier(zone), "role": role, "readers": sql.Identifier(READER_GROUP)}
            if zone not in owners:
                statement = sql.SQL("create schema {zone} authorization {role}").format(**parts)
                changes.append((f"zone {zone}", statement))
            elif owners[zone] != team.name:
                statement = sql.SQL("alter schema {zone} owner to {role}").format(**parts)
                changes.append((f"owner of zone {zone}", statement))
        if team.name not in readable:
            grant = sql.SQL("grant usage on schema {zone} to {readers}")
            changes.append((f"readers of {team.name}", grant.format(zone=role, readers=sql.Identifier(READER_GROUP))))
        if team.name not in granting:
            names = {"role": role, "zone": role, "readers": sql.Identifier(READER_GROUP)}
            present = sql.SQL("grant select on all tables in schema {zone} to {readers}").format(**names)
            future = sql.SQL(
                "alter default privileges for role {role} in schema {zone} grant select on tables to {readers}"
            ).format(**names)
            changes += [(f"tables of {team.name}", present), (f"future tables of {team.name}", future)]
    return changes


def _encrypt(connection: psycopg.Connection, password: str, role: str) -> str:
    """The verifier PostgreSQL stores: the password itself is never sent, so no server log can hold it."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return verifier.decode()


def _is_password(password: str, verifier: str | None) -> bool:
    """Whether a stored SCRAM verifier (RFC 5803) is this password's."""
    try:
        mechanism, salted, keys = (verifier or "").split("$")
        iterations, salt = salted.split(":")
        stored_key, _ = keys.split(":")
    except ValueError:
        return False
    if mechanism != "SCRAM-SHA-256":
        return False
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    client_key = hmac.digest(digest, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(stored_key))


def _place(url: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
