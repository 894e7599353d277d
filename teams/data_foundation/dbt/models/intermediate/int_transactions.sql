-- Grain: one row an order and product, an order line; also of accounts without a party, and of products that are not known.

with lines as (

    select * from {{ ref('stg_transactions') }}

),

accounts as (

    select * from {{ ref('stg_individual_party_keys') }}
    where source_system = 'accounts_db'

),

products as (

    select * from {{ ref('stg_products') }}

)

select
    {{ surrogate_key(['lines.order_id', 'lines.product_id']) }} as transaction_key,
    lines.order_id,
    lines.product_id,
    lines.account_id,
    accounts.individual_party_key,
    lines.transacted_at,
    lines.transaction_date,
    products.sku,
    products.brand,
    lines.channel,
    lines.quantity,
    lines.revenue,
    lines.tax,
    lines.currency
from lines
left join accounts on cast(lines.account_id as varchar) = accounts.source_key
left join products on lines.product_id = products.product_id
