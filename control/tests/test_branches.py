"""Branches of the lake on rows: what is written on one stays there until it is promoted."""

from pathlib import Path

import pytest

from headgate.contract import load_contract
from headgate.environment import Environment, Settings
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo
from headgate_control import databases
from headgate_control.branches import (
    BranchError,
    compare_branch,
    create_branch,
    drop_branch,
    list_branches,
    promote_branch,
)
from headgate_control.lake_access import open_lake

pytestmark = pytest.mark.services

TABLE = "analytics.product_catalog"


def publish_products(settings: Settings, count: int, *, run: str) -> None:
    """So many products; more than ten, because fewer rows are kept in the catalog and make no file."""
    contract = load_contract(settings.root / "teams" / "analytics" / "contracts" / "product_catalog.odcs.yaml")
    query = (
        "select concat('product ', i) as product, 'c' as category, 1.00 as cost, 2.00 as retail_price, 's' as supplier "
        f"from range({count}) as r(i)"
    )
    with open_lake(settings, team="analytics") as session:
        publish(session, contract, query, RunInfo(run))


def count_products(settings: Settings) -> int:
    with open_lake(settings) as session:
        row = session.connection.execute(f"select count(distinct product) from {session.qualify(TABLE)}").fetchone()
    assert row is not None
    return int(row[0])


def test_a_branch_is_written_compared_promoted_and_dropped(settings: Settings) -> None:
    databases.start(settings, ["postgres"])
    publish_products(settings, 20, run="1")
    folder = create_branch(settings, "trial")
    branch = settings.model_copy(update={"branch": "trial", "environment": Environment.BRANCH})
    assert list_branches(settings) == ["trial"]
    assert count_products(branch) == 20
    assert not list(folder.rglob("*.parquet")), "a branch copies no file"
    assert compare_branch(settings, "trial") == []

    publish_products(branch, 30, run="2")
    assert (count_products(settings), count_products(branch)) == (20, 30)
    assert list(folder.rglob("*.parquet"))
    [difference] = compare_branch(settings, "trial")
    assert (difference.table, difference.rows, difference.branch_rows) == (TABLE, 20, 30)

    [published] = promote_branch(settings, "trial", code_version="abc")
    assert published.row_count == 30 and count_products(settings) == 30
    [again] = promote_branch(settings, "trial", code_version="abc")
    assert again.is_replay

    drop_branch(settings, "trial")
    assert not folder.exists() and count_products(settings) == 30
    with pytest.raises(BranchError, match="there is no branch 'trial'"):
        drop_branch(settings, "trial")


@pytest.mark.parametrize("name", ["../x", "Trial", "1st", "", "x" * 41])
def test_names_that_no_branch_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(BranchError, match="is no name for a branch"):
        create_branch(Settings(root=tmp_path, home=tmp_path), name)
