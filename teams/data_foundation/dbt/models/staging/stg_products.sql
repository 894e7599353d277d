-- Grain: one row a product.

with newest as (

    select *
    from {{ source('storefront', 'raw_products') }}
    qualify {{ is_newest(['product_id'], ['updated_at', '_loaded_at']) }}

)

select
    product_id,
    {{ clean_text('sku') }} as sku,
    {{ clean_text('product_name') }} as product_name,
    {{ clean_text('brand') }} as brand,
    {{ clean_text('category') }} as category,
    {{ cents_to_amount('list_price_cents') }} as list_price,
    {{ cents_to_amount('cost_cents') }} as unit_cost,
    {{ pacific_to_utc('updated_at') }} as updated_at,
    _loaded_at as loaded_at
from newest
