-- Grain: one row an order and product. The whole table is made from what was landed, so a late line stands beside its siblings,
-- and a line of an account that is matched again has its new party.

select
    transaction_key,
    order_id,
    product_id,
    account_id,
    individual_party_key,
    transacted_at,
    transaction_date,
    channel,
    quantity,
    revenue,
    tax,
    currency
from {{ ref('int_transactions') }}
