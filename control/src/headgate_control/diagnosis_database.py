"""What is wrong with the databases and the lake.

A cluster that was made and does not run is started for the examination and stopped again: whether it starts is the
question. What belongs here: findings. What does not: mending.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from headgate.environment import Settings
from headgate.errors import HeadgateError
from headgate.lake.session import private_zone
from headgate.team import list_teams
from headgate_control import databases
from headgate_control.acme import read_storefront, read_world
from headgate_control.diagnosis import Finding, from_error, note, ok, problem
from headgate_control.provision import (
    acme_reader_url,
    acme_url,
    admin_url,
    catalog_url,
    readable_teams,
    reads_storefront,
    role_password,
    wanted,
)
from headgate_control.zones import find_missing

_FILES_LOOKED_AT = 1000


def examine_databases(settings: Settings) -> Iterator[Finding]:
    """Both servers, roles, zones, the lake's files."""
    started: list[str] = []
    embedded = [name for name in databases.embedded(settings) if name in databases.NAMES]
    try:
        usable = set(databases.NAMES) - set(embedded)
        for name in embedded:
            server = databases.server(settings, name)
            if not (server.data / "PG_VERSION").exists():
                yield note(f"database {server.name}", "not made yet", "`headgate build` makes it")
                continue
            was_running = server.is_running()
            try:
                started += databases.start(settings, [name])
            except HeadgateError as error:
                yield from_error(f"database {server.name}", error)
                continue
            usable.add(name)
            yield ok(f"database {server.name}", f"{'runs' if was_running else 'starts'}, in {server.data}")
        if "postgres" in usable:
            yield from _examine_zones(settings)
        if "acme" in usable:
            yield _examine_acme(settings)
            yield from _examine_storefront(settings)
    finally:
        databases.stop(settings, started)


def _examine_zones(settings: Settings) -> Iterator[Finding]:
    try:
        url = admin_url(settings)
        missing = find_missing(url, wanted(settings)) if url is not None else []
    except HeadgateError as error:
        yield from_error("roles and zones", error)
        return
    if missing:
        yield note("roles and zones", f"missing: {', '.join(missing[:5])}", "`headgate build` makes them")
        return
    for team in list_teams(settings.root):
        password = role_password(settings, team.name)
        try:
            with psycopg.connect(catalog_url(settings), user=team.name, password=password, connect_timeout=10) as lake:
                for zone in (team.name, private_zone(team.name)):
                    yield _examine_zone(lake, zone)
        except psycopg.Error as error:
            reason = " ".join(str(error).split())[:200]
            yield problem(
                f"team {team.name}",
                f"its role cannot use the lake: {reason}",
                f"set HEADGATE_PASSWORD_{team.name.upper()}, or have the server's owner make role and zones",
            )


def _examine_zone(lake: "psycopg.Connection[tuple[object, ...]]", zone: str) -> Finding:
    subject = f"zone {zone}"
    if lake.execute("select to_regclass(%s)", [f'"{zone}".ducklake_data_file']).fetchone() == (None,):
        return note(subject, "empty")
    tables = _count(lake, zone, "select count(*) from {}.ducklake_table where end_snapshot is null")
    files = [path for path in _data_files(lake, zone) if "://" not in path]
    missing = [path for path in files if not Path(path).is_file()]
    if missing:
        return problem(
            subject,
            f"{len(missing)} of {len(files)} data files are not on the disk, such as {missing[0]}",
            "bring the files back from a backup, or roll the table back or build it anew",
        )
    return ok(subject, f"{tables} tables, {len(files)} data files looked at, none missing")


def _data_files(lake: "psycopg.Connection[tuple[object, ...]]", zone: str) -> list[str]:
    """Full paths of the newest live data files: a path is relative to its table's, that to its schema's, that to the
    lake's data path, unless it is marked as absolute."""
    query = sql.SQL(
        "select case when f.path_is_relative then "
        "  case when t.path_is_relative then "
        "    case when s.path_is_relative then m.value else '' end || s.path "
        "  else '' end || t.path else '' end || f.path "
        "from {zone}.ducklake_data_file f "
        "join {zone}.ducklake_table t on t.table_id = f.table_id and t.end_snapshot is null "
        "join {zone}.ducklake_schema s on s.schema_id = t.schema_id and s.end_snapshot is null "
        "join {zone}.ducklake_metadata m on m.key = 'data_path' and m.scope is null "
        "where f.end_snapshot is null order by f.data_file_id desc limit %s"
    ).format(zone=sql.Identifier(zone))
    return [str(path) for (path,) in lake.execute(query, [_FILES_LOOKED_AT]).fetchall()]


def _count(lake: "psycopg.Connection[tuple[object, ...]]", zone: str, query: str) -> object:
    row = lake.execute(sql.SQL(query).format(sql.Identifier(zone))).fetchone()
    return row[0] if row else 0


def _examine_acme(settings: Settings) -> Finding:
    world = read_world(settings)
    place = urlsplit(acme_url() or "").hostname or "embedded"
    if world is None:
        return note("acme", f"no world yet ({place})", "`headgate build` seeds one")
    try:
        with psycopg.connect(acme_reader_url(settings, "shop"), connect_timeout=10) as shop:
            orders = shop.execute("select count(*) from orders").fetchone()
    except psycopg.Error as error:
        reason = " ".join(str(error).split())[:200]
        return problem("acme", f"its reader is refused: {reason}", "run `headgate acme seed --force`")
    return ok("acme", f"{orders[0] if orders else 0:,} orders, clock at {world.get('today')}")


def _examine_storefront(settings: Settings) -> Iterator[Finding]:
    """Nothing where no team reads it and nobody made it."""
    world = read_storefront(settings)
    if world is None:
        if reads_storefront(readable_teams(settings.root)):
            yield note("acme storefront", "not made yet", "`headgate build` seeds it")
        return
    try:
        with psycopg.connect(acme_reader_url(settings, "transaction_db"), connect_timeout=10) as database:
            lines = database.execute("select count(*) from transactions").fetchone()
    except psycopg.Error as error:
        reason = " ".join(str(error).split())[:200]
        yield problem(
            "acme storefront", f"its reader is refused: {reason}", "run `headgate acme storefront seed --force`"
        )
        return
    yield ok("acme storefront", f"{lines[0] if lines else 0:,} order lines, clock at {world.get('today')}")
