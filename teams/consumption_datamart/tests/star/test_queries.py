"""Every rule of the star on the lake: the rows of `cases` as DuckLake tables, the results as they are worked out by hand."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from executive.cases import CASES as PAGE_CASES

from consumption_datamart.executive import queries
from consumption_datamart.star import activity, consumption, dimensions, entitlement, risk, rows, usage
from consumption_datamart.star.rows import of_days
from headgate.lake.session import LakeSession
from headgate.orchestration.tables import backend_of
from headgate.testing import make_catalog
from star.cases import CASES as STAR_CASES
from star.cases import SCHEMAS, Case, comparable, day

pytestmark = pytest.mark.services
ZONE = "consumption_datamart_private"
CASES = [*STAR_CASES, *PAGE_CASES]


@pytest.fixture(scope="module")
def lake(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSession]:
    home = tmp_path_factory.mktemp("home")
    catalog = make_catalog(server, ["consumption_datamart"])
    with LakeSession(catalog.settings("consumption_datamart", home), "consumption_datamart") as session:
        session.attach(ZONE)
        yield session


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_on_the_lake(case: Case, lake: LakeSession) -> None:
    tables = {}
    for name, given in case.tables.items():
        schema = ibis.schema(SCHEMAS[name])
        full = [{column: row.get(column) for column in schema.names} for row in given]
        lake.connection.register("_rows", pa.Table.from_pylist(full, schema=schema.to_pyarrow()))
        lake.connection.execute(f"create or replace table {ZONE}.{name} as from _rows")
        tables[name] = backend_of(lake).table(name, database=(ZONE, "main"))
    found = case.query(**tables).to_pyarrow().to_pylist()
    columns = list(case.expected[0])
    assert comparable(found, columns) == comparable(case.expected, columns)


def test_no_case_expects_nothing() -> None:
    assert len(CASES) > 20
    assert all(case.expected and all(row.keys() == case.expected[0].keys() for row in case.expected) for case in CASES)
    assert len({case.name for case in CASES}) == len(CASES)


def test_of_no_days_no_row_is_seen() -> None:
    table = ibis.memtable({"day": [day("10-01"), day("10-02")]})
    assert [of_days(table, days).count().to_pyarrow().as_py() for days in ([], [day("10-01")])] == [0, 1]


def test_every_query_has_a_case() -> None:
    """All functions over tables; those of `days` make tables of Python's values, and ask no engine anything."""
    modules = (activity, consumption, dimensions, entitlement, queries, risk, rows, usage)
    ours = {
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
        and value.__annotations__.get("return") in (ir.Table, ibis.Table)
    }  # fmt: skip
    asked = {name for case in CASES for name in (case.query.__name__, *case.query.__code__.co_names)}
    assert {"read_terms", "count_active", "customer_names"} < ours
    assert ours <= asked, f"without a case: {sorted(ours - asked)}"
    folder = Path(rows.__file__).parent
    known = {Path(module.__file__ or "").name for module in modules if module is not queries}
    assert {file.name for file in folder.glob("*.py")} - known == {
        "__init__.py", "assets.py", "automation.py", "calendar.py", "days.py"
    }  # fmt: skip
