-- Grain: one row a product, as it is now.

select
    product_id,
    sku,
    product_name,
    brand,
    category,
    list_price,
    unit_cost,
    updated_at
from {{ ref('stg_products') }}
