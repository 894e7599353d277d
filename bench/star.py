"""The star of team consumption_datamart: a day more after 30 and after 1,000 days; a day restated; all of it beside plain SQL.

Each run of the star is a process of its own that makes what is due through Dagster and the gate, and records it in an instance
like the platform's; seconds and peak memory are its own. The peer is DuckDB's SQL written by hand over the same Parquet files. It
writes Parquet, cut by month as the lake's files are, and neither audits nor records. It comes twice: as one writes it, and with
medians over moving windows, which Snowflake does not have.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from _datamart_world import FIRST, TEAM, publish_days
from _lake import bench_lake, open_session
from _measure import print_machine, report_work, run_in_process

ROOT = Path(__file__).parents[1]
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=500, help="of the comparison with plain SQL")
    parser.add_argument(
        "--days", type=int, default=1_095, help="of the comparison with plain SQL, the last 60 of them dense"
    )
    parser.add_argument("--history-customers", type=int, default=200, help="of the comparison of histories")
    parser.add_argument("--history-days", type=int, default=1_000, help="the longer history")
    parser.add_argument("--only", choices=["histories", "sql"], help="one of the two comparisons")
    parser.add_argument("--part", choices=["world", "star", "sql", "tuned"], help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--last", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--dense", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "world":
        make_world(arguments.first, arguments.last, arguments.customers, arguments.dense)
    elif arguments.part == "star":
        make_star()
    elif arguments.part in ("sql", "tuned"):
        report_work(lambda: run_sql(_SQL if arguments.part == "sql" else _TUNED_SQL))
    else:
        os.environ["HEADGATE_BENCH_ROOT"] = str(ROOT)
        print_machine("duckdb", "ibis-framework", "dagster")
        if arguments.only != "sql":
            compare_histories(arguments.history_customers, arguments.history_days)
        if arguments.only != "histories":
            compare_with_sql(arguments.customers, arguments.days)


def compare_histories(customers: int, long: int) -> None:
    """Both lakes are there at once and get their days by turns: what else the machine does falls upon both alike."""
    added: dict[int, list[dict[str, Any]]] = {30: [], long: []}
    beats = 2 * customers * 288
    with bench_lake(TEAM) as short_lake, bench_lake(TEAM) as long_lake:
        lakes = {30: short_lake, long: long_lake}
        for days, lake in lakes.items():
            lake.use()
            part("world", "--customers", customers, "--first", 0, "--last", days - 1)
            whole = part("star")
            print(
                f"{days:5,} days, {customers} customers: the star from nothing {whole['seconds']:6.1f} s, "
                f"{whole['peak_mib']:,.0f} MiB",
                flush=True,
            )
        for number in range(REPEATS):
            for days, lake in lakes.items():
                lake.use()
                part("world", "--customers", customers, "--first", days + number, "--last", days + number, "--dense")
                used = lake.server_cpu_seconds()
                one = part("star")
                added[days].append({**one, "server_cpu_seconds": lake.server_cpu_seconds() - used})
        for days, ones in added.items():
            seconds = median(one["seconds"] for one in ones)
            print(
                f"{days:5,} days and one more, {beats:,} heartbeats: {seconds:6.2f} s (median of {REPEATS}), "
                f"{beats / seconds:,.0f} rows/s, CPU {cpu_of(ones):.2f} s, "
                f"{median(one['server_cpu_seconds'] for one in ones):.2f} s of it the catalog's server, "
                f"{max(one['peak_mib'] for one in ones):,.0f} MiB, rewritten partitions by table {ones[-1]['partitions']}"
            )
        if long > 60:
            late = long - 45
            long_lake.use()
            part("world", "--customers", customers, "--first", late, "--last", late)
            restated = part("star")
            print(f"day {late} restated: {restated['seconds']:.2f} s, rewritten partitions {restated['partitions']}")
    ratio = median(one["seconds"] for one in added[long]) / median(one["seconds"] for one in added[30])
    print(f"a day after {long:,} days / after 30 (promised: below 1.10)   {ratio:.2f}")
    print(f"the same in CPU seconds, the catalog's server included       {cpu_of(added[long]) / cpu_of(added[30]):.2f}")


def cpu_of(ones: Sequence[Mapping[str, Any]]) -> float:
    return median(one["cpu_seconds"] + one["server_cpu_seconds"] for one in ones)


def compare_with_sql(customers: int, days: int) -> None:
    """Everything from nothing, at the size that is promised: years of days, five minutes apart in the last 60."""
    dense = min(days, 60)
    with bench_lake(TEAM) as lake:
        if days > dense:
            part("world", "--customers", customers, "--first", 0, "--last", days - dense - 1)
        part("world", "--customers", customers, "--first", days - dense, "--last", days - 1, "--dense")
        used = lake.server_cpu_seconds()
        ours = part("star")
        server = lake.server_cpu_seconds() - used
        peers = {"SQL": part("sql"), "SQL with moving medians": part("tuned")}
    ours["cpu_seconds"] += server
    beats = 2 * customers * (288 * dense + days - dense)
    print(f"{customers:,} customers, {days:,} days, {beats:,} heartbeats; of the star, CPU with the catalog's server")
    for name, one in {"star": ours, **peers}.items():
        print(
            f"{name:24} {one['seconds']:6.2f} s  {beats / one['seconds']:11,.0f} heartbeats/s  {one['peak_mib']:6,.0f} MiB  "
            f"CPU {one['cpu_seconds']:6.2f} s"
        )
    for name, one in peers.items():
        promise = " (promised: at most 1.5)" if name == "SQL" else ""
        print(
            f"star / {name}{promise}: {ours['seconds'] / one['seconds']:.2f}, "
            f"in CPU {ours['cpu_seconds'] / one['cpu_seconds']:.2f}"
        )


def part(name: str, *options: object) -> dict[str, Any]:
    return run_in_process(Path(__file__), "--part", name, *(str(option) for option in options))


# --- what runs in a process of its own -------------------------------------------------------------------------------


def make_world(first: int, last: int, customers: int, dense: bool) -> None:
    with open_session(TEAM) as session:
        days = FIRST + timedelta(days=first), FIRST + timedelta(days=last)
        rows = publish_days(session, *days, customers, dense=dense, run_id=f"{first}-{last}-{os.getpid()}")
    print(json.dumps({"rows": rows}))


def make_star() -> None:
    import resource
    import time

    import dagster as dg

    os.environ["HEADGATE_ROOT"] = os.environ["HEADGATE_BENCH_ROOT"]
    from consumption_datamart.definitions import defs

    job = defs.resolve_implicit_global_asset_job_def()
    wanted = [spec.key for spec in defs.resolve_all_asset_specs() if spec.group_name == "star"]
    with dg.DagsterInstance.get() as instance:
        started, used = time.perf_counter(), time.process_time()
        result = job.execute_in_process(
            instance=instance, asset_selection=wanted, tags={"headgate/as_of": str(date.today())}
        )
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
    partitions: dict[str, int] = {}
    steps: dict[str, float] = {}
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if "seconds" in made.metadata:
            steps[made.asset_key.path[-1]] = round(float(made.metadata["seconds"].value), 2)
        if "rewritten_partitions" in made.metadata:
            partitions[made.asset_key.path[-1]] = int(made.metadata["rewritten_partitions"].value)
    print(steps, file=sys.stderr)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak_mib, "partitions": partitions}))


def run_sql(queries: Mapping[str, str]) -> None:
    """The same tables by hand, each written as Parquet by month."""
    import duckdb

    home = Path(os.environ["HEADGATE_HOME"])
    folder = Path(tempfile.mkdtemp(prefix="bench-sql-"))
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    for table in (
        "cloud_deployment_heartbeats",
        "invoice_order_lines",
        "customer_register",
        "sku_register",
        "deployment_register",
    ):
        files = [str(file) for file in home.glob(f"lake/*/{TEAM}/**/{table}/**/*.parquet")]
        connection.execute(f"create view {table} as from read_parquet({files})")
    connection.execute("create table days as select distinct day from customer_register")
    try:
        for table, query in queries.items():
            target = folder / table
            connection.execute(
                f"copy (select *, year(day) as year, month(day) as month from ({query})) to '{target}' "
                "(format parquet, partition_by (year, month))"
            )
            connection.execute(f"create view {table} as from read_parquet('{target}/**/*.parquet')")
    finally:
        shutil.rmtree(folder)


_SQL = {
    "dim_customer_daily": """
        select day, customer_id, name, segment, country, customer_since, day as registered_on from customer_register
    """,
    "dim_product_daily": "select day, sku, product, is_vcpu, list_price, day as registered_on from sku_register",
    "dim_deployment_daily": """
        select day, deployment_id, customer_id, product, cloud, region, created_on, retired_on, day as registered_on
        from deployment_register
    """,
    "fact_usage_daily": """
        select day, deployment_id, customer_id, product, avg(vcpu) filter (len(meta__warnings) = 0) as used_vcpu,
            max(vcpu) filter (len(meta__warnings) = 0) as peak_vcpu,
            avg(memory_gb) filter (len(meta__warnings) = 0) as used_memory_gb,
            count(*) filter (len(meta__warnings) = 0) as heartbeats,
            count(*) filter (len(meta__warnings) > 0) as doubtful_heartbeats
        from cloud_deployment_heartbeats group by all having heartbeats > 0
    """,
    "fact_entitlement_daily": """
        with sold as (
            select *, start_date + to_months(term_months) as ends_on from invoice_order_lines where len(meta__warnings) = 0
        ),
        ended as (
            select replaces, min(start_date) as ended_on from sold where line_type in ('upgrade', 'credit') group by all
        ),
        terms as (
            select sold.*, least(ends_on, ended_on)::date as valid_until
            from sold left join ended on ended.replaces = invoice_id || '/' || line_number
            where line_type <> 'credit'
        )
        select day, customer_id, product, sum(quantity) as entitled_vcpu, count(*) as subscriptions,
            min(valid_until) as next_end_on, max(valid_until) as last_end_on
        from (select day as on_day from days) join terms on start_date <= on_day and (valid_until is null or valid_until > on_day)
        group by all
    """.replace("select day, customer_id, product, sum", "select on_day as day, customer_id, product, sum"),
    "consumption_daily": """
        with used as (
            select day, customer_id, product, sum(used_vcpu) as used_vcpu, count(*) as deployments, sum(heartbeats) as heartbeats
            from fact_usage_daily group by all
        ),
        doubtful as (
            select day, customer_id, product, count(*) as doubtful_heartbeats
            from cloud_deployment_heartbeats where len(meta__warnings) > 0 group by all
        )
        select day, customer_id, product, coalesce(used_vcpu, 0) as used_vcpu, coalesce(entitled_vcpu, 0) as entitled_vcpu,
            used_vcpu / nullif(entitled_vcpu, 0)::double as consumption, deployments, heartbeats, doubtful_heartbeats,
            next_end_on, last_end_on
        from used full join fact_entitlement_daily using (day, customer_id, product)
        left join doubtful using (day, customer_id, product)
    """,
    "report_active_customers_by_product_daily": """
        select days.day, product, count(distinct customer_id) as active_customers,
            count(distinct customer_id) filter (fact_usage_daily.day = days.day) as customers_using,
            sum(used_vcpu) filter (fact_usage_daily.day = days.day) as used_vcpu,
            sum(heartbeats) filter (fact_usage_daily.day = days.day) as heartbeats
        from days join fact_usage_daily on fact_usage_daily.day between days.day - 29 and days.day
        where used_vcpu > 0 group by all
    """,
    "renewal_risk": """
        with windowed as (
            select now.day, now.customer_id, now.product, now.entitled_vcpu, now.next_end_on, count(*) as observed_days,
                median(past.used_vcpu) filter (now.day - past.day < 10) as recent,
                median(past.used_vcpu) filter (now.day - past.day >= 20) as early
            from consumption_daily as now
            join consumption_daily as past
                on past.customer_id = now.customer_id and past.product = now.product and past.day between now.day - 29 and now.day
            where now.entitled_vcpu > 0
            group by all
        )
        select *, ln(greatest(recent, 0.01) / greatest(early, 0.01)) / 20 as trend,
            recent * exp(trend * (least(coalesce(next_end_on - day, 90), 90) + 4.5)) as forecast
        from windowed
    """,
}

_TUNED_SQL = {
    **_SQL,
    "renewal_risk": """
        with windowed as (
            select day, customer_id, product, entitled_vcpu, next_end_on,
                count(*) over (own range between interval 29 days preceding and current row) as observed_days,
                median(used_vcpu) over (own range between interval 9 days preceding and current row) as recent,
                median(used_vcpu) over (own range between interval 29 days preceding and interval 20 days preceding) as early
            from consumption_daily
            window own as (partition by customer_id, product order by day)
        )
        select *, ln(greatest(recent, 0.01) / greatest(early, 0.01)) / 20 as trend,
            recent * exp(trend * (least(coalesce(next_end_on - day, 90), 90) + 4.5)) as forecast
        from windowed
        where entitled_vcpu > 0
    """,
}

if __name__ == "__main__":
    main()
