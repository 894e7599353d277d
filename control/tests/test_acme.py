"""ACME's server and world, started and seeded by the control plane in ACME's own environment."""

import json
import os
from pathlib import Path

import psycopg
import pytest

from headgate.environment import Settings
from headgate_control import databases
from headgate_control.acme import (
    AcmeWorldError,
    ensure_storefront,
    ensure_world,
    read_storefront,
    read_world,
    run_acme,
)
from headgate_control.diagnosis_database import _examine_storefront
from headgate_control.environments import require_environments
from headgate_control.projects import choose_projects
from headgate_control.provision import acme_reader_url

pytestmark = pytest.mark.services


@pytest.fixture
def with_acme(settings: Settings) -> Settings:
    """A home that uses the ACME environment of the one the tests were started from."""
    if home := os.environ.get("HEADGATE_TEST_HOME"):
        settings.state_folder.mkdir(parents=True)
        (settings.state_folder / "envs").symlink_to(Path(home) / "envs")
    require_environments(settings, choose_projects(settings.root, ["acme"]), quiet=True)
    return settings


def count_orders(settings: Settings) -> int:
    with psycopg.connect(acme_reader_url(settings, "shop")) as connection:
        row = connection.execute("select count(*) from orders").fetchone()
    assert row is not None
    return int(row[0])


def test_a_world_is_seeded_once_and_grows(with_acme: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    assert read_world(with_acme) is None
    databases.start(with_acme, ["acme"])
    world = ensure_world(with_acme, orders="1k")
    assert world["orders_at_seeding"] == 1000
    before = count_orders(with_acme)
    assert before > 900
    assert ensure_world(with_acme) == world  # what is there is taken

    with pytest.raises(AcmeWorldError) as caught:
        ensure_world(with_acme, orders="2k")
    assert len(str(caught.value).splitlines()) == 3 and "--force" in caught.value.next_step
    assert count_orders(with_acme) == before

    with psycopg.connect(acme_reader_url(with_acme, "shop")) as connection, pytest.raises(psycopg.Error):
        connection.execute("delete from orders")

    databases.stop(with_acme, ["acme"])
    capfd.readouterr()
    assert run_acme(with_acme, ["advance", "--days", "1"]) == 0
    assert len(json.loads(capfd.readouterr().out)) == 1
    assert not databases.server(with_acme, "acme").is_running()  # it was started for the command alone
    databases.start(with_acme, ["acme"])
    assert count_orders(with_acme) > before


def test_the_storefront_is_made_once_beside_the_orders(
    with_acme: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.start(with_acme, ["acme"])
    assert read_storefront(with_acme) is None
    assert run_acme(with_acme, ["storefront", "seed", "--lines", "1k", "--days", "60"]) == 0
    world = json.loads(capfd.readouterr().out)
    assert ensure_storefront(with_acme) == read_storefront(with_acme) == {k: world[k] for k in world if k != "is_new"}
    with psycopg.connect(acme_reader_url(with_acme, "transaction_db")) as connection:
        assert connection.execute("select count(*) from transactions").fetchone() == (world["totals"]["transactions"],)
        with pytest.raises(psycopg.Error):
            connection.execute("delete from transactions")
    (finding,) = _examine_storefront(with_acme)
    assert finding.text == f"{world['totals']['transactions']:,} order lines, clock at {world['today']}"
    databases.stop(with_acme, ["acme"])


def test_its_command_line_is_passed_through(with_acme: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_acme(with_acme, ["--help"]) == 0
    assert "advance" in capfd.readouterr().out
    assert run_acme(with_acme, ["fault", "inject", "no_such_fault"]) == 2
    assert "Traceback" not in capfd.readouterr().err
