{# A text without blanks around it; a blank one is null. #}
{% macro clean_text(column) -%}
  nullif(trim({{ column }}), '')
{%- endmacro %}

{# A code that systems spell in upper and lower case alike. #}
{% macro clean_code(column) -%}
  lower(nullif(trim({{ column }}), ''))
{%- endmacro %}

{#
  The newest of several rows of one key. Landing merges by key, so there is one; should a load ever have left two, readers see
  the one loaded last.
#}
{% macro is_newest(keys, order_by) -%}
  row_number() over (partition by {{ keys | join(', ') }} order by {{ order_by | join(' desc, ') }} desc) = 1
{%- endmacro %}
