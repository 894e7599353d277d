"""Existing work moves in: a plain dbt project becomes a team that is built, tested and read, by the command line."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate_control import databases

from ..installation import ROOT, Installation, copy_repository

SHOP = ROOT / "libs" / "headgate" / "tests" / "orchestration" / "dbt" / "shop"


@pytest.fixture
def clone(folder: Path, environments: Path) -> Iterator[Installation]:
    """A copy of the repository without a team."""
    clone = copy_repository(folder / "dbt team", environments, teams=[])
    (clone.root / "teams").mkdir()
    yield clone
    databases.stop(clone.settings)


def test_a_dbt_project_moves_in(clone: Installation) -> None:
    # Its SQL as it was, seven assets, one of them published with its contract.
    made = clone.run("new", "team", "shop", "--dbt-project", str(SHOP))
    assert made.code == 0, made.text
    assert "4 models, 2 seeds, 1 snapshot, 16 tests" in made.out and "shop.customer_orders" in made.out
    for path in SHOP.rglob("*.sql"):
        assert (clone.root / "teams" / "shop" / "dbt" / path.relative_to(SHOP)).read_bytes() == path.read_bytes()
    built = clone.build("--team", "shop")
    assert built.summary == (7, 0, 0), built.text
    assert built.rows["shop.customer_orders"] == 4
    answer = clone.run("query", "select sum(total_amount) as total from shop.customer_orders", "--format", "csv")
    assert answer.out.split() == ["total", "161.79"]

    # Its own tests pass, in its own environment.
    tests = subprocess.run(
        [clone.home / "envs" / "shop" / "bin" / "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=clone.root / "teams" / "shop",
        env={"PATH": os.environ["PATH"], "HEADGATE_HOME": str(clone.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr

    # A row that breaks a test: the build says which, the old version stays served.
    seed = clone.root / "teams" / "shop" / "dbt" / "seeds" / "raw_orders.csv"
    seed.write_text(seed.read_text(encoding="utf-8") + "6,1,2024-03-02,lost,100\n", encoding="utf-8")
    broken = clone.build("--team", "shop")
    assert broken.code == 1
    broken.error("accepted_values_stg_orders_status", "on model stg_orders failed: 1 row", '"lost"')
    assert broken.summary == (3, 1, 3)
    answer = clone.run("query", "select sum(total_amount) as total from shop.customer_orders", "--format", "csv")
    assert answer.out.split() == ["total", "161.79"]
