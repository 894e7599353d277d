select
    id as order_id,
    customer_id,
    ordered_on,
    status,
    {{ cents_to_euros('amount_cents') }} as amount
from {{ ref('raw_orders') }}
