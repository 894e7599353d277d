-- Activities that were landed and are not in one of the models, or the other way round.

select coalesce(raw.id, facts.activity_id) as activity_id
from {{ source('strava', 'activities') }} as raw
full outer join {{ ref('fct_activities') }} as facts on raw.id = facts.activity_id
where raw.id is null or facts.activity_id is null
