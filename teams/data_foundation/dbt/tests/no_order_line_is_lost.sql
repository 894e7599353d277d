-- Order lines that were landed and are not in one of the facts, or the other way round.

with landed as (

    select distinct order_id, product_id
    from {{ source('storefront', 'raw_transactions') }}

)

select
    coalesce(landed.order_id, facts.order_id) as order_id,
    coalesce(landed.product_id, facts.product_id) as product_id
from landed
full outer join {{ ref('fct_transactions') }} as facts
    on landed.order_id = facts.order_id and landed.product_id = facts.product_id
full outer join {{ ref('fct_attributions') }} as attributions
    on facts.order_id = attributions.order_id and facts.product_id = attributions.product_id
where landed.order_id is null or facts.order_id is null or attributions.order_id is null
