-- Grain: one row an athlete, period and sport. Strava's own totals, unpivoted; they count what Strava counts, also
-- activities that are not in the raw table.

with stats as (

    select * from {{ ref('stg_athlete_stats') }}

),

totals as (
    {% for prefix, period in [('all', 'lifetime'), ('recent', 'last_four_weeks'), ('ytd', 'year_to_date')] %}
    {%- for sport in ['ride', 'run', 'swim'] %}
    select
        athlete_id,
        '{{ period }}' as period,
        '{{ sport }}' as sport,
        {{ prefix }}_{{ sport }}_activity_count as activity_count,
        {{ prefix }}_{{ sport }}_distance_m as distance_m,
        {{ prefix }}_{{ sport }}_moving_time_s as moving_time_s,
        {{ prefix }}_{{ sport }}_elapsed_time_s as elapsed_time_s,
        {{ prefix }}_{{ sport }}_elevation_gain_m as elevation_gain_m,
        {{ 'recent_' ~ sport ~ '_achievement_count' if prefix == 'recent' else 'cast(null as bigint)' }} as achievement_count
    from stats
    {{ 'union all' if not (prefix == 'ytd' and sport == 'swim') }}
    {%- endfor %}
    {%- endfor %}

)

select
    athlete_id,
    period,
    sport,
    activity_count,
    distance_m,
    {{ metres_to_miles('distance_m') }} as distance_miles,
    moving_time_s,
    {{ seconds_to_hours('moving_time_s') }} as moving_hours,
    elapsed_time_s,
    elevation_gain_m,
    {{ metres_to_feet('elevation_gain_m') }} as elevation_gain_feet,
    achievement_count
from totals
