"""A world of lake tables for the benchmarks of the star, written by SQL: as many customers and days as are asked for.

Each customer runs one deployment of each of two products, renews once a year, and uses by a daily pattern of its own. A heartbeat
a day; every five minutes on the dense days. One heartbeat in 10,000 is doubtful.
"""

from datetime import date, timedelta
from pathlib import Path

from headgate.contract import load_contract
from headgate.lake.gate import publish
from headgate.lake.publication import RunInfo
from headgate.lake.session import LakeSession

TEAM = "consumption_datamart"
CONTRACTS = Path(__file__).parents[1] / "teams" / TEAM / "contracts"
FIRST = date(2023, 1, 1)
"""The first day of every world."""
BEATS = 288
LAKE_TABLES = (
    "customer_register",
    "sku_register",
    "deployment_register",
    "invoice_order_lines",
    "cloud_deployment_heartbeats",
)


def publish_days(session: LakeSession, first: date, last: date, customers: int, *, dense: bool, run_id: str) -> int:
    """Publishes the days of all lake tables, through the gate; returns the number of heartbeats."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    written = 0
    for table in LAKE_TABLES:
        run = RunInfo(run_id, partition_keys=tuple(day.isoformat() for day in days))
        query = _QUERIES[table].format(
            days=f"(select cast(day as date) as day from generate_series(date '{first}', date '{last}', interval 1 day) t (day))",
            customers=f"(select format('C-{{:06d}}', n) as customer_id, n from generate_series(1, {customers}) t (n))",
            products="(values ('X'), ('Y'))",
            beats=BEATS if dense else 1,
            origin=FIRST,
            meta="1::bigint as meta__delivery, 'made' as meta__file",
        )
        written = publish(session, load_contract(CONTRACTS / f"{table}.odcs.yaml"), query, run).written_rows
    return written


_QUERIES = {
    "customer_register": """
        select day, customer_id, 'Company ' || n as name, 'small' as segment, 'DE' as country,
            date '2020-01-01' as customer_since, {meta}
        from {days}, {customers}
    """,
    "sku_register": """
        select day, product || '-VCPU-STD' as sku, product, true as is_vcpu, 19.00::decimal(18, 2) as list_price, {meta}
        from {days}, {products} p (product)
    """,
    "deployment_register": """
        select day, format('dep-{{}}-{{:06d}}-1', lower(product), n) as deployment_id, customer_id, product, 'aws' as cloud,
            'eu-central-1' as region, date '2020-01-01' as created_on, null::date as retired_on, {meta}
        from {days}, {customers}, {products} p (product)
    """,
    "invoice_order_lines": """
        select day, format('INV-{{:06d}}-{{}}-{{}}', n, product, day) as invoice_id, 1::integer as line_number, day as order_date,
            customer_id, product || '-VCPU-STD' as sku, product, 'new' as line_type, (8 + n % 50)::decimal(18, 3) as quantity,
            12::integer as term_months, day as start_date, 228.00::decimal(18, 2) as amount, 'USD' as currency,
            'direct' as sales_channel, null::varchar as replaces, {meta}
        from {days}, {customers}, {products} p (product)
        where (day - date '{origin}') % 365 = n % 30
    """,
    "cloud_deployment_heartbeats": """
        select day, timezone('UTC', day + to_seconds(beat * 86400 // {beats} + n % 60)) as ts, product, customer_id,
            format('dep-{{}}-{{:06d}}-1', lower(product), n) as deployment_id, 'aws' as cloud, 'eu-central-1' as region,
            case when hash(day, n, beat, product) % 10000 = 0 then -1.0
                else round((8 + n % 50) * (0.3 + (n % 10) / 10.0) * (1 + 0.2 * sin(beat / 40.0)), 3) end as vcpu,
            round(2.5 * (8 + n % 50), 3) as memory_gb, {meta}
        from {days}, {customers}, {products} p (product), generate_series(0, {beats} - 1) b (beat)
    """,
}
