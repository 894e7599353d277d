"""Contracts that are wrong, and consumers of what is not there for them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..installation import Installation, changed
from ..lake import open_lake
from ..world import load_ledger

MALFORMED = {
    "unknown key": (
        ("        required: true\n        primaryKey: true", "        requierd: true\n        primaryKey: true"),
        "requierd",
    ),
    "wrong type": (("primaryKeyPosition: 1", "primaryKeyPosition: first"), "primaryKeyPosition"),
    "unknown column type": (("physicalType: double", "physicalType: doubel"), "doubel"),
    "no YAML": (("    properties:\n", "    properties: [\n"), ""),
    "SQL that reads files": (
        ("select count(*) from {table} where profit < 0", "select count(*) from read_text('/etc/passwd')"),
        "table functions are not allowed",
    ),
}


def test_contract_that_contradicts_the_data(workshop: Installation) -> None:
    """Values that the contract does not allow, and a column of another type: both told, both refused."""
    contracts = workshop.root / "teams" / "analytics" / "contracts"
    with open_lake(workshop) as lake:
        before = lake.states("analytics")
        load_ledger(lake, workshop.home)
        basic = lake.value("select count(*) from ledger_customers where tier = 'basic'")
        customers = lake.value("select count(*) from ledger_customers")
    supplier = "logicalType: {}\n        physicalType: {}\n        description: Who delivers"
    with (
        changed(contracts / "customer_data.odcs.yaml", ("[premium, basic]", "[premium, gold]")),
        changed(
            contracts / "product_catalog.odcs.yaml",
            (supplier.format("string", "varchar"), supplier.format("integer", "bigint")),
        ),
    ):
        failed = workshop.build()
    assert failed.code == 1, failed.text
    assert failed.summary == (1, 2, 4)
    values = failed.error("analytics.customer_data was not published")
    assert f"{basic:,} of {customers:,} rows break tier__" in values and "customer_data.odcs.yaml" in values
    types = failed.error("analytics.product_catalog was not published")
    assert "column supplier" in types and "varchar" in types.lower() and "bigint" in types.lower()
    with open_lake(workshop) as lake:
        assert lake.states("analytics") == before


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_contract_is_told_before_anything_runs(workshop: Installation, case: str) -> None:
    path = workshop.root / "teams" / "analytics" / "contracts" / "product_performance.odcs.yaml"
    replacement, word = MALFORMED[case]
    assert replacement[0] in path.read_text(encoding="utf-8"), case
    lines = path.read_text(encoding="utf-8").partition(replacement[0])[0].count("\n") + 1
    with changed_first(path, replacement):
        refused = workshop.build()
    assert_nothing_ran(workshop, refused.code, refused.out)
    error = refused.error(word)
    place = error.splitlines()[1]
    number = int(place.partition("product_performance.odcs.yaml:")[2].split(",")[0].split(" ")[0].rstrip(":"))
    assert lines - 2 <= number <= lines + 3, f"the fault is at line {lines}: {error}"


@pytest.fixture
def consumer(workshop: Installation) -> Iterator[Path]:
    """The manifest of a second team, which consumes what a test writes there."""
    folder = workshop.root / "teams" / "readers"
    folder.mkdir()
    yield folder / "pyproject.toml"
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("table", "accepted", "words"),
    [
        ("analytics.raw_orders", ">=1,<2", ["which team analytics does not publish", "private or does not exist"]),
        ("analytics.order_data", ">=2,<3", ["accepts analytics.order_data in versions", "analytics publishes 1."]),
        ("finance.invoices", ">=1,<2", ["there is no team finance"]),
    ],
)
def test_consumer_of_what_is_not_there_for_it(
    workshop: Installation, consumer: Path, table: str, accepted: str, words: list[str]
) -> None:
    consumer.write_text(
        '[project]\nname = "readers"\nversion = "0"\n\n[tool.headgate]\nowner = "team:readers"\n\n'
        f'[tool.headgate.consumes]\n"{table}" = "{accepted}"\n',
        encoding="utf-8",
    )
    refused = workshop.build()
    assert_nothing_ran(workshop, refused.code, refused.out)
    error = refused.error("team readers", table, *words)
    assert "teams/readers/pyproject.toml, [tool.headgate.consumes]" in error


def assert_nothing_ran(workshop: Installation, code: int, out: str) -> None:
    assert code == 2
    assert "built" not in out and "✓" not in out and "✗" not in out
    assert workshop.left_processes() == []


def changed_first(path: Path, replacement: tuple[str, str]):  # type: ignore[no-untyped-def]
    """`changed` where the old text stands for the first time."""
    text = path.read_text(encoding="utf-8")
    return changed(path, (text, text.replace(*replacement, 1)))
