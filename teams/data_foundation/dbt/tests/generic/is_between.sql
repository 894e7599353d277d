{# Rows whose value is below `minimum` or above `maximum`; null passes. #}
{% test is_between(model, column_name, minimum=none, maximum=none) %}
select *
from {{ model }}
where false
{%- if minimum is not none %} or {{ column_name }} < {{ minimum }}{% endif %}
{%- if maximum is not none %} or {{ column_name }} > {{ maximum }}{% endif %}
{% endtest %}
