"""Group `analytics`: what customers and products add up to. Ibis expressions, so the rows stay in the engine."""

import ibis

from headgate import asset

MONEY = "decimal(18, 2)"


@asset(group_name="analytics")
def customer_order_summary(customer_data: ibis.Table, order_data: ibis.Table) -> ibis.Table:
    """Orders and spending per customer. Grain: one row a customer; customers without orders stay in."""
    orders = order_data.group_by("customer_id").agg(
        total_orders=order_data.count(),
        total_spent=order_data.total_amount.sum(),
        first_order_date=order_data.order_date.min(),
        last_order_date=order_data.order_date.max(),
    )
    joined = customer_data.left_join(orders, "customer_id")
    total_orders = joined.total_orders.fill_null(0)
    total_spent = joined.total_spent.fill_null(0).cast(MONEY)
    return joined.select(
        "customer_id",
        "name",
        "tier",
        "signup_date",
        total_orders=total_orders,
        total_spent=total_spent,
        avg_order_value=(total_spent / total_orders.nullif(0)).cast(MONEY),
        first_order_date=joined.first_order_date,
        last_order_date=joined.last_order_date,
    )


@asset(group_name="analytics")
def product_performance(order_data: ibis.Table, product_catalog: ibis.Table) -> ibis.Table:
    """Sales, cost and profit per product. Grain: one row a product of the catalogue, also when it never sold.

    total_cost = units_sold x cost; profit = revenue - total_cost; profit_margin = profit / revenue x 100, in percent,
    null without revenue.
    """
    sales = order_data.group_by("product").agg(
        total_orders=order_data.count(),
        units_sold=order_data.quantity.sum(),
        revenue=order_data.total_amount.sum(),
    )
    joined = product_catalog.left_join(sales, "product")
    units_sold = joined.units_sold.fill_null(0).cast("int64")
    revenue = joined.revenue.fill_null(0).cast(MONEY)
    total_cost = (units_sold * joined.cost).cast(MONEY)
    profit = (revenue - total_cost).cast(MONEY)
    return joined.select(
        "product",
        "category",
        "supplier",
        total_orders=joined.total_orders.fill_null(0),
        units_sold=units_sold,
        revenue=revenue,
        total_cost=total_cost,
        profit=profit,
        profit_margin=(profit / revenue.nullif(0) * 100).cast("float64"),
    )


@asset(group_name="analytics")
def customer_segments(customer_order_summary: ibis.Table) -> ibis.Table:
    """Customers by value. High: spent at least 100 in at least 3 orders; Medium: at least 50 in at least 2; else Low."""
    spent, orders = customer_order_summary.total_spent, customer_order_summary.total_orders
    return customer_order_summary.select(
        "customer_id",
        "tier",
        total_orders=orders,
        total_spent=spent,
        segment=ibis.cases(
            ((spent >= 100) & (orders >= 3), "High Value"),
            ((spent >= 50) & (orders >= 2), "Medium Value"),
            else_="Low Value",
        ),
    )
