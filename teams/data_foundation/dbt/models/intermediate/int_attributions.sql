{{ config(group='marketing') }}


-- Grain: one row an order line and kind of attribution for which there was a click; see the macro `last_click`.

with attributed as (
    {% for kind, alike in attribution_kinds().items() %}
    {{ last_click(kind, alike) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    attributed.transaction_key,
    attributed.attribution_kind,
    attributed.click_key,
    clicks.clicked_at,
    clicks.campaign_tracking_code
from attributed
inner join {{ ref('int_clicks') }} as clicks on attributed.click_key = clicks.click_key
