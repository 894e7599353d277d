{#
  Why an activity is doubtful. A doubtful activity stays in every table, with its reasons in `doubts`; only totals leave it out.

  | code        | when |
  | no_distance | a ride, run, swim, walk or hike without distance, or with a negative one |
  | no_time     | moving or elapsed time is missing, zero or negative |
  | too_early   | it started before `first_plausible_date`: a clock that was not set says 1970 |
  | in_future   | it started after the day the run computes as of; without one, after it was loaded |
#}

{% macro is_without_distance(distance_m, sport_type) -%}
  (coalesce({{ distance_m }}, 0) <= 0 and {{ is_measured_by_distance(sport_type) }})
{%- endmacro %}

{% macro is_without_time(moving_time_s, elapsed_time_s) -%}
  (coalesce({{ moving_time_s }}, 0) <= 0 or coalesce({{ elapsed_time_s }}, 0) <= 0)
{%- endmacro %}

{% macro is_too_early(started_at) -%}
  ({{ started_at }} < {{ utc_midnight(var('first_plausible_date')) }})
{%- endmacro %}

{% macro is_in_future(started_at, loaded_at) -%}
  {% if var('headgate_as_of') -%}
    ({{ started_at }} >= {{ utc_midnight(var('headgate_as_of'), later_days=1) }})
  {%- else -%}
    ({{ started_at }} > {{ loaded_at }})
  {%- endif %}
{%- endmacro %}
