-- What is in no doubt is in the weekly totals exactly once: counts are equal, distances and hours to a millionth.

with counted as (

    select
        count(*) as activity_count,
        coalesce(sum({{ as_double('distance_m') }}), 0) as distance_m,
        coalesce(sum({{ seconds_to_hours('moving_time_s') }}), 0) as moving_hours
    from {{ ref('fct_activities') }}
    where not is_doubtful

),

totals as (

    select
        coalesce(sum(activity_count), 0) as activity_count,
        coalesce(sum(distance_m), 0) as distance_m,
        coalesce(sum(moving_hours), 0) as moving_hours
    from {{ ref('sport_type_weekly_totals') }}

)

select *
from counted
cross join totals
where
    counted.activity_count <> totals.activity_count
    or abs(counted.distance_m - totals.distance_m) > 0.000001 * counted.distance_m
    or abs(counted.moving_hours - totals.moving_hours) > 0.000001 * counted.moving_hours
