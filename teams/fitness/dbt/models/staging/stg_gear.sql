-- Grain: one row a bicycle or a pair of shoes.

select
    id as gear_id,
    name as gear_name
from {{ source('strava', 'gear') }}
