-- Grain: one row a hit of the web shop.

with newest as (

    select *
    from {{ source('storefront', 'raw_web_hits') }}
    qualify {{ is_newest(['hit_id'], ['_loaded_at']) }}

)

select
    hit_id,
    visitor_id,
    {{ pacific_to_utc('date_time') }} as hit_at,
    -- Queries of addresses hold what people typed and whom a link was sent to.
    split_part(page_url, '?', 1) as page_name,
    {{ clean_code('page_type') }} as page_type,
    {{ clean_code('campaign_tracking_code') }} as campaign_tracking_code,
    {{ clean_text('sku') }} as sku,
    {{ clean_text('brand') }} as brand,
    _loaded_at as loaded_at
from newest
