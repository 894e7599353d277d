"""Branches of the lake: a copy of its catalog that reads the same files and writes its own.

A branch is a database beside the lake's (`lake_branch_<name>`): the catalog is copied, the files are not. Its tables' files are
named absolutely, its own data root lies apart, so whatever is written there never touches the lake it came from.
With `HEADGATE_BRANCH=<name>` every command works on the branch. What does not belong here: roles and zones (`zones`).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headgate.contract import Contract
from headgate.environment import BRANCH_NAME, Environment, Settings
from headgate.errors import HeadgateError
from headgate.lake.gate import publish
from headgate.lake.history import read_history, unmasked_replacement
from headgate.lake.publication import Publication, RunInfo
from headgate.lake.session import LakeSession, quote
from headgate.pages import pages_folder
from headgate.team import Team, list_teams
from headgate_control import databases
from headgate_control.lake_access import attach_published, open_lake
from headgate_control.postgres import platform_server
from headgate_control.provision import admin_url, provision
from headgate_control.published import read_contracts
from headgate_control.rollout import rollout_stages
from headgate_control.zone_names import lake_database

_PREFIX = "lake_branch_"


class BranchError(HeadgateError):
    """A branch cannot be made, found, promoted or dropped."""


@dataclass(frozen=True)
class Difference:
    """A published table whose newest publication the lake and a branch do not share."""

    table: str
    rows: int | None
    """In the lake; None where the table is not published there."""
    branch_rows: int
    branch_snapshot: int


def create_branch(settings: Settings, name: str) -> Path:
    """Forks the lake; returns the folder of the branch's own files.

    The copy is one consistent snapshot of the catalog, whatever is being published meanwhile.

    Raises:
        BranchError: a bad name, or one that exists.
    """
    branch = _branch_settings(settings, name)
    with _catalog(settings):
        if name in list_branches(settings):
            raise BranchError(
                f"there is a branch {name} already",
                where=lake_database(branch.lake_name),
                next_step=f"choose another name, or `headgate branch drop {name}`",
            )
        try:
            _copy_catalog(settings, branch)
            provision(branch)
            _point_to_own_folder(settings, branch)
        except BaseException:
            _drop(settings, branch)
            raise
    return Path(branch.lake_path)


def list_branches(settings: Settings) -> list[str]:
    """Names of the branches; the catalog's server runs."""
    with psycopg.connect(_admin(settings), autocommit=True) as server:
        rows = server.execute(
            "select datname from pg_database where starts_with(datname, %s) order by datname", [_PREFIX]
        ).fetchall()
    return [name.removeprefix(_PREFIX) for (name,) in rows]


def drop_branch(settings: Settings, name: str) -> None:
    """Removes a branch and its own files; the lake keeps all of its own.

    Raises:
        BranchError: there is no such branch.
    """
    with _catalog(settings):
        _drop(settings, _existing(settings, name))


def compare_branch(settings: Settings, name: str) -> list[Difference]:
    """Published tables that a branch published anew since it was made."""
    with _catalog(settings):
        branch = _existing(settings, name)
        teams = list_teams(settings.root)
        ours, theirs = _newest(settings, teams), _newest(branch, teams)
    return [
        Difference(table, ours[table][1] if table in ours else None, rows, snapshot)
        for table, (publication, rows, snapshot) in sorted(theirs.items())
        if table not in ours or ours[table][0] != publication
    ]


def promote_branch(settings: Settings, name: str, *, code_version: str) -> list[Publication]:
    """Publishes in the lake what the branch published anew, table by table, each through the gate.

    Raises:
        BranchError: there is no such branch.
        AuditError: rows that today's contract refuses; tables promoted before it stay promoted.
        ParsingError: what a team's dbt project publishes cannot be told.
    """
    differences = {difference.table: difference for difference in compare_branch(settings, name)}
    promoted = []
    with _catalog(settings):
        branch = _existing(settings, name)
        for team in _owners_first(list_teams(settings.root)):
            contracts = read_contracts(settings, team)
            changed = [contract for table, contract in contracts.items() if f"{team.name}.{table}" in differences]
            if not changed:
                continue
            with open_lake(settings, team=team.name) as session:
                _attach_branch(session, branch, team.name)
                for contract in _in_publication_order(changed, differences):
                    columns = ", ".join(quote(column.name) for column in contract.columns)
                    difference = differences[contract.qualified_table]
                    run = RunInfo(f"promote-{name}-{difference.branch_snapshot}", code_version=code_version)
                    rows_sql = f"select {columns} from _branch.{quote(contract.table)}"
                    promoted.append(publish(session, unmasked_replacement(contract), rows_sql, run))
    return promoted


# --- making ------------------------------------------------------------------------------------------------------------


def _copy_catalog(settings: Settings, branch: Settings) -> None:
    source, target = lake_database(settings.lake_name), lake_database(branch.lake_name)
    with psycopg.connect(_admin(settings), autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(target)))
    address = conninfo_to_dict(_admin(settings))
    environment = {**os.environ, "PGPASSWORD": str(address.pop("password", ""))}
    parts = [f"--{option}={address[key]}" for option, key in _CLIENT_OPTIONS.items() if address.get(key)]
    server_program = platform_server(settings).program
    with subprocess.Popen(
        [server_program.with_name("pg_dump"), *parts, source],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as dump:
        load = subprocess.run(
            [
                server_program.with_name("psql"),
                *parts,
                "--quiet",
                "--no-psqlrc",
                "--set=ON_ERROR_STOP=1",
                "--output",
                os.devnull,
                target,
            ],
            env=environment,
            stdin=dump.stdout,
            capture_output=True,
            check=False,
        )
        complaint = (dump.stderr.read() if dump.stderr else b"") + load.stderr
    if dump.returncode or load.returncode:
        raise BranchError(
            f"the catalog cannot be copied: {complaint.decode(errors='replace').strip().splitlines()[0]}",
            where=f"{source} → {target}",
            next_step="see that the server has room and that nobody changes its roles, then try again",
        )


_CLIENT_OPTIONS = {"host": "host", "port": "port", "username": "user"}


def _point_to_own_folder(settings: Settings, branch: Settings) -> None:
    """Names the present files absolutely, and gives the branch a root of its own."""
    with psycopg.connect(_admin(settings), dbname=lake_database(branch.lake_name)) as catalog:
        zones = catalog.execute(
            "select schemaname from pg_tables where tablename = 'ducklake_metadata' order by schemaname"
        ).fetchall()
        for (zone,) in zones:
            schema = sql.Identifier(zone)
            for files in ("ducklake_data_file", "ducklake_delete_file"):
                catalog.execute(
                    sql.SQL(
                        """
                        update {zone}.{files} as f
                        set path = root.value
                                || case when s.path_is_relative then s.path else '' end
                                || case when t.path_is_relative then t.path else '' end
                                || f.path,
                            path_is_relative = false
                        from {zone}.ducklake_table as t
                        inner join {zone}.ducklake_schema as s using (schema_id)
                        cross join (select value from {zone}.ducklake_metadata where key = 'data_path') as root
                        where f.path_is_relative and t.table_id = f.table_id
                        """
                    ).format(zone=schema, files=sql.Identifier(files))
                )
            # What the lake has yet to delete is not the branch's to delete.
            catalog.execute(sql.SQL("delete from {}.ducklake_files_scheduled_for_deletion").format(schema))
            catalog.execute(
                sql.SQL("update {}.ducklake_metadata set value = %s where key = 'data_path'").format(schema),
                [f"{branch.lake_path}/{zone}/"],
            )


def _drop(settings: Settings, branch: Settings) -> None:
    name = sql.Identifier(lake_database(branch.lake_name))
    with psycopg.connect(_admin(settings), autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(name))
    if "://" not in branch.lake_path:
        shutil.rmtree(branch.lake_path, ignore_errors=True)
    shutil.rmtree(pages_folder(branch), ignore_errors=True)


# --- reading -----------------------------------------------------------------------------------------------------------


def _newest(settings: Settings, teams: list[Team]) -> dict[str, tuple[str, int, int]]:
    """Published table → (id, rows, snapshot) of its newest publication."""
    found: dict[str, tuple[str, int, int]] = {}
    with open_lake(settings) as session:
        for zone in attach_published(session, teams):
            for (table,) in session.connection.execute(
                f"select distinct table_name from {quote(zone)}._publications"
            ).fetchall():
                newest = read_history(session, f"{zone}.{table}")[0]
                found[f"{zone}.{table}"] = (newest.publication_id, newest.row_count, newest.snapshot_id)
    return found


def _attach_branch(session: LakeSession, branch: Settings, zone: str) -> None:
    """The branch's zone as `_branch`, read-only, under the same role."""
    own = session.settings
    session.settings = own.model_copy(
        update={"catalog_url": make_conninfo(str(own.catalog_url), dbname=lake_database(branch.lake_name))}
    )
    try:
        session.attach_as(zone, "_branch")
    finally:
        session.settings = own


def _in_publication_order(contracts: list[Contract], differences: dict[str, Difference]) -> list[Contract]:
    """As the branch published them: a table that others refer to comes before them."""
    return sorted(contracts, key=lambda contract: differences[contract.qualified_table].branch_snapshot)


def _owners_first(teams: list[Team]) -> list[Team]:
    by_name = {team.name: team for team in teams}
    return [by_name[name] for stage in rollout_stages(teams) for name in stage]


# --- small things ------------------------------------------------------------------------------------------------------


@contextmanager
def _catalog(settings: Settings) -> Iterator[None]:
    started = databases.start(settings, ["postgres"])
    try:
        databases.prepare(settings)
        yield
    finally:
        databases.stop(settings, started)


def _branch_settings(settings: Settings, name: str) -> Settings:
    if not BRANCH_NAME.fullmatch(name):
        raise BranchError(
            f"{name!r} is no name for a branch",
            where="the branch's name",
            next_step="use lower-case letters, digits and _, at most 40 characters, a letter first",
        )
    if settings.branch is not None:
        raise BranchError(
            "a branch is made from the lake, not from another branch",
            where=f"HEADGATE_BRANCH={settings.branch}",
            next_step="unset HEADGATE_BRANCH",
        )
    return settings.model_copy(update={"branch": name, "environment": Environment.BRANCH, "data_path": None})


def _existing(settings: Settings, name: str) -> Settings:
    branch = _branch_settings(settings, name)
    names = list_branches(settings)
    if name not in names:
        raise BranchError(
            f"there is no branch {name!r}",
            where="the lake's catalog",
            next_step=f"choose one of {', '.join(names)}" if names else f"make it: `headgate branch create {name}`",
        )
    return branch


def _admin(settings: Settings) -> str:
    url = admin_url(settings)
    if url is None:
        raise BranchError(
            "branches need a superuser's address of the catalog's server",
            where="environment variables",
            next_step="set HEADGATE_ADMIN_URL",
        )
    return url
