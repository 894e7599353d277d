"""One small shop for the session, in an in-memory DuckDB, and a registry of each test's own."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import ibis
import pandas as pd
import pytest

from ml.market import generate_market_data
from ml.registry import ModelRegistry

sys.path.insert(0, str(Path(__file__).parent))
import world


@dataclass(frozen=True)
class Shop:
    """The tables that models read, and the frame they were made from."""

    connection: ibis.BaseBackend
    frame: pd.DataFrame
    orders: ibis.Table
    customers: ibis.Table
    products: ibis.Table
    market: ibis.Table


def open_shop(frame: pd.DataFrame) -> Shop:
    connection = ibis.duckdb.connect()
    days = generate_market_data(frame.order_date.min(), world.TODAY + timedelta(days=28))
    return Shop(
        connection=connection,
        frame=frame,
        orders=world.load_orders(connection, frame),
        customers=world.load_customers(connection),
        products=world.load_products(connection),
        market=connection.create_table("market_data", ibis.memtable(days)),
    )


@pytest.fixture(scope="session")
def shop() -> Shop:
    return open_shop(world.make_orders())


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated MLflow store without models: making one takes two seconds, copying it none."""
    folder = tmp_path_factory.mktemp("store")
    ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder / "mlflow.db"


@pytest.fixture
def registry(empty_store: Path, tmp_path: Path) -> Iterator[ModelRegistry]:
    folder = tmp_path / "a store"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    yield ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
