{#
  Strava's sport types, in three groups. The list is the one of the API's reference (`SportType`); a type that is not in it is Other.
  A virtual ride or run is of the group of the real one: it has distance, time and effort of its own.
#}

{% macro sport_types(group) -%}
  {% set groups = {
    'Cycling': ['Ride', 'VirtualRide', 'MountainBikeRide', 'GravelRide', 'EBikeRide', 'EMountainBikeRide', 'Velomobile', 'Handcycle'],
    'Running': ['Run', 'TrailRun', 'VirtualRun'],
    'OnFootOrInWater': ['Swim', 'Walk', 'Hike'],
  } %}
  {{ return(groups[group]) }}
{%- endmacro %}

{% macro sport_type_group(column) -%}
  case
    when {{ column }} in ({{ _quoted(sport_types('Cycling')) }}) then 'Cycling'
    when {{ column }} in ({{ _quoted(sport_types('Running')) }}) then 'Running'
    else 'Other'
  end
{%- endmacro %}

{# Whether an activity of this type without distance is doubtful: yoga and weight training have none. #}
{% macro is_measured_by_distance(column) -%}
  coalesce({{ column }} in ({{ _quoted(sport_types('Cycling') + sport_types('Running') + sport_types('OnFootOrInWater')) }}), false)
{%- endmacro %}

{% macro _quoted(names) -%}
  '{{ names | join("', '") }}'
{%- endmacro %}
