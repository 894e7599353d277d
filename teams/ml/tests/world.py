"""A small shop with known habits, so that a test can say what a model must find.

Customers buy at their own steady rate and half of them fall silent for good; products have a season and a promotion
every eight weeks; everybody has three favourites and buys a product's companion soon after it. Same seed, same world.
"""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

TODAY = date(2026, 3, 2)
DAYS = 720
CUSTOMERS = 1200
PRODUCTS = 24


def make_orders(seed: int = 7, *, days: int = DAYS, customers: int = CUSTOMERS) -> pd.DataFrame:
    """Orders of the `days` days before `TODAY`, one row each, in the columns of analytics.order_data but updated_at."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 1 / 30, customers)
    begins = rng.integers(0, days - 60, customers)
    silent_from = np.where(rng.random(customers) < 0.5, begins + rng.exponential(250, customers), np.inf)
    favourites = rng.integers(0, PRODUCTS, (customers, 3))
    popularity = 1 / np.arange(3, PRODUCTS + 3)
    last_product = np.full(customers, -1)
    parts = []
    for day in range(days):
        alive = (begins <= day) & (day < silent_from)
        buyer = np.flatnonzero(alive & (rng.random(customers) < rate))
        demand = popularity * _demand(day)
        product = rng.choice(PRODUCTS, len(buyer), p=demand / demand.sum())
        habit = rng.random(len(buyer))
        product = np.where(habit < 0.4, favourites[buyer, rng.integers(0, 3, len(buyer))], product)
        follows = (habit > 0.75) & (last_product[buyer] >= 0)
        product = np.where(follows, (last_product[buyer] + 5) % PRODUCTS, product)
        last_product[buyer] = product
        promoted = _promoted(day)[product]
        quantity = rng.integers(1, 3, len(buyer)) + 3 * promoted
        parts.append(pd.DataFrame({"customer_id": buyer + 1, "product": product, "quantity": quantity, "day": day}))
    frame = pd.concat(parts, ignore_index=True)
    frame.insert(0, "order_id", np.arange(1, len(frame) + 1))
    price = 10.0 + frame["product"]
    return frame.assign(
        product=frame["product"].map("product {:02d}".format),
        price=price,
        total_amount=price * frame.quantity,
        order_date=[TODAY - timedelta(days=int(days - day)) for day in frame.pop("day")],
    )


def load_orders(connection: ibis.BaseBackend, frame: pd.DataFrame) -> ibis.Table:
    """The orders as an Ibis table with analytics' types."""
    rows = ibis.memtable(frame, columns=list(frame.columns))
    typed = rows.mutate(
        order_id=rows.order_id.cast("int64"),
        customer_id=rows.customer_id.cast("int64"),
        quantity=rows.quantity.cast("int32"),
        price=rows.price.cast("decimal(12, 2)"),
        total_amount=rows.total_amount.cast("decimal(18, 2)"),
        order_date=rows.order_date.cast("date"),
        updated_at=rows.order_date.cast("timestamp('UTC')"),
    )
    return connection.create_table("order_data", typed, overwrite=True)


def load_customers(connection: ibis.BaseBackend, customers: int = CUSTOMERS) -> ibis.Table:
    """The columns of `customer_features` that models read."""
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(1, customers + 1),
            "signup_date": TODAY - timedelta(days=DAYS + 1),
            "is_premium": np.arange(customers) % 3 == 0,
            "monetary_score": np.int32(1),
        }
    )
    table = ibis.memtable(frame)
    return connection.create_table(
        "customer_features", table.mutate(signup_date=table.signup_date.cast("date")), overwrite=True
    )


def load_products(connection: ibis.BaseBackend) -> ibis.Table:
    """The columns of `product_features` that models read: even products are toys, odd ones books."""
    names = [f"product {number:02d}" for number in range(PRODUCTS)]
    frame = pd.DataFrame({"product": names, "category": ["Toys" if n % 2 == 0 else "Books" for n in range(PRODUCTS)]})
    return connection.create_table("product_features", ibis.memtable(frame), overwrite=True)


def _promoted(day: int) -> np.ndarray:
    return np.arange(PRODUCTS) % 8 == (day // 7) % 8


def _demand(day: int) -> np.ndarray:
    season = 1 + 0.5 * np.cos(2 * np.pi * (day / 365.25 + np.arange(PRODUCTS) % 2 / 2))
    return season * (1 + 1.0 * _promoted(day))
