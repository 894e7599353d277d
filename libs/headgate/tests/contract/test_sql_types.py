"""Types: what a contract may name, and which types of a query fit into it."""

import duckdb
import pytest

from headgate.contract.sql_types import TypeProblem, fits, may_overflow, resolve_type


@pytest.mark.parametrize(
    ("logical", "physical", "expected"),
    [
        ("string", None, "VARCHAR"),
        ("string", "text", "VARCHAR"),
        ("string", "uuid", "UUID"),
        ("integer", None, "BIGINT"),
        ("integer", "int", "INTEGER"),
        ("integer", "smallint", "SMALLINT"),
        ("number", "decimal(12,2)", "DECIMAL(12,2)"),
        ("number", "NUMERIC(38, 0)", "DECIMAL(38,0)"),
        ("number", "double precision", "DOUBLE"),
        ("number", "real", "FLOAT"),
        ("date", None, "DATE"),
        ("timestamp", None, "TIMESTAMP WITH TIME ZONE"),
        ("timestamp", "timestamptz", "TIMESTAMP WITH TIME ZONE"),
        ("timestamp", "timestamp  with time zone", "TIMESTAMP WITH TIME ZONE"),
        ("time", None, "TIME"),
        ("boolean", "bool", "BOOLEAN"),
        ("array", "text[]", "VARCHAR[]"),
        ("array", "decimal(9, 3)[]", "DECIMAL(9,3)[]"),
        ("array", "varchar[][]", "VARCHAR[][]"),
        ("object", "json", "JSON"),
    ],
)
def test_types_are_what_duckdb_calls_them(logical: str, physical: str | None, expected: str) -> None:
    assert resolve_type(logical, physical) == expected
    with duckdb.connect() as connection:
        described = connection.execute(f"describe select cast(null as {expected}) as x").fetchone()
    assert described is not None and described[1] == expected


@pytest.mark.parametrize(
    ("logical", "physical", "what"),
    [
        ("number", None, "a number without a physicalType"),
        ("array", None, "an array without a physicalType"),
        ("object", None, "an object without a physicalType"),
        ("number", "decimal", "DECIMAL without precision and scale"),
        ("number", "decimal(39,2)", "is not a type for a number"),
        ("number", "decimal(2,3)", "is not a type for a number"),
        ("number", "integer", "is not a type for a number"),
        ("integer", "double", "is not a type for a integer"),
        ("integer", "hugeint", "is not a type for a integer"),
        ("string", "varchar(50)", "limits nothing"),
        ("string", "date", "is not a type for a string"),
        ("string", "); drop table x", "is not a type for a string"),
        ("array", "varchar", "is not a type for a array"),
        ("timestamp", "timestamp", "contradicts timezone: true"),
    ],
)
def test_types_that_are_refused(logical: str, physical: str | None, what: str) -> None:
    with pytest.raises(TypeProblem, match=what.replace("(", r"\(").replace(")", r"\)")):
        resolve_type(logical, physical)


def test_local_time_has_to_be_asked_for() -> None:
    assert resolve_type("timestamp", None, has_timezone=False) == "TIMESTAMP"
    assert resolve_type("timestamp", "timestamp", has_timezone=False) == "TIMESTAMP"
    with pytest.raises(TypeProblem, match="contradicts timezone: false"):
        resolve_type("timestamp", "timestamptz", has_timezone=False)


@pytest.mark.parametrize(
    ("actual", "wanted", "expected"),
    [
        ("BIGINT", "BIGINT", True),
        ("HUGEINT", "BIGINT", True),  # the sum of integers
        ("BIGINT", "INTEGER", True),
        ("DOUBLE", "BIGINT", False),
        ("DECIMAL(38,2)", "DECIMAL(12,2)", True),  # the sum of decimals
        ("DECIMAL(12,3)", "DECIMAL(12,2)", False),
        ("INTEGER", "DECIMAL(12,2)", True),
        ("DOUBLE", "DECIMAL(12,2)", False),
        ("DECIMAL(12,2)", "DOUBLE", True),
        ("FLOAT", "DOUBLE", True),
        ("DOUBLE", "FLOAT", False),
        ("VARCHAR", "DATE", False),
        ("DATE", "VARCHAR", False),
        ("ENUM('a', 'b')", "VARCHAR", True),
        ("UUID", "VARCHAR", True),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", False),
        ("TIMESTAMP_NS", "TIMESTAMP", True),
        ("TIMESTAMP WITH TIME ZONE", "DATE", False),
        ('"NULL"', "DATE", True),
    ],
)
def test_what_fits(actual: str, wanted: str, expected: bool) -> None:
    assert fits(actual, wanted) is expected


@pytest.mark.parametrize(
    ("actual", "wanted", "expected"),
    [
        ("INTEGER", "BIGINT", False),
        ("BIGINT", "INTEGER", True),
        ("UINTEGER", "INTEGER", True),
        ("UINTEGER", "BIGINT", False),
        ("TINYINT", "UBIGINT", True),
        ("DECIMAL(38,2)", "DECIMAL(12,2)", True),
        ("DECIMAL(12,2)", "DECIMAL(18,4)", False),
        ("INTEGER", "DECIMAL(12,2)", False),
        ("BIGINT", "DECIMAL(12,2)", True),
        ("HUGEINT", "DOUBLE", False),
        ("VARCHAR", "VARCHAR", False),
    ],
)
def test_what_may_overflow(actual: str, wanted: str, expected: bool) -> None:
    assert may_overflow(actual, wanted) is expected


def test_whatever_fits_is_stored_by_duckdb() -> None:
    """A type that fits is cast without a word, and the value comes back as it was."""
    samples = {"HUGEINT": "7", "INTEGER": "7", "DECIMAL(38,2)": "7.25", "FLOAT": "7.25", "UUID": "uuid()"}
    wanted = ["BIGINT", "DECIMAL(12,2)", "DOUBLE", "VARCHAR"]
    with duckdb.connect() as connection:
        pairs = [(actual, one) for actual in samples for one in wanted if fits(actual, one)]
        for actual, one in pairs:
            connection.execute(f"create or replace table t (x {one})")
            connection.execute(f"create or replace table s as select {samples[actual]}::{actual} as x")
            connection.execute("insert into t select x from s")
            assert connection.execute(
                "select count(*) from t, s where t.x::varchar = s.x::varchar or t.x = s.x"
            ).fetchone() == (1,)
    assert len(pairs) == 10
