{{
    config(
        materialized='incremental',
        unique_key='activity_id',
        on_schema_change='append_new_columns',
        post_hook="delete from {{ this }} where activity_id not in (select activity_id from {{ ref('stg_activities') }})",
    )
}}

-- Grain: one row an activity, doubtful ones too. Local calendar parts, the units people read, the group of the sport.
-- A later run computes the activities that are new or were loaded again, in whatever order they came, and drops those
-- that the source has deleted. Whether an activity is doubtful depends on the run's date, so it is not kept here.

with activities as (

    select * from {{ ref('stg_activities') }}

),

changed as (

    select activities.*
    from activities
    {% if is_incremental() -%}
    left join {{ this }} as known on activities.activity_id = known.activity_id
    where known.activity_id is null or known.loaded_at <> activities.loaded_at
    {%- endif %}

),

placed as (

    select
        *,
        {{ local_time('started_at', 'utc_offset_s') }} as started_at_local,
        {{ sport_type_group('recorded_sport_type') }} as sport_type
    from changed

),

dated as (

    select
        *,
        cast(started_at_local as date) as start_date
    from placed

)

select
    activity_id,
    athlete_id,
    name,
    sport_type,
    recorded_sport_type,
    started_at,
    started_at_local,
    utc_offset_s,
    timezone,
    start_date,
    cast(extract(year from start_date) as integer) as start_year,
    cast(extract(month from start_date) as integer) as start_month,
    cast(extract(day from start_date) as integer) as start_day,
    cast(extract(hour from started_at_local) as integer) as start_hour,
    {{ four_hour_bin('started_at_local') }} as time_of_day,
    {{ iso_weekday('start_date') }} as iso_weekday,
    {{ iso_year('start_date') }} as iso_year,
    {{ iso_week('start_date') }} as iso_week,
    {{ iso_week_start('start_date') }} as week_start,
    {{ month_start('start_date') }} as month_start,
    distance_m,
    {{ metres_to_miles('distance_m') }} as distance_miles,
    moving_time_s,
    {{ seconds_to_minutes('moving_time_s') }} as moving_minutes,
    elapsed_time_s,
    {{ seconds_to_minutes('elapsed_time_s') }} as elapsed_minutes,
    elevation_gain_m,
    {{ metres_to_feet('elevation_gain_m') }} as elevation_gain_feet,
    lowest_elevation_m,
    highest_elevation_m,
    {{ metres_a_second_to_mph('average_speed_m_s') }} as average_speed_mph,
    {{ metres_a_second_to_mph('max_speed_m_s') }} as max_speed_mph,
    average_heartrate_bpm,
    max_heartrate_bpm,
    average_power_w,
    weighted_average_power_w,
    max_power_w,
    energy_kj,
    average_temperature_c,
    has_power_meter,
    is_trainer,
    is_commute,
    is_manual,
    is_private,
    gear_id,
    loaded_at
from dated
