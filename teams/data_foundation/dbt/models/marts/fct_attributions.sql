{{ config(group='marketing') }}

-- Grain: one row an order and product, as in fct_transactions, with the campaign of each kind of attribution beside one another:
-- revenue that is joined to it is counted once. Lines without a click are in it.

with lines as (

    select * from {{ ref('int_transactions') }}

),

campaigns as (

    select * from {{ ref('campaign_details') }}

),

attributed as (

    select
        attributions.transaction_key,
        attributions.attribution_kind,
        attributions.click_key,
        attributions.clicked_at,
        attributions.campaign_tracking_code,
        campaigns.campaign_id
    from {{ ref('int_attributions') }} as attributions
    left join campaigns on attributions.campaign_tracking_code = campaigns.campaign_tracking_code

),

beside as (

    select
        transaction_key
        {%- for kind in attribution_kinds() %}
        {%- for column in ['click_key', 'clicked_at', 'campaign_tracking_code', 'campaign_id'] %},
        max(case when attribution_kind = '{{ kind }}' then {{ column }} end) as {{ kind }}_{{ column }}
        {%- endfor %}
        {%- endfor %}
    from attributed
    group by transaction_key

)

select
    lines.transaction_key,
    lines.order_id,
    lines.product_id,
    lines.individual_party_key,
    lines.transacted_at
    {%- for kind in attribution_kinds() %}
    {%- for column in ['click_key', 'clicked_at', 'campaign_tracking_code', 'campaign_id'] %},
    beside.{{ kind }}_{{ column }}
    {%- endfor %}
    {%- endfor %}
from lines
left join beside on lines.transaction_key = beside.transaction_key
