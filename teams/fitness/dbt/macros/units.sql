{#
  Units of measure, the same on every target. Strava sends metres, seconds and metres a second; null stays null.
  The international mile is 1,609.344 m and the international foot 0.3048 m, both exact by definition (1959 agreement),
  so a mile an hour is 0.44704 m/s.
  Everything is computed in double precision: dividing integers truncates on some targets and rounds to six places on Snowflake.
#}

{% macro as_double(expression) -%}
  cast({{ expression }} as double)
{%- endmacro %}

{% macro metres_to_miles(metres) -%}
  ({{ as_double(metres) }} / {{ as_double(1609.344) }})
{%- endmacro %}

{% macro metres_to_feet(metres) -%}
  ({{ as_double(metres) }} / {{ as_double(0.3048) }})
{%- endmacro %}

{% macro seconds_to_minutes(seconds) -%}
  ({{ as_double(seconds) }} / {{ as_double(60) }})
{%- endmacro %}

{% macro seconds_to_hours(seconds) -%}
  ({{ as_double(seconds) }} / {{ as_double(3600) }})
{%- endmacro %}

{% macro metres_a_second_to_mph(speed) -%}
  ({{ as_double(speed) }} / {{ as_double(0.44704) }})
{%- endmacro %}
