{# Whole cents as an amount, exact: dividing would make a floating-point number of it on some targets. #}
{% macro cents_to_amount(column) -%}
  cast(cast({{ column }} as decimal(18, 0)) * cast(0.01 as decimal(3, 2)) as decimal(18, 2))
{%- endmacro %}
