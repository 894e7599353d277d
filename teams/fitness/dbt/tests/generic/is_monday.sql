{# Rows whose date is no Monday. #}
{% test is_monday(model, column_name) %}
select *
from {{ model }}
where {{ iso_weekday(column_name) }} <> 1
{% endtest %}
