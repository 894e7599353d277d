{{ config(severity='warn') }}
select customer_id, order_count from {{ ref('customer_orders') }} where order_count > 1
