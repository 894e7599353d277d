"""Every rule of the star on the lake: the rows of `cases` as DuckLake tables, the results as they are worked out by hand."""

from collections.abc import Iterator

import ibis
import pyarrow as pa
import pytest
from executive.cases import CASES as PAGE_CASES

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
    for name, rows in case.tables.items():
        schema = ibis.schema(SCHEMAS[name])
        full = [{column: row.get(column) for column in schema.names} for row in rows]
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


def test_only_the_days_asked_for_are_seen() -> None:
    table = ibis.memtable({"day": [day("10-01"), day("10-02"), day("10-05"), day("11-01")]})

    def seen(*texts: str, back: int = 0) -> list[str]:
        rows = of_days(table, [day(text) for text in texts], back=back).order_by("day").to_pyarrow().to_pylist()
        return [f"{row['day']:%m-%d}" for row in rows]

    assert seen("10-01", "10-05") == ["10-01", "10-05"]
    assert seen("10-01", "10-02") == ["10-01", "10-02"]
    assert seen("11-01", back=31) == ["10-01", "10-02", "10-05", "11-01"]
    assert seen("11-01", back=29) == ["10-05", "11-01"]
    assert seen() == []
