"""From nothing to published products, and on from there: exact to the row, whatever the sources did in between."""

import pytest

from headgate.contract import load_contracts
from headgate.team import list_teams

from ..conftest import ORDERS
from ..installation import Installation, Result
from ..lake import TableState, open_lake
from ..world import assert_exact


def contracted_tables(installation: Installation) -> list[str]:
    return [
        f"{team.name}.{table}"
        for team in list_teams(installation.root)
        for table in load_contracts(team.contracts_folder)
    ]


def published_states(installation: Installation) -> dict[str, TableState]:
    with open_lake(installation) as lake:
        return lake.states("analytics")


def test_first_build_is_complete_and_ends_what_it_started(platform: Installation, first_build: Result) -> None:
    assert first_build.code == 0, first_build.text
    assert set(contracted_tables(platform)) <= set(first_build.assets), first_build.text
    assert set(first_build.assets.values()) <= {"built", "warned"}
    assert first_build.summary == (len(first_build.assets), 0, 0)
    assert not first_build.errors
    assert platform.left_processes() == []


def test_every_contracted_table_is_published_with_the_rows_the_build_told(
    platform: Installation, first_build: Result
) -> None:
    tables = contracted_tables(platform)
    with open_lake(platform, *{table.partition(".")[0] for table in tables}) as lake:
        for table in tables:
            assert lake.value(f"select count(*) from {table}") == first_build.rows[table] > 0, table
    assert first_build.rows["analytics.order_data"] == ORDERS


def test_first_build_is_what_the_ledger_says(platform: Installation, first_build: Result) -> None:
    with open_lake(platform) as lake:
        assert_exact(lake, platform.home)


def test_second_build_changes_nothing(platform: Installation, first_build: Result) -> None:
    before = published_states(platform)
    again = platform.build("--team", "analytics")
    assert again.code == 0, again.text
    after = published_states(platform)
    assert {name: state.digest for name, state in after.items()} == {name: s.digest for name, s in before.items()}


@pytest.fixture(scope="module")
def two_days_later(platform: Installation, first_build: Result) -> Result:
    """Two days with late rows and corrections have happened, and analytics was built by increment."""
    platform.acme("advance", "--days", "2")
    return platform.build("--team", "analytics")


def test_incremental_build_takes_late_rows_and_corrections(platform: Installation, two_days_later: Result) -> None:
    assert two_days_later.code == 0, two_days_later.text
    ledger = platform.acme("ledger")
    assert len(ledger["late_order_ids"]) >= 10 and len(ledger["lagged_order_ids"]) >= 10
    assert len(ledger["corrected_order_ids"]) >= 8
    with open_lake(platform) as lake:
        assert_exact(lake, platform.home)
        orders = lake.value("select count(*) from analytics.order_data")
        assert orders == ledger["totals"]["orders"] > ORDERS
        late = ledger["late_order_ids"] + ledger["lagged_order_ids"]
        assert lake.value(
            "select count(*) from analytics.order_data where order_id in (select unnest(?))", [late]
        ) == len(late)


def test_full_refresh_gives_the_identical_tables(platform: Installation, two_days_later: Result) -> None:
    incremental = published_states(platform)
    refreshed = platform.build("--team", "analytics", "--full-refresh")
    assert refreshed.code == 0, refreshed.text
    for table, state in published_states(platform).items():
        assert state.digest == incremental[table].digest, table
        assert state.publication != incremental[table].publication, f"{table} was not published again"
