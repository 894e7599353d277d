-- Grain: one row an order and product, an order line. A late line of an order is a row of its own.

with newest as (

    select *
    from {{ source('storefront', 'raw_transactions') }}
    qualify {{ is_newest(['order_id', 'product_id'], ['_loaded_at', 'date_time']) }}

)

select
    order_id,
    product_id,
    account_id,
    {{ pacific_to_utc('date_time') }} as transacted_at,
    cast(date_time as date) as transaction_date,
    quantity,
    {{ cents_to_amount('revenue_cents') }} as revenue,
    {{ cents_to_amount('tax_cents') }} as tax,
    {{ clean_code('currency') }} as currency,
    {{ clean_code('channel') }} as channel,
    _loaded_at as loaded_at
from newest
