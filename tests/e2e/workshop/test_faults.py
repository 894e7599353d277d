"""What a source must never send: refused by the rule that names it, in exact numbers, while readers keep what they had."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ..installation import Installation
from ..lake import Lake, open_lake
from ..world import assert_exact

pytestmark = pytest.mark.usefixtures("kept_databases")

COUNT = 6
ORDER_DEPENDANTS = {"customer_order_summary", "product_performance", "customer_segments"}
ALL = ORDER_DEPENDANTS | {"customer_data", "product_catalog", "order_data", "penguins"}


@dataclass(frozen=True)
class Fault:
    """A fault, and the rules that must refuse it.

    Args:
        kind: as ACME names it.
        table: the table that must not be published.
        rules: rule → how many rows break it.
        identity: column of the refused rows that holds the ledger's ids.
    """

    kind: str
    table: str
    rules: dict[str, int]
    identity: str


FAULTS = [
    Fault("null_key", "order_data", {"order_id__not_null": COUNT}, "order_id"),
    # Each of the repeated orders is there twice, and neither is the right one.
    Fault("duplicate", "order_data", {"order_id__unique": 2 * COUNT}, "order_id"),
    Fault("negative_price", "order_data", {"price__range": COUNT}, "order_id"),
    Fault("unknown_product", "order_data", {"product__foreign_key": COUNT}, "order_id"),
    Fault(
        "out_of_range_date",
        "order_data",
        {"order_date__range": COUNT // 2, "order_date__not_in_the_future": COUNT // 2},
        "order_id",
    ),
    Fault("broken_email", "customer_data", {"email__pattern": COUNT}, "customer_id"),
    Fault("future_signup", "customer_data", {"signup_date__not_in_the_future": COUNT}, "customer_id"),
]


@pytest.fixture
def clean_world(workshop: Installation) -> Iterator[Installation]:
    """Faults that a test injects are cleared after it. That the next build is right again is the next test's first proof:
    what was left of a fault would break one more rule."""
    yield workshop
    workshop.acme("fault", "clear")


def dependants(table: str) -> set[str]:
    return ORDER_DEPENDANTS if table == "order_data" else ORDER_DEPENDANTS | {"order_data"}


def refused_rows(lake: Lake) -> list[tuple[str, str, str, str]]:
    """Table, rule, row and run of everything that was ever refused."""
    return lake.rows("select table_name, rule, refused_row, run_id from analytics_private._refused_rows")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)
def test_fault_is_refused_in_exact_numbers(clean_world: Installation, fault: Fault) -> None:
    with open_lake(clean_world) as lake:
        before = lake.states("analytics")
        runs_before = {run for *_, run in refused_rows(lake)}
    injected = clean_world.acme("fault", "inject", fault.kind, "--count", str(COUNT))
    failed = clean_world.build()

    assert failed.code == 1, failed.text
    skipped = dependants(fault.table)
    assert {name.partition(".")[2] for name, state in failed.assets.items() if state == "failed"} == {fault.table}
    assert {name.partition(".")[2] for name, state in failed.assets.items() if state == "skipped"} == skipped
    assert {name.partition(".")[2] for name, state in failed.assets.items() if state == "built"} == ALL - skipped - {
        fault.table
    }
    error = failed.error(f"analytics.{fault.table} was not published")
    for rule, rows in fault.rules.items():
        assert f"{rows} of " in error and f"rows break {rule}" in error, error
    assert error.count("rows break") == len(fault.rules), f"more rules than these are broken: {error}"
    assert f"contracts/{fault.table}.odcs.yaml" in error
    assert "  next:  mend the source or the contract" in error and "analytics_private._refused_rows" in error

    with open_lake(clean_world) as lake:
        after = lake.states("analytics")
        for table in skipped | {fault.table}:
            assert after[f"analytics.{table}"] == before[f"analytics.{table}"], table
        refused = [row for row in refused_rows(lake) if row[3] not in runs_before]
    assert {table for table, *_ in refused} == {fault.table}
    assert Counter(rule for _, rule, *_ in refused) == fault.rules
    ids = {json.loads(row)[fault.identity] for _, _, row, _ in refused}
    assert ids == set(injected["ids"]) and len(injected["ids"]) == COUNT


def test_dropped_column_is_named_and_nothing_changes(clean_world: Installation) -> None:
    with open_lake(clean_world) as lake:
        before = lake.states("analytics")
    clean_world.acme("fault", "inject", "drop_column")
    failed = clean_world.build()
    assert failed.code == 1, failed.text
    assert failed.assets["analytics.order_data"] == "failed"
    assert failed.summary == (3, 1, 3)
    error = failed.error("the source has no column price any more")
    assert "table orders of database shop" in error and "ask the source's owner" in error
    with open_lake(clean_world) as lake:
        after = lake.states("analytics")
    for table in ORDER_DEPENDANTS | {"order_data"}:
        assert after[f"analytics.{table}"] == before[f"analytics.{table}"], table


def test_when_all_faults_are_cleared_the_next_build_makes_everything_right(clean_world: Installation) -> None:
    built = clean_world.build()
    assert built.code == 0, built.text
    assert set(built.assets.values()) == {"built"}
    with open_lake(clean_world) as lake:
        assert_exact(lake, clean_world.home)
