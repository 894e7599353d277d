"""Published tables for a page, from formulas in SQL: 14 customers, two products, 33 days, the same rows every time.

Columns are those of the contracts. What a test needs to know of the rows:

- Products are measured every day, but X not on `GAP`, and Y not on `NEWEST`, which therefore is not the page's day.
- C-000013 uses X without being entitled; C-000005 is entitled and uses nothing; C-000008 has a name that is markup.
- Heartbeats of Product X are doubtful on every ninth day, by one code or two; three invoice lines are doubtful.
"""

from datetime import date, timedelta

FIRST, DAY, NEWEST, GAP = date(2026, 10, 20), date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 10)
DAYS = tuple(FIRST + timedelta(days=number) for number in range((NEWEST - FIRST).days + 1))
ODD_NAME = "</script><img src=x onerror=alert(1)> & Sons"

_MEASURED = f"not ((product = 'X' and day = date '{GAP}') or (product = 'Y' and day = date '{NEWEST}'))"
_BASE = f"""
    with days as (
        select cast(unnest(generate_series(date '{FIRST}', date '{NEWEST}', interval 1 day)) as date) as day
    ),
    pairs as (
        select id, printf('C-%06d', id) as customer_id, product
        from range(1, 15) as ids(id), (values ('X'), ('Y')) as products(product)
        where product = 'X' or id % 2 = 0
    ),
    levels as (
        select
            day, id, customer_id, product, {_MEASURED} as is_measured, date_diff('day', date '{FIRST}', day) as age,
            case
                when id = 13 then 0
                else 16 * (1 + id % 5) + if(product = 'Y', 24, 0) + if(id = 6 and day >= date '2026-11-02', 32, 0)
            end as entitled,
            list_extract([1.3, 0.8, 0.3, 0.9, 0.0, 1.02, 0.55], 1 + (id - 1) % 7) as level
        from days, pairs
    ),
    used as (
        select
            *, if(is_measured, (if(entitled = 0, 20, entitled)) * level * (1 + 0.004 * age * (id % 3 - 1)), 0.0) as vcpu
        from levels
    )
"""

CONSUMPTION = f"""
    {_BASE}
    select
        day, customer_id, product, cast(vcpu as double) as used_vcpu, cast(entitled as decimal(18, 3)) as entitled_vcpu,
        case when entitled > 0 then cast(vcpu as double) / entitled end as consumption,
        case
            when entitled = 0 then 'no_entitlement' when vcpu = 0 then 'no_usage'
            when vcpu > entitled then 'over' when vcpu < 0.6 * entitled then 'under' else 'on'
        end as category,
        cast(vcpu > 0 as bigint) as deployments, cast(vcpu > 0 as bigint) * 288 as heartbeats,
        if(is_measured and (age * id) % 17 = 3, 2::bigint, 0::bigint) as doubtful_heartbeats,
        date '2026-12-01' + cast(id * 11 as integer) as next_end_on, date '2026-12-01' + cast(id * 11 as integer) as last_end_on
    from used
    where entitled > 0 or vcpu > 0
"""
REPORT = f"""
    with rows as ({CONSUMPTION}),
    spans as (select distinct day, product from rows),
    active as (
        select spans.day, spans.product, count(distinct rows.customer_id) as active_customers
        from spans
        left join rows
            on rows.product = spans.product and rows.used_vcpu > 0 and rows.day between spans.day - 29 and spans.day
        group by all
    )
    select
        day, product, any_value(active_customers) as active_customers,
        count(*) filter (used_vcpu > 0) as customers_using, count(*) filter (entitled_vcpu > 0) as entitled_customers,
        sum(used_vcpu) as used_vcpu, sum(entitled_vcpu)::decimal(18, 3) as entitled_vcpu, sum(heartbeats)::bigint as heartbeats,
        (sum(doubtful_heartbeats) + 1)::bigint as doubtful_heartbeats  -- one of a customer whom nobody knows
    from rows inner join active using (day, product)
    group by day, product
"""
RISK = f"""
    with rows as (
        select
            *, exp((cast(substr(customer_id, 3) as integer) % 5 - 2) * 0.003 * least(next_end_on - day, 90)) as growth
        from ({CONSUMPTION}) where entitled_vcpu > 0
    )
    select
        day, customer_id, product, entitled_vcpu, next_end_on as term_ends_on, cast(next_end_on - day as integer) as days_to_end,
        30::bigint as observed_days, used_vcpu as recent_vcpu, consumption as recent_consumption,
        (cast(substr(customer_id, 3) as integer) % 5 - 2) * 0.003::double as trend_per_day,
        used_vcpu * growth as forecast_vcpu, consumption * growth as forecast_consumption,
        case when consumption * growth < 0.6 then 'shrink' when consumption * growth > 1 then 'grow' else 'steady' end as outlook,
        case when consumption * growth < 0.3 then 'high' when consumption * growth < 0.6 then 'medium' else 'low' end as risk_tier
    from rows
"""
CUSTOMERS = f"""
    {_BASE}
    select distinct
        day, customer_id, if(id = 8, '{ODD_NAME}', 'Company ' || id) as name, 'small' as segment, 'NL' as country,
        date '2024-01-01' as customer_since, day as registered_on
    from levels
"""
REGISTER = f"""
    select
        day, customer_id, name, segment, country, customer_since, 1::bigint as meta__delivery, 'c.csv' as meta__file,
        []::varchar[] as meta__warnings
    from ({CUSTOMERS})
"""
LINES = f"""
    {_BASE}
    select
        day, printf('INV-%06d-%s', id, product) as invoice_id, 1 as line_number, day as order_date,
        if(id = 14, 'nobody', customer_id) as customer_id, 'X-VCPU-STD' as sku, product, 'new' as line_type,
        16::decimal(18, 3) as quantity, 12 as term_months, day as start_date, 100::decimal(18, 2) as amount, 'EUR' as currency,
        null::varchar as sales_channel, null::varchar as replaces, 1::bigint as meta__delivery, 'a.csv' as meta__file,
        case
            when id = 14 then ['customer_id__invalid'] when id = 3 then ['sku__unknown'] when id = 4 then ['sku__not_vcpu']
            else []::varchar[]
        end as meta__warnings
    from levels
    where day = date '{FIRST}' + cast(id as integer)
"""
HEARTBEATS = f"""
    {_BASE}
    select
        day, timezone('UTC', day + interval 12 hour) as ts, product, customer_id, 'dep-' || id as deployment_id, 'aws' as cloud,
        'eu-central-1' as region, if(product = 'X' and age % 9 = 1, -1.0, 1.0) as vcpu, 1.0 as memory_gb,
        1::bigint as meta__delivery, 'a.parquet' as meta__file,
        list_filter(
            [
                if(product = 'X' and age % 9 = 1, 'vcpu__negative', null),
                if(product = 'X' and age % 18 = 1, 'deployment_id__unknown', null)
            ],
            lambda code: code is not null
        ) as meta__warnings
    from levels
    where is_measured and id in (2, 4)
"""

TABLES = {
    "customer_register": REGISTER,
    "dim_customer_daily": CUSTOMERS,
    "invoice_order_lines": LINES,
    "cloud_deployment_heartbeats": HEARTBEATS,
    "consumption_daily": CONSUMPTION,
    "report_active_customers_by_product_daily": REPORT,
    "renewal_risk": RISK,
}
"""In an order in which they can be published."""
