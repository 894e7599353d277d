{{ config(group='marketing') }}

-- Grain: one row a campaign.

select
    campaign_id,
    platform,
    campaign_name,
    brand,
    campaign_tracking_code
from {{ ref('campaign_details') }}
