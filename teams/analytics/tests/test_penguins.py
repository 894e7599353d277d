"""The penguins as published, against the published figures of the data set; and the schedule that is for show."""

import importlib
import socket
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest

import analytics.definitions
from analytics.penguins import penguins
from headgate.contract import audit, audit_columns, load_contract
from headgate.testing import function_of

CONTRACT = Path(__file__).parents[1] / "contracts" / "penguins.odcs.yaml"


@pytest.fixture
def birds(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Loaded without a network."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("loading the penguins opened a connection"))
    loaded: pd.DataFrame = function_of(penguins)()
    return loaded


def test_all_birds_are_there(birds: pd.DataFrame) -> None:
    assert len(birds) == 344
    assert birds.species.value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert birds.island.value_counts().to_dict() == {"Biscoe": 168, "Dream": 124, "Torgersen": 52}
    assert birds.bill_length_mm.notna().sum() == 342
    assert birds.sex.isna().sum() == 11
    first = birds.iloc[0].to_dict()
    assert first == {
        "penguin_id": 1,
        "species": "Adelie",
        "island": "Torgersen",
        "bill_length_mm": 39.1,
        "bill_depth_mm": 18.7,
        "flipper_length_mm": 181,
        "body_mass_g": 3750,
        "sex": "male",
        "year": 2007,
    }


def test_they_keep_their_contract(birds: pd.DataFrame) -> None:
    contract = load_contract(CONTRACT)
    connection = duckdb.connect()
    connection.register("birds", birds)
    columns = {name: kind for name, kind, *_ in connection.execute("describe birds").fetchall()}
    results = [*audit_columns(contract, columns), *audit(connection, contract, "birds")]
    assert [result.message for result in results if not result.passed] == []
    assert {result.checked_rows for result in results if result.rule.kind == "range"} == {344}
    assert connection.execute("select count(*) from birds where body_mass_g is null").fetchone() == (2,)


def test_a_bird_measured_by_half_is_seen(birds: pd.DataFrame) -> None:
    connection = duckdb.connect()
    connection.register("birds", birds.assign(body_mass_g=birds.body_mass_g.where(birds.penguin_id > 3)))
    failed = [result for result in audit(connection, load_contract(CONTRACT), "birds") if not result.passed]
    assert [(result.rule.name, result.failed_rows) for result in failed] == [("measures__all_or_none", 3)]


def test_this_team_is_on_pandas_2() -> None:
    """Team ml is on pandas 3, in the same build."""
    assert pd.__version__.split(".")[0] == "2"


@pytest.fixture(params=[("1", "RUNNING"), ("0", "STOPPED"), (None, "STOPPED")], ids=["on", "off", "unset"])
def profile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    value, status = request.param
    if value is None:
        monkeypatch.delenv("HEADGATE_DEMONSTRATION", raising=False)
    else:
        monkeypatch.setenv("HEADGATE_DEMONSTRATION", value)
    importlib.reload(analytics.definitions)
    yield status
    monkeypatch.undo()
    importlib.reload(analytics.definitions)


def test_every_minute_only_in_a_demonstration(profile: str) -> None:
    schedule = analytics.definitions.defs.resolve_schedule_def("penguins_every_minute")
    assert schedule.default_status is dg.DefaultScheduleStatus[profile]
    assert schedule.cron_schedule == "* * * * *"
