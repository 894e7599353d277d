"""Names and e-mail addresses of ACME's customers are nowhere below the published zones, nor in their catalogs."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from headgate_control import databases

from ..installation import Installation, Result
from ..lake import Lake, open_lake
from ..world import load_ledger

LEAST = 500
"""So many customers there are at least: a search for nobody finds nobody."""


@pytest.fixture(scope="module")
def personal_values(platform: Installation, first_build: Result) -> list[str]:
    with open_lake(platform) as lake:
        load_ledger(lake, platform.home)
        values = [value for row in lake.rows("select name, email from ledger_customers") for value in row]
    assert len(values) >= 2 * LEAST and sum("@" in value for value in values) >= LEAST
    return values


def find_in(text: str, values: list[str]) -> list[str]:
    return [value for value in values if value in text]


def texts_of_files(lake: Lake, platform: Installation) -> Iterator[tuple[str, str]]:
    """Every data file of the published zones with all that is written in it, decoded and as it is."""
    for path in sorted((platform.home / "lake" / "dev").rglob("*")):
        zone = path.relative_to(platform.home / "lake" / "dev").parts[0]
        if path.is_file() and not zone.endswith("_private"):
            rows = lake.rows("select cast(t as varchar) from read_parquet(?) as t", [str(path)])
            yield str(path), "\n".join(row for (row,) in rows) + path.read_bytes().decode("latin-1")


def test_the_search_finds_what_is_there(platform: Installation, personal_values: list[str]) -> None:
    """The private zone has them in clear: what is not found elsewhere is not overlooked."""
    with open_lake(platform) as lake:
        rows = lake.rows("select cast(t as varchar) from analytics_private.raw_customers as t")
    assert set(find_in("\n".join(row for (row,) in rows), personal_values)) == set(personal_values)


def test_data_files_of_published_zones(platform: Installation, personal_values: list[str]) -> None:
    with open_lake(platform) as lake:
        texts = dict(texts_of_files(lake, platform))
    assert len(texts) >= 6
    for path, text in texts.items():
        assert find_in(text, personal_values) == [], path
        assert "@example.com" not in text, path


def test_catalogs_of_published_zones_and_the_event_log(platform: Installation, personal_values: list[str]) -> None:
    server = databases.server(platform.settings, "postgres")
    started = databases.start(platform.settings, ["postgres"])
    try:
        looked_at = 0
        for database, private in (("lake_dev", "%_private"), ("dagster", "")):
            with psycopg.connect(server.admin_url(database)) as connection:
                tables = connection.execute(
                    "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
                    "and table_schema not in ('information_schema', 'pg_catalog') and table_schema not like %s",
                    [private],
                ).fetchall()
                for schema, table in tables:
                    query = sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table))
                    text = "\n".join(row for (row,) in connection.execute(query).fetchall())
                    assert find_in(text, personal_values) == [], f"{database}.{schema}.{table}"
                    looked_at += bool(text)
        assert looked_at > 20
    finally:
        databases.stop(platform.settings, started)
