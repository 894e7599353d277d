{#
  The months that a run is about, by the vars `partition_start` and `partition_end`; all of them without these.
  A run replaces what it is about: what is there of it is deleted, also when nothing comes in its place.
#}

{% macro is_in_run(column) -%}
  {%- if var('partition_start') and var('partition_end') -%}
  ({{ column }} >= cast('{{ var("partition_start") }} 00:00:00+00' as timestamp with time zone)
    and {{ column }} < cast('{{ var("partition_end") }} 00:00:00+00' as timestamp with time zone))
  {%- else -%}
  true
  {%- endif -%}
{%- endmacro %}

{# A pre-hook; it is in one transaction with the insert that follows. #}
{% macro delete_what_is_in_run(column) -%}
  {% if is_incremental() %}delete from {{ this }} where {{ is_in_run(column) }}{% endif %}
{%- endmacro %}
