{#
  The storefront writes what a clock on the wall showed in America/Los_Angeles, without a zone. Everything after staging is UTC.

  Two wall times have no single answer, and get one that is the same on every target:

  - The hour from 01:00 on the first Sunday of November comes twice. It is read as its second passing, Pacific Standard Time
    (UTC-8): nothing in the row tells which one it was. What was written in the first passing is an hour late, and what
    preceded something by less than that hour may come after it. Nothing is lost, and the order within each passing holds.
  - The hour from 02:00 on the second Sunday of March does not exist. A clock that was not set forward wrote it, so it is
    Pacific Standard Time as well.
#}

{% macro pacific_to_utc(column) -%}
  {{ return(adapter.dispatch('pacific_to_utc', 'data_foundation')(column)) }}
{%- endmacro %}

{% macro duckdb__pacific_to_utc(column) -%}
  ({{ column }} at time zone 'America/Los_Angeles')
{%- endmacro %}

{#
  Which passing convert_timezone means is not documented; the way back from UTC has one answer. So daylight saving time (UTC-7)
  is taken where its way back arrives and that of standard time (UTC-8) does not.
#}
{% macro snowflake__pacific_to_utc(column) -%}
  dateadd(
    microsecond,
    date_part(epoch_microsecond, {{ column }}) + 3600000000 * case
      when convert_timezone('UTC', 'America/Los_Angeles', dateadd(hour, 7, {{ column }})) = {{ column }}
        and convert_timezone('UTC', 'America/Los_Angeles', dateadd(hour, 8, {{ column }})) <> {{ column }}
      then 7
      else 8
    end,
    to_timestamp_tz('1970-01-01 00:00:00 +0000')
  )
{%- endmacro %}

{# The first day of the UTC month in which a point in time falls; no session's time zone has a say. #}
{% macro utc_month(column) -%}
  {{ return(adapter.dispatch('utc_month', 'data_foundation')(column)) }}
{%- endmacro %}

{% macro duckdb__utc_month(column) -%}
  cast(date_trunc('month', {{ column }} at time zone 'UTC') as date)
{%- endmacro %}

{% macro snowflake__utc_month(column) -%}
  cast(date_trunc('month', convert_timezone('UTC', {{ column }})) as date)
{%- endmacro %}
