"""Riders for the session, and their back-test."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ibis
import pandas as pd
import pytest

from energy import world
from fitness.energy.backtest import run_backtest
from fitness.energy.rides import load_rides, select_rides
from headgate.models.registry import ModelRegistry

AS_OF = world.TODAY.date()


@dataclass(frozen=True)
class Riders:
    """Published tables as frames, the rides the model sees, and their back-test."""

    measures: pd.DataFrame
    activities: pd.DataFrame
    rides: pd.DataFrame
    rows: pd.DataFrame


def rides_of(measures: pd.DataFrame, activities: pd.DataFrame) -> pd.DataFrame:
    return load_rides(select_rides(ibis.memtable(measures), ibis.memtable(activities)))


@cache
def make_riders() -> Riders:
    """Computed once, for the tests of the model and of its page."""
    measures, activities = world.make_activities()
    rides = rides_of(measures, activities)
    return Riders(measures, activities, rides, run_backtest(rides, AS_OF))


@pytest.fixture(scope="session")
def riders() -> Riders:
    return make_riders()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated MLflow store without models: making one takes seconds, copying it none."""
    folder = tmp_path_factory.mktemp("store")
    ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def registry(empty_store: bytes, tmp_path: Path) -> Iterator[ModelRegistry]:
    (tmp_path / "mlflow.db").write_bytes(empty_store)
    yield ModelRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
