"""One small shop for the session, in an in-memory DuckDB, and a registry of each test's own."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import ibis
import pandas as pd
import pytest

from ml.market import generate_market_data

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
