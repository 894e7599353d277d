"""Taking a team's zones and role off a PostgreSQL server: what `zones` made, undone.

What belongs here: the SQL. What does not: whether the team may be removed (`removing`), its files.
"""

import psycopg
from psycopg import sql

from headgate.errors import HeadgateError


class ZoneRemovalError(HeadgateError):
    """The server refuses to let go of a team."""


def drop_zones(admin_url: str, team: str) -> list[str]:
    """Drops every schema that the team's role owns, in every lake of the server, and the role itself.

    Running it again, also after it was interrupted, does what is left to do.

    Args:
        admin_url: a superuser's address of any database of the server (its path is replaced).
        team: the team's name, checked.

    Returns:
        What was dropped, for a person to read.

    Raises:
        ZoneRemovalError: the server is not reachable, or refuses.
    """
    role = sql.Identifier(team)
    dropped = []
    try:
        with psycopg.connect(admin_url, dbname="postgres", autocommit=True, connect_timeout=10) as server:
            if server.execute("select 1 from pg_roles where rolname = %s", [team]).fetchone() is None:
                return []
            query = (
                "select datname from pg_database where datallowconn and datname not like 'template%' order by datname"
            )
            for (database,) in server.execute(query).fetchall():
                with psycopg.connect(admin_url, dbname=database, autocommit=True, connect_timeout=10) as lake:
                    dropped += _drop_schemas(lake, team)
                    lake.execute(sql.SQL("drop owned by {} cascade").format(role))  # and what was granted to it
            server.execute(sql.SQL("drop role {}").format(role))
    except psycopg.Error as error:
        lines = str(error).strip().splitlines()
        raise ZoneRemovalError(
            f"PostgreSQL refuses to remove team {team}: {lines[0] if lines else error!r}",
            where=f"role {team} of the platform's database server",
            next_step="end what uses it and run again: what is removed already is no obstacle",
        ) from None
    return [*dropped, f"role {team}"]


def _drop_schemas(lake: psycopg.Connection, team: str) -> list[str]:
    query = "select nspname from pg_namespace where pg_get_userbyid(nspowner) = %s order by nspname"
    names = [name for (name,) in lake.execute(query, [team]).fetchall()]
    for name in names:
        lake.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))
    return [f"zone {name} of {lake.info.dbname}" for name in names]
