{#
  What staging does to personal values, so that nothing after it holds them in clear. Null and blank become null.

  These hashes have no key: who guesses an address can test the guess. They stay in the team's private zone; a published column
  is `classification: personal` as well, and the gate replaces its values by hashes under the platform's key.
#}

{# Equal addresses have equal hashes, however they were typed. #}
{% macro hash_text(column) -%}
  {{ sha256_hex("lower(nullif(trim(" ~ column ~ "), ''))") }}
{%- endmacro %}

{# Equal telephone numbers have equal hashes: digits alone count. #}
{% macro hash_digits(column) -%}
  {{ sha256_hex("nullif(" ~ only_digits(column) ~ ", '')") }}
{%- endmacro %}

{# 'Grace' → 'G***'. Case is left as it is. #}
{% macro mask_name(column) -%}
  left(nullif(trim({{ column }}), ''), 1) || '***'
{%- endmacro %}

{% macro only_digits(column) -%}
  {{ return(adapter.dispatch('only_digits', 'data_foundation')(column)) }}
{%- endmacro %}

{% macro duckdb__only_digits(column) -%}
  regexp_replace({{ column }}, '[^0-9]', '', 'g')
{%- endmacro %}

{% macro snowflake__only_digits(column) -%}
  regexp_replace({{ column }}, '[^0-9]', '')
{%- endmacro %}
