"""Existing work moves in: a plain dbt project becomes a team that is built, tested and read, by the command line."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate_control import databases

from .installation import ROOT, Installation, copy_repository

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
    made = clone.run("new", "team", "shop", "--dbt-project", str(SHOP), timeout=900)
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
    assert (
        broken.assets["shop.stg_orders"] == "failed"
    )  # one line: what was built and then failed its test is not built
    answer = clone.run("query", "select sum(total_amount) as total from shop.customer_orders", "--format", "csv")
    assert answer.out.split() == ["total", "161.79"]

    # What it publishes is a table like any other: a team builds on it in the version that is published, and keeps it there.
    assert clone.run("new", "team", "billing", "--from-table", "shop.customer_orders", timeout=900).code == 0
    assert '"shop.customer_orders" = ">=1.0,<2"' in (clone.root / "teams" / "billing" / "pyproject.toml").read_text(
        "utf-8"
    )
    assert clone.build("--team", "billing").summary == (1, 0, 0)
    clone.run("remove", "team", "shop", "--yes").error("billing consumes shop.customer_orders")
    snapshot = clone.run("history", "shop.customer_orders").out.splitlines()[1].split()[0]
    assert "4 rows" in clone.run("rollback", "shop.customer_orders", "--to", snapshot).out

    # A version that its consumer does not accept stops a build before anything runs, as of any other table.
    marts = clone.root / "teams" / "shop" / "dbt" / "models" / "marts" / "_marts.yml"
    text = marts.read_text(encoding="utf-8")
    marts.write_text(text.replace("automation: eager_after_checks", "version: 2.0.0"), encoding="utf-8")
    refused = clone.build()
    assert refused.code == 2
    refused.error("team billing accepts shop.customer_orders", "shop publishes 2.0.0")
