{#
  The last click before each order line, of the line's party, at most 720 hours (thirty times 24 hours) old.

      line - 720 hours <= click <= line

  Both ends count: a click exactly 720 hours before, and one in the line's own instant. Hours, not days: the window is as long
  when the clocks change. Of two clicks in one instant the one with the greater hit_id is the last; of equal hit_ids that of the web.

  Clicks and lines of a party stand in one row after another in time, and each line takes the newest click above it. If that one
  is too old, so are all others. So each is sorted once, however many clicks a party has: no click is joined with each line.
  Only what is equal in all columns of `alike` is compared; a null is equal to nothing.

  Args:
    kind: what the attribution is called.
    alike: columns in which the click agrees with the line, besides the party. Case does not matter.

  Returns a query: transaction_key, attribution_kind, click_key; one row for each line with such a click.
#}
{% macro last_click(kind, alike=[]) -%}
  select
      lines.transaction_key,
      '{{ kind }}' as attribution_kind,
      clicks.click_key
  from (
      select
          transaction_key,
          happened_at,
          {{ last_known('click_key') }} over (
              partition by individual_party_key
              {%- for column in alike %}, {{ column }}{% endfor %}
              -- A click precedes a line of the same instant.
              order by happened_at, is_line, hit_id, hit_source
              rows between unbounded preceding and current row
          ) as click_key
      from (
          select
              individual_party_key,
              {%- for column in alike %}
              lower({{ column }}) as {{ column }},
              {%- endfor %}
              clicked_at as happened_at,
              0 as is_line,
              hit_id,
              hit_source,
              click_key,
              null as transaction_key
          from {{ ref('int_clicks') }}
          where individual_party_key is not null
          {%- for column in alike %} and {{ column }} is not null{% endfor %}
          union all
          select
              individual_party_key,
              {%- for column in alike %}
              lower({{ column }}) as {{ column }},
              {%- endfor %}
              transacted_at as happened_at,
              1 as is_line,
              null as hit_id,
              null as hit_source,
              null as click_key,
              transaction_key
          from {{ ref('int_transactions') }}
          where individual_party_key is not null
          {%- for column in alike %} and {{ column }} is not null{% endfor %}
      ) as events
  ) as lines
  inner join {{ ref('int_clicks') }} as clicks on lines.click_key = clicks.click_key
  where
      lines.transaction_key is not null
      and clicks.clicked_at >= lines.happened_at - interval '720 hours'
{%- endmacro %}

{# `last_value` of a column that is not null, up to its `over (…)`. #}
{% macro last_known(column) -%}
  {{ return(adapter.dispatch('last_known', 'data_foundation')(column)) }}
{%- endmacro %}

{% macro duckdb__last_known(column) -%}
  last_value({{ column }} ignore nulls)
{%- endmacro %}

{% macro snowflake__last_known(column) -%}
  last_value({{ column }}) ignore nulls
{%- endmacro %}

{# What attributions there are, and the columns in which click and line agree. #}
{% macro attribution_kinds() -%}
  {{ return({'overall': [], 'same_brand': ['brand'], 'same_sku': ['sku']}) }}
{%- endmacro %}
