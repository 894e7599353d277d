"""Group `raw_data`: what the CRM, the shop and the inventory hold, landed as it came and published under contracts.

What belongs here: reading sources. What does not: joining or summing (see `summaries`).
"""

from datetime import timedelta

import dagster as dg
import ibis

from headgate import asset, is_full_refresh, read_secret
from headgate.lake.session import LakeSession
from headgate.orchestration.tables import backend_of
from headgate.sources.postgres import Landing, land_table, latest_versions

LOOKBACK = timedelta(days=2)
"""The shop commits a change up to 24 hours after the change time it stamps on it; a day more is safety."""


@asset(group_name="raw_data", kinds={"postgres", "ducklake"})
def customer_data(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Every customer of the CRM, replaced at each run. Name and e-mail are masked before they are published."""
    session = context.resources.lake.session
    landing = land_table(
        session,
        read_secret("CRM_URL", purpose="reading the CRM"),
        "customers",
        into="raw_customers",
        columns=("customer_id", "name", "email", "signup_date", "tier", "updated_at"),
    )
    return _landed(session, landing, f"select * exclude (_landed_at) from {landing.table}")


@asset(group_name="raw_data", kinds={"postgres", "ducklake"})
def product_catalog(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Every product of the inventory, replaced at each run."""
    session = context.resources.lake.session
    landing = land_table(
        session,
        read_secret("INVENTORY_URL", purpose="reading the inventory"),
        "products",
        into="raw_products",
        columns=("product", "category", "cost", "retail_price", "supplier"),
    )
    return _landed(session, landing, f"select * exclude (_landed_at) from {landing.table}")


@asset(group_name="raw_data", deps=["customer_data", "product_catalog"], kinds={"postgres", "ducklake"})
def order_data(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Every order of the shop in its newest version, landed by change time with a look-back of two days."""
    session = context.resources.lake.session
    landing = land_table(
        session,
        read_secret("SHOP_URL", purpose="reading the shop"),
        "orders",
        into="raw_orders",
        columns=("order_id", "customer_id", "product", "quantity", "price", "order_date", "updated_at"),
        changed_at="updated_at",
        lookback=LOOKBACK,
        full_refresh=is_full_refresh(context),
    )
    newest = latest_versions(landing.table, key="order_id", changed_at="updated_at")
    return _landed(
        session,
        landing,
        f"select *, cast(quantity * price as decimal(18, 2)) as total_amount from ({newest}) as newest",
    )


def _landed(session: LakeSession, landing: Landing, rows_sql: str) -> dg.MaterializeResult:
    rows: ibis.Table = backend_of(session).sql(rows_sql)
    window = landing.window_start.isoformat() if landing.window_start else "all of it"
    return dg.MaterializeResult(
        value=rows, metadata={"rows_read": landing.rows_read, "landed_rows": landing.rows_total, "read_since": window}
    )
