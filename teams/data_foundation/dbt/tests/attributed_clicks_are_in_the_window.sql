-- Clicks that are after their order line, or more than 720 hours before it.

select lines.order_id, lines.product_id, attributions.attribution_kind, attributions.clicked_at, lines.transacted_at
from {{ ref('int_attributions') }} as attributions
inner join {{ ref('int_transactions') }} as lines on attributions.transaction_key = lines.transaction_key
where
    attributions.clicked_at > lines.transacted_at
    or attributions.clicked_at < lines.transacted_at - interval '720 hours'
