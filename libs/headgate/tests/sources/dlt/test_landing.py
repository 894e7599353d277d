"""Landing by disposition, windows and schema contracts, on rows one can count."""

from datetime import UTC, datetime
from typing import Any

import dlt
import pytest

from headgate.sources.dlt.landing import land
from headgate.sources.dlt.memory import read_memory
from headgate.sources.dlt.model import Window
from headgate.sources.dlt.pull import pull_source
from headgate.sources.errors import SourceError


def resource(rows: Any, name: str = "orders", **hints: Any) -> Any:
    return dlt.resource(rows, name=name, **hints)


MERGE = {"write_disposition": "merge", "primary_key": "id"}


def test_append_adds_and_replace_takes_the_place(land_source, rows_of) -> None:
    for _ in range(2):
        landed = land_source(
            resource([{"id": 1}, {"id": 2}]), resource([{"x": "a"}], "kinds", write_disposition="replace")
        )
    assert landed["orders"].written_rows == 2 and landed["orders"].row_count == 4
    assert landed["kinds"].row_count == 1
    land_source(resource([], "kinds", write_disposition="replace"))
    assert rows_of("select count(*) from kinds") == [(0,)]
    assert rows_of("select count(*) from orders where _loaded_at is not null") == [(4,)]


def test_merge_keeps_the_last_row_of_a_key_and_what_it_nests(land_source, rows_of) -> None:
    first = [{"id": 1, "lines": [{"n": 1}, {"n": 2}]}, {"id": 2, "lines": [{"n": 3}]}]
    land_source(resource(first, **MERGE))
    again = [{"id": 1, "lines": [{"n": 7}]}, {"id": 3, "lines": [{"n": 8}]}, {"id": 1, "lines": [{"n": 9}]}]
    landed = land_source(resource(again, **MERGE))
    assert landed["orders"].written_rows == 2
    nested = "select o.id, l.n from orders o join orders__lines l on l._dlt_root_id = o._dlt_id order by 1, 2"
    assert rows_of(nested) == [(1, 9), (2, 3), (3, 8)]
    assert rows_of("select count(*) from orders__lines") == [(3,)]


def test_insert_only_and_hard_delete(land_source, rows_of) -> None:
    only = {"write_disposition": {"disposition": "merge", "strategy": "insert-only"}, "primary_key": "id"}
    land_source(resource([{"id": 1, "x": "old"}], **only))
    land_source(resource([{"id": 1, "x": "new"}, {"id": 2, "x": "new"}], **only))
    assert rows_of("select id, x from orders order by id") == [(1, "old"), (2, "new")]
    flagged = {"columns": {"gone": {"hard_delete": True, "data_type": "bool"}}, **MERGE}
    land_source(resource([{"id": 1, "gone": False}, {"id": 2, "gone": False}], "parts", **flagged))
    land_source(resource([{"id": 1, "gone": True}, {"id": 2, "gone": False}], "parts", **flagged))
    assert rows_of("select id from parts") == [(2,)]


def test_history_by_merge_is_refused(land_source) -> None:
    with pytest.raises(SourceError, match="merges by scd2"):
        land_source(resource([{"id": 1}], write_disposition={"disposition": "merge", "strategy": "scd2"}))


def test_what_a_window_no_longer_holds_is_kept_aside(land_source, rows_of) -> None:
    rows = [{"id": day, "at": f"2026-01-{day:02}T00:00:00Z", "who": 1 + day % 2} for day in range(1, 7)]
    land_source(resource(rows, **MERGE))
    window = Window("orders", "at", datetime(2026, 1, 3, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC), {"who": 1})
    landed = land_source(resource([], **MERGE), windows=[window])
    assert landed["orders"].gone_rows == 1  # days 3, 4, 5 are in it, and day 4 is of who = 1
    assert rows_of("select id from orders order by id") == [(1,), (2,), (3,), (5,), (6,)]
    assert landed["orders"].newest == datetime(2026, 1, 6, tzinfo=UTC)
    [(rule, kept)] = rows_of("select rule, refused_row from _refused_rows")
    assert rule == "gone at the source" and '"id":4' in kept


def test_a_key_that_is_null_is_refused_and_nothing_lands(land_source, rows_of) -> None:
    land_source(resource([{"id": 1}], **MERGE))
    with pytest.raises(SourceError, match="id"):
        land_source(resource([{"id": 2}, {"id": None}], **MERGE))
    assert rows_of("select id from orders") == [(1,)]


@pytest.mark.parametrize(
    ("mode", "columns", "rows", "aside"),
    [
        ("evolve", True, 3, 0),
        ("discard_value", False, 3, 1),
        ("discard_row", False, 2, 1),
        ("freeze", False, 1, 0),
    ],
)
def test_a_new_column_as_the_contract_says(land_source, rows_of, mode, columns, rows, aside) -> None:
    contract = {**MERGE, "schema_contract": {"columns": mode}}
    land_source(resource([{"id": 1}], **contract))
    changed = resource([{"id": 2, "colour": "red"}, {"id": 3}], **contract)
    if mode == "freeze":
        with pytest.raises(SourceError, match="new column colour in orders"):
            land_source(changed)
    else:
        landed = land_source(changed)
        assert landed["orders"].set_aside_rows == aside
        assert bool(landed["orders"].surprises) == bool(aside)
        land_source(resource([], **contract))  # what was barred once stays out of the remembered shape
    names = [name for (name,) in rows_of("select column_name from duckdb_columns() where table_name = 'orders'")]
    assert ("colour" in names) is columns
    assert rows_of("select count(*) from orders") == [(rows,)]
    assert rows_of("select count(*) from _refused_rows where refused_row like '%red%'") == [(aside,)]


def test_a_declared_column_is_no_surprise(land_source, rows_of) -> None:
    land_source(resource([{"id": 1}], schema_contract="freeze", **MERGE))
    declared = {"colour": {"data_type": "text", "description": "Of the paint"}}
    land_source(resource([{"id": 2, "colour": "red"}], schema_contract="freeze", columns=declared, **MERGE))
    assert rows_of("select id, colour from orders order by id") == [(1, None), (2, "red")]
    assert rows_of("select comment from duckdb_columns() where column_name = 'colour'") == [("Of the paint",)]


def test_a_new_type_goes_beside_the_column_or_aside(land_source, rows_of) -> None:
    land_source(resource([{"id": 1, "price": 5}], **MERGE))
    land_source(resource([{"id": 2, "price": "free"}], **MERGE))
    assert rows_of("select id, price, price__v_text from orders order by id") == [(1, 5, None), (2, None, "free")]
    strict = {**MERGE, "schema_contract": {"data_type": "discard_row"}}
    land_source(resource([{"id": 1, "size": 5}], "parts", **strict))
    landed = land_source(resource([{"id": 2, "size": "big"}, {"id": 3, "size": 6}], "parts", **strict))
    assert rows_of("select id, size from parts order by id") == [(1, 5), (3, 6)]
    assert landed["parts"].surprises == ["new type size__v_text (1 rows)"]


def test_a_new_nested_table_as_the_contract_says(land_source, rows_of) -> None:
    strict = {**MERGE, "schema_contract": {"tables": "discard_row"}}
    land_source(resource([{"id": 1}], **strict))
    landed = land_source(resource([{"id": 2, "lines": [{"n": 1}, {"n": 2}]}], **strict))
    assert landed["orders"].surprises == ["new table orders__lines (2 rows)"]
    assert rows_of("select count(*) from duckdb_tables() where table_name = 'orders__lines'") == [(0,)]
    with pytest.raises(SourceError, match="new table orders__lines"):
        land_source(resource([{"id": 3, "lines": [{"n": 1}]}], **{**MERGE, "schema_contract": {"tables": "freeze"}}))


def test_types_come_as_dlt_names_them(land_source, rows_of) -> None:
    columns = {
        "price": {"data_type": "decimal", "precision": 12, "scale": 2},
        "sold_at": {"data_type": "timestamp"},
        "day": {"data_type": "date"},
        "more": {"data_type": "json"},
        "never": {"data_type": "double"},
    }
    sale = {"price": "1.25", "sold_at": "2026-01-01T00:00:00Z", "day": "2026-01-02", "more": [1]}
    land_source(resource([sale], columns=columns))
    [row] = rows_of(
        "select price::varchar, sold_at, day::varchar, more, never, typeof(price), typeof(sold_at) from orders"
    )
    assert row[:1] + row[2:] == ("1.25", "2026-01-02", "[1]", None, "DECIMAL(12,2)", "TIMESTAMP WITH TIME ZONE")
    assert row[1] == datetime(2026, 1, 1, tzinfo=UTC)


def numbers(last: int) -> Any:
    """An incremental resource: rows 1 to `last`, of which it yields those after its cursor."""

    @dlt.resource(name="numbers")
    def read(n=dlt.sources.incremental("n", initial_value=0, range_start="open")):  # noqa: B008
        yield [{"n": value} for value in range(1, last + 1) if value > n.last_value]

    return read


def test_state_is_remembered_with_the_rows(land_source, rows_of) -> None:
    assert land_source(numbers(3))["numbers"].written_rows == 3
    assert land_source(numbers(5))["numbers"].written_rows == 2
    assert rows_of("select count(*), sum(n) from numbers") == [(5, 15)]
    assert rows_of("select count(*), max(version) from _dlt_state") == [(1, 2)]


def test_a_source_that_fails_half_way_lands_nothing(land_source, rows_of) -> None:
    def broken() -> Any:
        yield [{"id": 2}]
        raise RuntimeError("line dropped")

    land_source(resource([{"id": 1}]))
    with pytest.raises(SourceError, match="RuntimeError: line dropped"):
        land_source(resource(broken()))
    assert rows_of("select id from orders") == [(1,)]


def test_two_runs_of_one_source_do_not_overtake_each_other(open_session, make_source, tmp_path, rows_of) -> None:
    one, other = open_session("analytics"), open_session("analytics")
    memory = read_memory(one, "shop")
    with pull_source([make_source(numbers(3))], memory, tmp_path) as pulled:
        with pull_source([make_source(numbers(3))], memory, tmp_path) as overtaken:
            land(one, pulled, memory=memory, run_id="one")
            with pytest.raises(SourceError, match="another run landed the same source"):
                land(other, overtaken, memory=memory, run_id="other")
    assert rows_of("select count(*) from numbers") == [(3,)]
    assert list(tmp_path.glob("pull-*")) == []
