{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_what_is_in_run('hit_at') }}",
    )
}}

-- Grain: one row a hit of the web shop or the app. A run of a month replaces that month; a run without one replaces them all.

with hits as (

    select
        'web' as hit_source, hit_id, visitor_id, hit_at, page_name, page_type, campaign_tracking_code, sku, brand, loaded_at
    from {{ ref('stg_web_hits') }}
    where {{ is_in_run('hit_at') }}

    union all

    select
        'app' as hit_source, hit_id, visitor_id, hit_at, page_name, null as page_type, campaign_tracking_code, sku, brand, loaded_at
    from {{ ref('stg_app_hits') }}
    where {{ is_in_run('hit_at') }}

)

select
    {{ surrogate_key(['hit_source', 'hit_id']) }} as hit_key,
    hit_source,
    hit_id,
    visitor_id,
    hit_at,
    {{ utc_month('hit_at') }} as hit_month,
    page_name,
    page_type,
    campaign_tracking_code,
    sku,
    brand,
    loaded_at
from hits
