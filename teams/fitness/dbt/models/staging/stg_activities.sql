-- Grain: one row an activity. Strava's fields under the platform's names, units and points in time; nothing is computed.

with newest as (

    -- Landing merges by id. Should a load ever have left an activity twice, the row loaded last is the one.
    select *
    from {{ source('strava', 'activities') }}
    qualify row_number() over (partition by id order by _loaded_at desc) = 1

)

select
    id as activity_id,
    athlete__id as athlete_id,
    name,
    coalesce(sport_type, type) as recorded_sport_type,
    {{ utc_time('start_date') }} as started_at,
    cast(utc_offset as integer) as utc_offset_s,
    timezone,
    distance as distance_m,
    moving_time as moving_time_s,
    elapsed_time as elapsed_time_s,
    total_elevation_gain as elevation_gain_m,
    elev_low as lowest_elevation_m,
    elev_high as highest_elevation_m,
    average_speed as average_speed_m_s,
    max_speed as max_speed_m_s,
    average_heartrate as average_heartrate_bpm,
    max_heartrate as max_heartrate_bpm,
    average_watts as average_power_w,
    weighted_average_watts as weighted_average_power_w,
    max_watts as max_power_w,
    kilojoules as energy_kj,
    average_temp as average_temperature_c,
    coalesce(device_watts, false) as has_power_meter,
    coalesce(trainer, false) as is_trainer,
    coalesce(commute, false) as is_commute,
    coalesce(manual, false) as is_manual,
    coalesce(private, false) as is_private,
    gear_id,
    {{ utc_time('_loaded_at') }} as loaded_at
from newest
