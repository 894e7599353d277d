"""The queries of team consumption_datamart on two engines: an imitation of Snowflake, through the real driver, and DuckDB.

The cases are the team's own, which its suite runs on DuckLake. What the imitation cannot run is compiled, and its SQL read.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops
import pytest

TEAM = Path(__file__).resolve().parents[2] / "teams" / "consumption_datamart"
sys.path[:0] = [str(TEAM / "src"), str(TEAM / "tests")]

from executive.cases import CASES as PAGE_CASES  # noqa: E402 (of the team, whose project is not installed here)
from star.cases import CASES as STAR_CASES  # noqa: E402
from star.cases import SCHEMAS, Case, comparable  # noqa: E402

from headgate_snowflake.imitation import run_imitation  # noqa: E402

pytestmark = pytest.mark.services

CASES = [*STAR_CASES, *PAGE_CASES]

Engine = Callable[[str, list[dict[str, Any]]], ibis.Table]
"""Makes a table of a name with rows, and returns it."""
SCHEMA = "headgate_dev.consumption_datamart"
TYPES = {
    "duckdb": {
        "float64": "double",
        "int64": "bigint",
        "int32": "integer",
        "string": "varchar",
        "array<string>": "varchar[]",
    },
    "snowflake": {
        "float64": "float",
        "int64": "bigint",
        "int32": "integer",
        "string": "varchar",
        "array<string>": "array",
    },
}
UNABLE = {
    "a line of another SKU is held against nobody, unless something else is wrong with it": (
        # It keeps an ARRAY as JSON, in which its ARRAY_CONTAINS cannot look.
        "ARRAY_CONTAINS(TO_VARIANT('sku__not_vcpu'), "
    ),
}
"""A case that the imitation cannot run → what its SQL must hold."""


@pytest.fixture(scope="module")
def duckdb_engine() -> Iterator[Engine]:
    connection = ibis.duckdb.connect()
    yield _maker(connection.raw_sql, connection.table, "duckdb")


@pytest.fixture(scope="module")
def snowflake_engine() -> Iterator[Engine]:
    with run_imitation() as imitation, imitation.connect() as connection:
        cursor = connection.cursor()
        database, schema = SCHEMA.split(".")
        for statement in (f"create database {database}", f"create schema {SCHEMA}", f"use schema {SCHEMA}"):
            cursor.execute(statement)
        backend = ibis.snowflake.from_connection(connection, create_object_udfs=False)

        def find(name: str) -> ibis.Table:
            # The imitation describes an ARRAY as JSON; a real account says array. The types are the contract's.
            types = {column.upper(): kind for column, kind in SCHEMAS[name].items()}
            table = ops.DatabaseTable(
                name=name.upper(),
                schema=ibis.schema(types),
                source=backend,
                namespace=ops.Namespace(catalog=database.upper(), database=schema.upper()),
            )
            return table.to_expr().rename("snake_case")

        yield _maker(cursor.execute, find, "snowflake")


def _maker(execute: Callable[[str], Any], find: Callable[[str], ibis.Table], dialect: str) -> Engine:
    def make(name: str, rows: list[dict[str, Any]]) -> ibis.Table:
        types = {column: TYPES[dialect].get(kind, kind.replace(" ", "")) for column, kind in SCHEMAS[name].items()}
        execute(f"create or replace table {name} ({', '.join(' '.join(pair) for pair in types.items())})")
        if rows:
            values = " union all ".join(
                "select " + ", ".join(_literal(row.get(column), kind) for column, kind in types.items()) for row in rows
            )
            execute(f"insert into {name} {values}")
        return find(name)

    return make


def _literal(value: Any, kind: str) -> str:
    if isinstance(value, list):
        texts = ", ".join(f"'{text}'" for text in value)
        return f"array_construct({texts})" if kind == "array" else f"cast([{texts}] as {kind})"
    if value is None:
        return f"cast(null as {kind})"
    if isinstance(value, date):
        return f"cast('{value}' as date)"
    return f"cast({value} as {kind})" if isinstance(value, int | float | Decimal) else f"'{value}'"


@pytest.mark.parametrize(
    ("case", "engine"),
    [
        pytest.param(case, engine, id=f"{case.name}-{engine}")
        for case in CASES
        for engine in ("duckdb", "snowflake")
        if engine == "duckdb" or case.name not in UNABLE
    ],
)
def test_every_rule_on_both_engines(case: Case, engine: str, request: pytest.FixtureRequest) -> None:
    make: Engine = request.getfixturevalue(f"{engine}_engine")
    query = case.query(**{name: make(name, rows) for name, rows in case.tables.items()})
    columns = list(case.expected[0])
    if engine == "snowflake":
        # A null in a date that was computed arrives as 1970-01-01 in the imitation's Arrow; as text it is null.
        query = query.mutate({name: query[name].cast("string") for name in columns if query[name].type().is_date()})
    found = query.to_pyarrow().to_pylist()
    assert comparable(found, columns) == comparable(case.expected, columns)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in UNABLE], ids=lambda case: case.name)
def test_what_the_imitation_cannot_run_is_compiled(case: Case, snowflake_engine: Engine) -> None:
    query = case.query(**{name: snowflake_engine(name, rows) for name, rows in case.tables.items()})
    assert UNABLE[case.name] in " ".join(ibis.to_sql(query, dialect="snowflake").split())
