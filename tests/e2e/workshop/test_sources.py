"""Sources that are away, refuse us, or go away half-way: said in three lines, nothing published changes."""

import socket

import pytest

from headgate_control import databases

from ..installation import Installation, changed, stamp_environments
from ..lake import Lake, open_lake
from ..world import assert_exact
from .cutting_proxy import CuttingProxy

pytestmark = pytest.mark.usefixtures("kept_databases")


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def landed_rows(lake: Lake) -> list[int]:
    tables = ("raw_customers", "raw_products", "raw_orders")
    return [lake.value(f"select count(*) from analytics_private.{name}") for name in tables]


def test_source_down_and_password_refused(workshop: Installation, closed_port: int) -> None:
    """Two sources fail, each in its own way, in one build: neither keeps the other's error from being told."""
    with open_lake(workshop) as lake:
        before, landed = lake.states("analytics"), landed_rows(lake)
    folder = databases.server(workshop.settings, "acme").socket_folder
    failed = workshop.build(
        variables={
            "CRM_URL": f"postgresql://reader:a-secret-word@127.0.0.1:{closed_port}/crm",
            "INVENTORY_URL": f"postgresql://reader:a-wrong-word@/inventory?host={folder}",
        }
    )
    assert failed.code == 1, failed.text
    assert failed.summary == (1, 2, 4)
    down = failed.error("the source is down")
    assert f"table customers of database crm on 127.0.0.1:{closed_port}" in down
    assert "check that it runs and is reachable, then run again; what was published stays as it is" in down
    refused = failed.error("the source refuses the password")
    assert "table products of database inventory" in refused and "renew the credentials" in refused
    assert "a-secret-word" not in failed.text and "a-wrong-word" not in failed.text
    with open_lake(workshop) as lake:
        assert lake.states("analytics") == before
        assert landed_rows(lake) == landed


def test_connection_lost_half_way(workshop: Installation) -> None:
    with open_lake(workshop) as lake:
        before, landed = lake.states("analytics"), landed_rows(lake)
    target = databases.server(workshop.settings, "acme").socket_folder / ".s.PGSQL.5432"
    password = (workshop.home / "secrets" / "acme_reader").read_text(encoding="utf-8").strip()
    with CuttingProxy(target, cut_after=400_000) as proxy:
        url = f"postgresql://reader:{password}@127.0.0.1:{proxy.port}/shop"
        failed = workshop.build("--full-refresh", variables={"SHOP_URL": url})
        assert proxy.has_cut, f"only {proxy.passed} bytes came through"
    assert failed.code == 1, failed.text
    assert failed.assets["analytics.order_data"] == "failed" and failed.summary == (3, 1, 3)
    error = failed.error("the source is down or was lost half-way")
    assert f"table orders of database shop on 127.0.0.1:{proxy.port}" in error
    assert password not in failed.text
    with open_lake(workshop) as lake:
        after = lake.states("analytics")
        assert landed_rows(lake) == landed
        assert {name for name in before if after[name] != before[name]} <= {
            "analytics.customer_data",
            "analytics.product_catalog",
        }
    built = workshop.build()
    assert built.code == 0, built.text
    with open_lake(workshop) as lake:
        assert_exact(lake, workshop.home)


def test_missing_secret_fails_only_the_assets_that_need_it(workshop: Installation) -> None:
    team = workshop.root / "teams" / "analytics"
    with (
        changed(team / "pyproject.toml", ('"INVENTORY_URL"', '"STOCK_URL"')),
        changed(team / "src" / "analytics" / "raw_data.py", ('"INVENTORY_URL"', '"STOCK_URL"')),
    ):
        stamp_environments(workshop.root, workshop.home)
        failed = workshop.build()
    stamp_environments(workshop.root, workshop.home)
    assert failed.code == 1, failed.text
    assert failed.assets["analytics.customer_data"] == "built", "the team loads, and what needs no secret is built"
    assert failed.assets["analytics.product_catalog"] == "failed" and failed.summary == (2, 1, 4)
    error = failed.error("the secret STOCK_URL is not set, and reading the inventory needs it")
    assert "export STOCK_URL=" in error and ".env" in error
