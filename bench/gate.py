"""Two products at 10 M orders: through the gate, as pandas on pickled frames, and as plain SQL on the same lake.

The three do the same work: `customer_order_summary` and `product_performance` from orders, customers and catalogue.
Through the gate means the assets' own Ibis expressions, published with audit and commit. The pandas peer reads and writes
pickled frames as Dagster's FilesystemIOManager does, with floats for money: Decimal objects take it three times as long.
The SQL peer is written by hand into unguarded tables of the same lake.
"""

import argparse
import pickle
import tempfile
from pathlib import Path
from uuid import uuid4

import pandas as pd
from _lake import bench_lake, open_session
from _measure import print_machine, report_work, run_in_process

from analytics import summaries
from headgate.contract import load_contract
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo
from headgate.lake.session import LakeSession
from headgate.orchestration.tables import read_table, rows_sql_of
from headgate.testing import function_of

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "teams" / "analytics" / "contracts"
PRODUCTS = ("customer_order_summary", "product_performance")

WORLD = {
    "customer_data": """
        select
            i as customer_id, 'A. B.' as name, concat(sha256(cast(i as varchar)), '@x.org') as email,
            date '2024-01-01' + cast(i % 700 as integer) as signup_date,
            if(hash(i) % 4 = 0, 'premium', 'basic') as tier,
            timestamptz '2026-01-01 00:00:00+00' as updated_at
        from range(1, {customers} + 1) as r(i)
    """,
    "product_catalog": """
        select
            concat('product ', i) as product, concat('category ', i % 8) as category,
            cast(5 + i % 40 as decimal(12, 2)) as cost, cast(9.99 + i % 40 + i % 50 as decimal(12, 2)) as retail_price,
            concat('supplier ', i % 12) as supplier
        from range(1, 201) as r(i)
    """,
    "order_data": """
        select
            i as order_id, cast(1 + hash(i) % {customers} as bigint) as customer_id,
            concat('product ', 1 + hash(i + 1) % 200) as product, cast(1 + hash(i + 2) % 5 as integer) as quantity,
            cast(9.99 + hash(i + 3) % 90 as decimal(12, 2)) as price,
            date '2024-01-01' + cast(hash(i + 4) % 700 as integer) as order_date,
            timestamptz '2026-01-01 00:00:00+00' as updated_at,
            cast((1 + hash(i + 2) % 5) * cast(9.99 + hash(i + 3) % 90 as decimal(12, 2)) as decimal(18, 2)) as total_amount
        from range(1, {orders} + 1) as r(i)
    """,
}

SQL = {
    "customer_order_summary": """
        insert into analytics_private.plain_customer_order_summary
        with orders as (
            select
                customer_id, count(*) as total_orders, sum(total_amount) as total_spent,
                min(order_date) as first_order_date, max(order_date) as last_order_date
            from analytics.order_data
            group by customer_id
        )
        select
            customer_id, name, tier, signup_date, coalesce(total_orders, 0), coalesce(total_spent, 0),
            total_spent / total_orders, first_order_date, last_order_date
        from analytics.customer_data left join orders using (customer_id)
    """,
    "product_performance": """
        insert into analytics_private.plain_product_performance
        with sales as (
            select product, count(*) as total_orders, sum(quantity) as units_sold, sum(total_amount) as revenue
            from analytics.order_data
            group by product
        )
        select
            product, category, supplier, coalesce(total_orders, 0), coalesce(units_sold, 0), coalesce(revenue, 0),
            units_sold * cost, revenue - units_sold * cost, (revenue - units_sold * cost) / revenue * 100
        from analytics.product_catalog left join sales using (product)
    """,
}


def prepare(orders: int, frames: Path) -> None:
    """The sources as published tables (through the gate) and as Parquet for the peer; the targets shaped."""
    with open_session() as session:
        for table, query in WORLD.items():
            contract = load_contract(CONTRACTS / f"{table}.odcs.yaml")
            publish(session, contract, query.format(orders=orders, customers=orders // 25), RunInfo("prepare"))
        for table in PRODUCTS:
            publish_product(session, table, "shape")
            session.attach("analytics_private")
            session.connection.execute(
                f"create or replace table analytics_private.plain_{table} as from analytics.{table} limit 0"
            )
        for table in WORLD:
            money = session.connection.execute(
                f"select column_name from (describe analytics.{table}) where column_type like 'DECIMAL%'"
            ).fetchall()
            floats = ", ".join(f"cast({name} as double) as {name}" for (name,) in money)
            rows = f"select * replace ({floats}) from analytics.{table}" if floats else f"from analytics.{table}"
            session.connection.execute(f"copy ({rows}) to '{frames / table}.parquet' (format parquet)")


def publish_product(session: LakeSession, table: str, run_id: str) -> None:
    inputs = {
        "customer_order_summary": ("customer_data", "order_data"),
        "product_performance": ("order_data", "product_catalog"),
    }[table]
    expression = function_of(getattr(summaries, table))(
        *(read_table(session, f"analytics.{name}", None) for name in inputs)
    )
    rows_sql = rows_sql_of(session, expression, asset=table)
    publish(session, load_contract(CONTRACTS / f"{table}.odcs.yaml"), rows_sql, RunInfo(run_id))


def through_the_gate() -> None:
    with open_session() as session:
        for table in PRODUCTS:
            publish_product(session, table, f"run-{uuid4()}")


def as_plain_sql() -> None:
    with open_session() as session:
        session.attach("analytics")
        session.attach("analytics_private")
        for table, query in SQL.items():
            with session.transaction():
                session.connection.execute(f"truncate analytics_private.plain_{table}")
                session.connection.execute(query)


def as_pickled_pandas(frames: Path) -> None:
    """Every hand-over is one pickle written by the producer and one read by the consumer, as FilesystemIOManager does."""

    def load(name: str) -> pd.DataFrame:
        with (frames / name).open("rb") as file:
            return pickle.load(file)

    def store(name: str, frame: pd.DataFrame) -> None:
        with (frames / name).open("wb") as file:
            pickle.dump(frame, file, pickle.HIGHEST_PROTOCOL)

    for table in WORLD:
        store(table, pd.read_parquet(frames / f"{table}.parquet"))
    orders, customers = load("order_data"), load("customer_data")
    grouped = orders.groupby("customer_id").agg(
        total_orders=("order_id", "count"),
        total_spent=("total_amount", "sum"),
        first_order_date=("order_date", "min"),
        last_order_date=("order_date", "max"),
    )
    summary = customers.drop(columns=["email", "updated_at"]).merge(grouped, on="customer_id", how="left")
    summary["total_orders"] = summary.total_orders.fillna(0)
    summary["total_spent"] = summary.total_spent.fillna(0)
    summary["avg_order_value"] = summary.total_spent / summary.total_orders
    store("customer_order_summary", summary)
    del orders, customers, summary, grouped
    orders, catalog = load("order_data"), load("product_catalog")
    sales = orders.groupby("product").agg(
        total_orders=("order_id", "count"), units_sold=("quantity", "sum"), revenue=("total_amount", "sum")
    )
    performance = catalog.merge(sales, on="product", how="left").fillna(
        {"total_orders": 0, "units_sold": 0, "revenue": 0}
    )
    performance["total_cost"] = performance.units_sold * performance.cost
    performance["profit"] = performance.revenue - performance.total_cost
    performance["profit_margin"] = performance.profit / performance.revenue * 100
    store("product_performance", performance)


PARTS = {
    "prepare": lambda options: prepare(options.rows, options.frames),
    "gate": lambda options: through_the_gate(),
    "sql": lambda options: as_plain_sql(),
    "pandas": lambda options: as_pickled_pandas(options.frames),
}


TIMES = {"gate": 5, "sql": 5}
"""In one process each, as a code server works; pandas once, it takes long enough."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="number of orders")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        report_work(lambda: PARTS[options.part](options), times=TIMES.get(options.part, 1))
        return
    print_machine("duckdb", "ibis-framework", "pandas")
    with bench_lake(), tempfile.TemporaryDirectory(prefix="frames-") as folder:

        def measure(part: str) -> dict[str, float]:
            return run_in_process(Path(__file__), "--part", part, "--frames", folder, "--rows", str(options.rows))

        measure("prepare")
        figures = {part: measure(part) for part in ("gate", "sql", "pandas")}
    gate, sql, pandas = figures["gate"], figures["sql"], figures["pandas"]
    print(f"{options.rows:,} orders → {' + '.join(PRODUCTS)}")
    for name, figure in (("gate", gate), ("plain SQL", sql), ("pickled pandas", pandas)):
        print(f"  {name:<15} {figure['seconds']:8.2f} s  {figure['peak_mib']:9,.0f} MiB")
    print(f"pandas / gate: {pandas['seconds'] / gate['seconds']:.1f} times the time (promised: at least 3)")
    print(f"gate / pandas: {gate['peak_mib'] / pandas['peak_mib']:.2f} of the peak memory (promised: at most 0.20)")
    print(f"gate / SQL:    {gate['seconds'] / sql['seconds']:.2f} times the time (promised: at most 1.5)")


if __name__ == "__main__":
    main()
