{#
  Points in time, local time and calendar parts, with one meaning on every target.

  Week numbers are ISO 8601: weeks begin on Monday and week 1 holds the year's first Thursday, so 2027-01-03 is in week 53
  of 2026. Snowflake's own week functions depend on the account's WEEK_START and WEEK_OF_YEAR_POLICY; the ISO ones do not.
#}

{# A point in time in UTC. Takes a time with zone, or a naive one that is UTC; no session's time zone has a say. #}
{% macro utc_time(column) -%}
  {{ return(adapter.dispatch('utc_time', 'fitness')(column)) }}
{%- endmacro %}

{% macro duckdb__utc_time(column) -%}
  make_timestamptz(epoch_us({{ column }}))
{%- endmacro %}

{% macro snowflake__utc_time(column) -%}
  dateadd(microsecond, date_part(epoch_microsecond, {{ column }}), to_timestamp_tz('1970-01-01 00:00:00 +0000'))
{%- endmacro %}

{#
  What a clock showed where the activity took place: the point in time plus the offset, in seconds, that held there and then.
  Strava's own `start_date_local` is this time too, but ends in a Z as though it were UTC.
#}
{% macro local_time(time, utc_offset_s) -%}
  {{ return(adapter.dispatch('local_time', 'fitness')(time, utc_offset_s)) }}
{%- endmacro %}

{% macro duckdb__local_time(time, utc_offset_s) -%}
  make_timestamp(epoch_us({{ time }}) + cast(coalesce({{ utc_offset_s }}, 0) as bigint) * 1000000)
{%- endmacro %}

{% macro snowflake__local_time(time, utc_offset_s) -%}
  dateadd(second, cast(coalesce({{ utc_offset_s }}, 0) as bigint), to_timestamp_ntz(date_part(epoch_microsecond, {{ time }}), 6))
{%- endmacro %}

{% macro iso_year(date) -%}
  {{ return(adapter.dispatch('iso_year', 'fitness')(date)) }}
{%- endmacro %}

{% macro duckdb__iso_year(date) -%}
  cast(isoyear({{ date }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_year(date) -%}
  yearofweekiso({{ date }})
{%- endmacro %}

{% macro iso_week(date) -%}
  {{ return(adapter.dispatch('iso_week', 'fitness')(date)) }}
{%- endmacro %}

{% macro duckdb__iso_week(date) -%}
  cast(weekofyear({{ date }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_week(date) -%}
  weekiso({{ date }})
{%- endmacro %}

{# 1 is Monday, 7 is Sunday. #}
{% macro iso_weekday(date) -%}
  {{ return(adapter.dispatch('iso_weekday', 'fitness')(date)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(date) -%}
  cast(isodow({{ date }}) as integer)
{%- endmacro %}

{% macro snowflake__iso_weekday(date) -%}
  dayofweekiso({{ date }})
{%- endmacro %}

{# The Monday of the date's ISO week. #}
{% macro iso_week_start(date) -%}
  {{ return(adapter.dispatch('iso_week_start', 'fitness')(date)) }}
{%- endmacro %}

{% macro duckdb__iso_week_start(date) -%}
  cast({{ date }} - cast(isodow({{ date }}) - 1 as integer) as date)
{%- endmacro %}

{% macro snowflake__iso_week_start(date) -%}
  cast(dateadd(day, 1 - dayofweekiso({{ date }}), {{ date }}) as date)
{%- endmacro %}

{# The first day of the date's month. #}
{% macro month_start(date) -%}
  cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}

{# '00-04' to '20-24': the four hours of a local day in which a time falls. #}
{% macro four_hour_bin(time) -%}
  case
    when extract(hour from {{ time }}) < 4 then '00-04'
    when extract(hour from {{ time }}) < 8 then '04-08'
    when extract(hour from {{ time }}) < 12 then '08-12'
    when extract(hour from {{ time }}) < 16 then '12-16'
    when extract(hour from {{ time }}) < 20 then '16-20'
    when extract(hour from {{ time }}) < 24 then '20-24'
  end
{%- endmacro %}

{# Midnight UTC with which a date begins; `date_text` is YYYY-MM-DD, `later_days` are added to it. #}
{% macro utc_midnight(date_text, later_days=0) -%}
  {% set day = modules.datetime.date.fromisoformat(date_text) + modules.datetime.timedelta(days=later_days) %}
  {{- utc_time("cast('" ~ day ~ "' as " ~ naive_timestamp() ~ ")") -}}
{%- endmacro %}

{# The type of a time without zone. Plain `timestamp` is what an account's TIMESTAMP_TYPE_MAPPING says on Snowflake. #}
{% macro naive_timestamp() -%}
  {{ return(adapter.dispatch('naive_timestamp', 'fitness')()) }}
{%- endmacro %}

{% macro duckdb__naive_timestamp() -%}
  timestamp
{%- endmacro %}

{% macro snowflake__naive_timestamp() -%}
  timestamp_ntz
{%- endmacro %}
