{# Rows in which one of several columns is null; one scan for all of them. #}
{% test is_never_null(model, columns) %}
select *
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
