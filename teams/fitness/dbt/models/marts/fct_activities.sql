-- Grain: one row an activity, doubtful ones too: sum with `where not is_doubtful`. What was measured; what the activity was is
-- in dim_activities.

with activities as (

    select * from {{ ref('src_activities') }}

),

doubts as (

    select * from {{ ref('src_doubts') }}

)

select
    activities.activity_id,
    activities.athlete_id,
    activities.sport_type,
    activities.started_at,
    activities.start_date,
    activities.week_start,
    activities.distance_m,
    activities.distance_miles,
    activities.moving_time_s,
    activities.moving_minutes,
    activities.elapsed_time_s,
    activities.elapsed_minutes,
    activities.elevation_gain_m,
    activities.elevation_gain_feet,
    activities.lowest_elevation_m,
    activities.highest_elevation_m,
    activities.average_speed_mph,
    activities.max_speed_mph,
    activities.average_heartrate_bpm,
    activities.max_heartrate_bpm,
    activities.average_power_w,
    activities.weighted_average_power_w,
    activities.max_power_w,
    activities.energy_kj,
    activities.average_temperature_c,
    doubts.is_doubtful,
    doubts.doubts
from activities
inner join doubts on activities.activity_id = doubts.activity_id
