{# Rows in which one of several columns is below zero; null passes. #}
{% test is_never_negative(model, columns) %}
select *
from {{ model }}
where {{ columns | join(' < 0 or ') }} < 0
{% endtest %}
