-- Grain: one row an athlete. The totals that Strava keeps, in its own wide form under the platform's names.

select
    athlete_id,
    biggest_ride_distance as biggest_ride_distance_m,
    biggest_climb_elevation_gain as biggest_climb_elevation_gain_m,
    {%- for period in ['recent', 'ytd', 'all'] %}
    {%- for sport in ['ride', 'run', 'swim'] %}
    {{ period }}_{{ sport }}_totals__count as {{ period }}_{{ sport }}_activity_count,
    {{ period }}_{{ sport }}_totals__distance as {{ period }}_{{ sport }}_distance_m,
    {{ period }}_{{ sport }}_totals__moving_time as {{ period }}_{{ sport }}_moving_time_s,
    {{ period }}_{{ sport }}_totals__elapsed_time as {{ period }}_{{ sport }}_elapsed_time_s,
    {{ period }}_{{ sport }}_totals__elevation_gain as {{ period }}_{{ sport }}_elevation_gain_m,
    {%- endfor %}
    {%- endfor %}
    recent_ride_totals__achievement_count as recent_ride_achievement_count,
    recent_run_totals__achievement_count as recent_run_achievement_count,
    recent_swim_totals__achievement_count as recent_swim_achievement_count
from {{ source('strava', 'athlete_stats') }}
