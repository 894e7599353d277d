-- Grain: one row an activity, doubtful ones too. What an activity was, when and with what; the measures are in fct_activities.

with activities as (

    select * from {{ ref('src_activities') }}

),

doubts as (

    select * from {{ ref('src_doubts') }}

),

gear as (

    select * from {{ ref('stg_gear') }}

)

select
    activities.activity_id,
    activities.athlete_id,
    activities.name,
    activities.sport_type,
    activities.recorded_sport_type,
    activities.started_at,
    activities.started_at_local,
    activities.utc_offset_s,
    activities.timezone,
    activities.start_date,
    activities.start_year,
    activities.start_month,
    activities.start_day,
    activities.start_hour,
    activities.time_of_day,
    activities.iso_weekday,
    activities.iso_year,
    activities.iso_week,
    activities.week_start,
    activities.month_start,
    activities.gear_id,
    gear.gear_name,
    activities.has_power_meter,
    activities.is_trainer,
    activities.is_commute,
    activities.is_manual,
    activities.is_private,
    doubts.is_doubtful,
    doubts.doubts
from activities
inner join doubts on activities.activity_id = doubts.activity_id
left join gear on activities.gear_id = gear.gear_id
