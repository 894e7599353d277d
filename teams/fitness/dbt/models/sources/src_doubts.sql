-- Grain: one row an activity. Whether it is doubtful as of the run's date, and why; see macros/doubts.sql.

with activities as (

    select * from {{ ref('src_activities') }}

),

judged as (

    select
        activity_id,
        {{ is_without_distance('distance_m', 'recorded_sport_type') }} as is_without_distance,
        {{ is_without_time('moving_time_s', 'elapsed_time_s') }} as is_without_time,
        {{ is_too_early('started_at') }} as is_too_early,
        {{ is_in_future('started_at', 'loaded_at') }} as is_in_future
    from activities

)

select
    activity_id,
    is_without_distance or is_without_time or is_too_early or is_in_future as is_doubtful,
    nullif(
        trim(
            case when is_without_distance then 'no_distance ' else '' end
            || case when is_without_time then 'no_time ' else '' end
            || case when is_too_early then 'too_early ' else '' end
            || case when is_in_future then 'in_future' else '' end
        ),
        ''
    ) as doubts
from judged
