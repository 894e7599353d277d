"""Values of every type, from a real PostgreSQL into the lake and compared there."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

STREAM = "source: SHOP_DB\nstreams:\n  public.kinds:\n"
# type in PostgreSQL, value written, type in the lake, value read
KINDS = [
    ("numeric(12,2)", "1234567890.10", "DECIMAL(12,2)", Decimal("1234567890.10")),
    ("numeric(38,10)", "-1234567890123456789012345678.0123456789", "DECIMAL(38,10)", None),
    ("numeric(20)", "12345678901234567890", "DECIMAL(20,0)", Decimal("12345678901234567890")),
    ("numeric", "0.123456789", "DECIMAL(38,9)", Decimal("0.123456789")),
    ("numeric(50,20)", "1.00000000000000000001", "DECIMAL(38,20)", Decimal("1.00000000000000000001")),
    ("bigint", "9223372036854775807", "BIGINT", 9223372036854775807),
    ("smallint", "-32768", "SMALLINT", -32768),
    ("real", "0.1", "FLOAT", None),
    ("double precision", "0.30000000000000004", "DOUBLE", 0.30000000000000004),
    ("boolean", "true", "BOOLEAN", True),
    ("text", "a\n\"b\",'c'\t\\N é€😀", "VARCHAR", "a\n\"b\",'c'\t\\N é€😀"),
    ("varchar(10)", "\\N", "VARCHAR", "\\N"),
    ("text", "", "VARCHAR", ""),
    ("text", "NULL", "VARCHAR", "NULL"),
    ("text", " 007 ", "VARCHAR", " 007 "),
    ("date", "9999-12-31", "DATE", date(9999, 12, 31)),
    ("timestamp", "2026-03-08 02:30:00.123456", "TIMESTAMP", datetime(2026, 3, 8, 2, 30, 0, 123456)),
    (
        "timestamptz",
        "2026-03-08 02:30:00.5-08",
        "TIMESTAMP WITH TIME ZONE",
        datetime(2026, 3, 8, 10, 30, 0, 500000, UTC),
    ),
    ("timestamptz", "1883-01-01 00:00+00", "TIMESTAMP WITH TIME ZONE", datetime(1883, 1, 1, tzinfo=UTC)),
    ("time", "12:34:56.789", "TIME", time(12, 34, 56, 789000)),
    ("interval", "1 day 02:03:04", "INTERVAL", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ("json", '{"a": [1, 2.50, "é"]}', "JSON", '{"a": [1, 2.50, "é"]}'),
    ("jsonb", '{"a": null}', "JSON", '{"a": null}'),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "UUID", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("bytea", "\\x00ff5c41", "BLOB", b"\x00\xff\x5cA"),
    ("integer[]", "{1,NULL,3}", "INTEGER[]", [1, None, 3]),
    ("text[]", '{"a,b",NULL,"NULL","q\\"x"}', "VARCHAR[]", ["a,b", None, "NULL", 'q"x']),
    ("numeric(6,2)[]", "{1.10}", "DECIMAL(6,2)[]", [Decimal("1.10")]),
    ("timestamptz[]", '{"2026-01-01 00:00-08"}', "TIMESTAMP WITH TIME ZONE[]", [datetime(2026, 1, 1, 8, tzinfo=UTC)]),
    ("inet", "10.0.0.1", "VARCHAR", "10.0.0.1/32"),
    ("mood", "glad", "VARCHAR", "glad"),
    ("cents", "199", "DECIMAL(9,0)", Decimal(199)),
]


def test_every_value_arrives_as_it_is(team, source, rows_of) -> None:
    columns = ", ".join(f"c{number} {kind}" for number, (kind, *_) in enumerate(KINDS))
    values = ", ".join("'" + value.replace("'", "''") + "'" for _, value, *_ in KINDS)
    nulls = ", ".join("null" for _ in KINDS)
    source.run(
        "create type mood as enum ('glad')",
        "create domain cents as numeric(9)",
        f"create table kinds ({columns})",
        f"insert into kinds values ({values})",
        f"insert into kinds values ({nulls})",
    )
    team.load(STREAM + "    mode: full-refresh\n")
    told = team.run("kinds")["kinds"]
    types = [(column.name, column.type) for column in told["dagster/column_schema"].columns][:-1]
    assert types == [(f"c{number}", kind) for number, (*_, kind, _) in enumerate(KINDS)]
    names = ", ".join(f"c{number}" for number in range(len(KINDS)))
    full, empty = rows_of(f"select {names} from kinds order by c5 nulls last")
    for (kind, *_, expected), value in zip(KINDS, full, strict=True):
        assert expected is None or value == expected, kind
    assert empty == (None,) * len(KINDS)
    assert rows_of("select c1::varchar, c7::varchar from kinds where c5 > 0") == [
        ("-1234567890123456789012345678.0123456789", "0.1")
    ]


def test_a_number_with_more_decimals_is_refused_not_rounded(team, source, rows_of) -> None:
    source.run("create table kinds (id int, n numeric)", "insert into kinds values (1, 0.5)")
    team.load(STREAM + "    mode: full-refresh\n")
    team.run("kinds")
    source.run("insert into kinds values (2, 0.1234567891)")
    message = team.fail("kinds")
    assert "'0.1234567891' of column n (numeric) does not fit decimal(38, 9)" in message
    assert rows_of("select id, n from kinds") == [(1, Decimal("0.5"))]
    team.load(STREAM + "    mode: full-refresh\n    columns: {n: 'decimal(38, 12)', id: bigint}\n")
    team.run("kinds")
    assert rows_of("select id, n, typeof(id) from kinds where id = 2") == [(2, Decimal("0.1234567891"), "BIGINT")]


def test_a_value_without_a_place_in_the_lake_is_named(team, source, rows_of) -> None:
    source.run("create table kinds (n numeric(4,1))", "insert into kinds values ('NaN')")
    team.load(STREAM + "    mode: full-refresh\n")
    assert "'NaN' of column n (numeric(4,1)) does not fit decimal(4, 1)" in team.fail("kinds")
    assert rows_of("select table_name from duckdb_tables() where table_name = 'kinds'") == []
