-- Grain: one row a customer.
select
    customers.customer_id,
    customers.customer_name,
    count(orders.order_id) as order_count,
    cast(coalesce(sum(orders.amount), 0) as decimal(12, 2)) as total_amount
from {{ ref('stg_customers') }} as customers
left join {{ ref('stg_orders') }} as orders using (customer_id)
group by all
