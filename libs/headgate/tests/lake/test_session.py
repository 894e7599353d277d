"""What the database itself refuses, tried with the other team's own credentials."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pytest

from headgate.environment import Settings, SettingsError
from headgate.lake.session import LakeError, LakeSession, extension_file, quote_literal
from headgate.testing import Catalog

Open = Callable[[str], LakeSession]


@pytest.fixture
def filled(open_session: Open) -> LakeSession:
    """Team analytics with one table in each of its zones."""
    session = open_session("analytics")
    for zone in ("analytics", "analytics_private"):
        session.attach(zone)
        session.connection.execute(f"create table {zone}.t as select 1 as id")
    return session


def test_a_team_reads_what_another_published(filled: LakeSession, open_session: Open) -> None:
    reader = open_session("ml")
    assert reader.connection.execute(f"select id from {reader.qualify('analytics.t')}").fetchall() == [(1,)]


def test_another_teams_private_zone_is_refused_by_the_database(filled: LakeSession, open_session: Open) -> None:
    with pytest.raises(LakeError) as refusal:
        open_session("ml").attach("analytics_private")
    assert "permission denied for schema analytics_private" in refusal.value.what
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "insert into stolen.t values (2)",
        "delete from stolen.t",
        "drop table stolen.t",
        "create table stolen.mine as select 1 as a",
        "truncate stolen.t",
    ],
)
def test_another_teams_write_is_refused_even_when_attached_writable(
    filled: LakeSession, open_session: Open, statement: str
) -> None:
    thief = open_session("ml")
    address = quote_literal("ducklake:postgres:" + thief._conninfo())
    thief.connection.execute(f"attach {address} as stolen (metadata_schema 'analytics')")
    with pytest.raises(duckdb.Error, match="permission denied"):
        thief.connection.execute(statement)
    assert filled.connection.execute("select id from analytics.t").fetchall() == [(1,)]


def test_the_roles_own_psql_login_is_refused_too(filled: LakeSession, catalog: Catalog) -> None:
    with psycopg.connect(catalog.url, user="ml", password=catalog.password("ml"), autocommit=True) as connection:
        for statement in (
            "insert into analytics.ducklake_snapshot select * from analytics.ducklake_snapshot",
            "select * from analytics_private.ducklake_table",
            "alter role ml superuser",
            "set role analytics",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_catalog_that_is_down_is_said_in_three_lines(tmp_path) -> None:  # type: ignore[no-untyped-def]
    settings = Settings(
        home=tmp_path, root=tmp_path, catalog_url=f"postgresql:///lake?host={tmp_path}", catalog_password="top-secret"
    )
    with LakeSession(settings, "analytics") as session, pytest.raises(LakeError) as error:
        session.attach("analytics")
    assert "not reachable" in error.value.what
    assert "top-secret" not in str(error.value)
    assert len(str(error.value).splitlines()) == 3


def test_only_what_the_lock_vouches_for_is_loaded_without_a_look_at_its_signature(tmp_path: Path) -> None:
    """One byte of an extension is another: after the session's own were loaded, it is refused, and so is asking for less."""
    forged = tmp_path / "forged.duckdb_extension"
    data = bytearray(extension_file("httpfs").read_bytes())
    data[len(data) // 2] ^= 1
    forged.write_bytes(data)
    with LakeSession(Settings(home=tmp_path, root=tmp_path), "analytics") as session:
        with pytest.raises(duckdb.Error, match="signature"):
            session.connection.execute(f"load {quote_literal(str(forged))}")
        with pytest.raises(duckdb.Error, match="Cannot change allow_unsigned_extensions"):
            session.connection.execute("set allow_unsigned_extensions = true")


def test_missing_settings_name_the_variable(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with LakeSession(Settings(home=tmp_path, root=tmp_path), "analytics") as session:
        with pytest.raises(SettingsError, match="HEADGATE_CATALOG_URL"):
            session.attach("analytics")
