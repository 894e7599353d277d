{{ config(group='marketing') }}

-- Grain: one row a click, a hit with a campaign's tracking code; also of visitors who are not matched with a party.

with hits as (

    select * from {{ ref('int_hits') }}
    where campaign_tracking_code is not null

),

visitors as (

    select * from {{ ref('stg_individual_party_keys') }}
    where source_system = 'adobe_experience'

)

select
    hits.hit_key as click_key,
    hits.hit_source,
    hits.hit_id,
    hits.visitor_id,
    visitors.individual_party_key,
    hits.hit_at as clicked_at,
    hits.campaign_tracking_code,
    hits.sku,
    hits.brand
from hits
left join visitors on hits.visitor_id = visitors.source_key
