{{ config(materialized='incremental', unique_key='month', incremental_strategy='delete+insert', on_schema_change='append_new_columns') }}
-- Grain: one row a month and meter.
select cast(date_trunc('month', read_on) as date) as month, meter_id, cast(sum(value) as bigint) as total
from {{ source('meters', 'readings') }}
{% if var('partition_start', none) %}
where read_on >= date '{{ var("partition_start") }}' and read_on < date '{{ var("partition_end") }}'
{% endif %}
group by all
