{{ config(materialized='incremental', unique_key='ordered_on', incremental_strategy='delete+insert') }}
-- Grain: one row a day with orders.
select ordered_on, count(*) as order_count, cast(sum(amount) as decimal(12, 2)) as amount
from {{ ref('stg_orders') }}
{% if is_incremental() %}
where ordered_on >= (select max(ordered_on) from {{ this }})
{% endif %}
group by all
