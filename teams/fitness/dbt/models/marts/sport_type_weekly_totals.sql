-- Grain: one row an athlete, ISO week and sport type in which there was an activity. Doubtful activities are left out.

with activities as (

    select * from {{ ref('fct_activities') }}
    where not is_doubtful

)

select
    athlete_id,
    week_start,
    sport_type,
    {{ iso_year('week_start') }} as iso_year,
    {{ iso_week('week_start') }} as iso_week,
    count(*) as activity_count,
    coalesce(sum({{ as_double("distance_m") }}), 0) as distance_m,
    coalesce(sum(distance_miles), 0) as distance_miles,
    {{ seconds_to_hours('sum(moving_time_s)') }} as moving_hours,
    {{ seconds_to_hours('sum(elapsed_time_s)') }} as elapsed_hours,
    coalesce(sum(elevation_gain_feet), 0) as elevation_gain_feet,
    sum(energy_kj) as energy_kj
from activities
group by athlete_id, week_start, sport_type
