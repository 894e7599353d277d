{#
  One key of several columns: SHA-256 of their texts. Each text is preceded by its length, so that ('1', '23') and ('12', '3')
  have different keys; null has no length, so it differs from an empty text.
#}
{% macro surrogate_key(columns) -%}
  {%- set parts = [] -%}
  {%- for column in columns -%}
    {%- set text = "cast(" ~ column ~ " as varchar)" -%}
    {%- do parts.append("coalesce(cast(length(" ~ text ~ ") as varchar) || ':' || " ~ text ~ ", '-')") -%}
  {%- endfor -%}
  {{ sha256_hex(parts | join(" || '|' || ")) }}
{%- endmacro %}

{# SHA-256 of a text, in lower-case hexadecimal. #}
{% macro sha256_hex(text) -%}
  {{ return(adapter.dispatch('sha256_hex', 'data_foundation')(text)) }}
{%- endmacro %}

{% macro duckdb__sha256_hex(text) -%}
  sha256({{ text }})
{%- endmacro %}

{% macro snowflake__sha256_hex(text) -%}
  sha2({{ text }}, 256)
{%- endmacro %}
