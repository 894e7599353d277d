"""What ACME's world contains, by its ledger, which the generator writes apart from the databases.

Read as the plain files that `acme/README.md` describes, by plain SQL: neither the generator's code nor a pipeline's has
a part in it.
"""

from pathlib import Path

from .lake import Lake

_LEDGER = """
create or replace temp table ledger_orders as
with corrections as (
    -- grain: one row a correction; the last one of an order counts
    select *, row_number() over (partition by order_id order by batch desc, file_row_number desc) as age
    from read_parquet('{ledger}/batches/*/corrections.parquet', file_row_number = true)
)
select
    order_id,
    customer_id,
    product,
    coalesce(c.quantity_after, o.quantity) as quantity,
    coalesce(c.price_after, o.price) as price,
    o.order_date,
    coalesce(c.updated_at_after, o.updated_at) as updated_at
from read_parquet('{ledger}/batches/*/orders.parquet') as o
left join (from corrections where age = 1) as c using (order_id);

create or replace temp table ledger_customers as
select customer_id, name, email, signup_date, tier, updated_at from read_parquet('{ledger}/batches/*/customers.parquet');

create or replace temp table ledger_products as
select product, category, cost, retail_price, supplier from read_parquet('{ledger}/products.parquet');

create or replace temp table ledger_days as
select order_date, sum(orders) as orders, sum(quantity) as quantity, sum(revenue) as revenue
from read_csv(
    '{ledger}/batches/*/days.csv',
    columns = {{order_date: 'date', orders: 'bigint', quantity: 'bigint', revenue: 'decimal(18,2)'}}
)
group by order_date
having sum(orders) <> 0;
"""

_EXPECTED = {
    "analytics.customer_data": (
        "customer_id, signup_date, tier, updated_at",
        "select customer_id, signup_date, tier, updated_at from ledger_customers",
    ),
    "analytics.product_catalog": (
        "product, category, cost as cost, retail_price, supplier",
        "from ledger_products",
    ),
    "analytics.order_data": (
        "order_id, customer_id, product, quantity, price, order_date, updated_at, total_amount",
        "select *, cast(quantity * price as decimal(18, 2)) as total_amount from ledger_orders",
    ),
    "analytics.customer_order_summary": (
        "customer_id, tier, signup_date, total_orders, total_spent, avg_order_value, first_order_date, last_order_date",
        """
        select
            customer_id,
            tier,
            signup_date,
            count(order_id) as total_orders,
            cast(coalesce(sum(quantity * price), 0) as decimal(18, 2)) as total_spent,
            cast(round(sum(quantity * price)::double / nullif(count(order_id), 0), 2) as decimal(18, 2)),
            min(order_date),
            max(order_date)
        from ledger_customers
        left join ledger_orders using (customer_id)
        group by all
        """,
    ),
    "analytics.product_performance": (
        "product, category, supplier, total_orders, units_sold, revenue, total_cost, profit",
        """
        select
            product,
            category,
            supplier,
            count(order_id) as total_orders,
            coalesce(sum(quantity), 0) as units_sold,
            cast(coalesce(sum(quantity * price), 0) as decimal(18, 2)) as revenue,
            cast(coalesce(sum(quantity), 0) * any_value(p.cost) as decimal(18, 2)) as total_cost,
            revenue - total_cost as profit
        from ledger_products as p
        left join ledger_orders using (product)
        group by all
        """,
    ),
    "analytics.customer_segments": (
        "customer_id, tier, total_orders, total_spent, segment",
        """
        select
            customer_id,
            tier,
            count(order_id) as total_orders,
            cast(coalesce(sum(quantity * price), 0) as decimal(18, 2)) as total_spent,
            case
                when total_spent >= 100 and total_orders >= 3 then 'High Value'
                when total_spent >= 50 and total_orders >= 2 then 'Medium Value'
                else 'Low Value'
            end as segment
        from ledger_customers
        left join ledger_orders using (customer_id)
        group by all
        """,
    ),
}
"""Of each published table of analytics, the columns that the ledger determines, and what they must be."""


def load_ledger(lake: Lake, home: Path) -> None:
    """Makes the ledger's tables on the lake's connection."""
    ledger = str(home / "acme" / "ledger").replace("'", "''")
    for statement in _LEDGER.format(ledger=ledger).split(";\n"):
        if statement.strip():
            lake.connection.execute(statement)


def assert_exact(lake: Lake, home: Path) -> None:
    """Nothing is lost, nothing doubled, nothing old: every row of every table of analytics is what the ledger says."""
    load_ledger(lake, home)
    for table, (columns, expected) in _EXPECTED.items():
        published = f"select {columns} from {table}"
        missing = lake.rows(f"({expected}) except all ({published}) order by all limit 3")
        surplus = lake.rows(f"({published}) except all ({expected}) order by all limit 3")
        assert not missing and not surplus, f"{table} lacks {missing} and has instead {surplus}"
        assert lake.value(f"select count(*) from {table}") == lake.value(f"select count(*) from ({expected})") > 0, (
            table
        )
    by_day = "select order_date, count(*), sum(quantity), sum(quantity * price) from analytics.order_data group by all"
    assert lake.rows(f"from ({by_day}) order by all") == lake.rows("from ledger_days order by all")
    ids = lake.rows("select count(*), count(distinct order_id), max(order_id) from analytics.order_data")
    assert ids == lake.rows("select sum(orders), sum(orders), sum(orders) from ledger_days")
