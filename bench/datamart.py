"""The consumption datamart from file drops: each stage with rows a second and the peak memory of its process.

A stage is one asset of team consumption_datamart, materialised through Dagster and the gate in a process of its own, over all
days that are due: what its table reads, checks and publishes. The world is ACME's; at full size
`--customers 500 --days 1095 --dense-days 60`, 16.8 million heartbeats.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import dagster as dg
from _lake import bench_lake, open_session
from _measure import print_machine, report_work, run_in_process

TEAM = "consumption_datamart"
INGESTION = (
    "customer_register",
    "sku_register",
    "deployment_register",
    "invoice_order_lines",
    "cloud_deployment_heartbeats",
)
STAR = (
    "dim_day",
    "dim_customer_daily",
    "dim_product_daily",
    "dim_deployment_daily",
    "subscription_terms",
    "fact_usage_daily",
    "fact_entitlement_daily",
    "consumption_daily",
    "report_active_customers_by_product_daily",
    "renewal_risk",
)
"""The tables of the star, in the order in which they are made."""

MOST_MIB = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument(
        "--dense-days", type=int, default=7, help="the last so many, with a heartbeat every five minutes"
    )
    parser.add_argument("--world", type=Path, help="a folder to make the world in; one that is there is used again")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        report_work(lambda: materialise(options.part))
        return
    print_machine("duckdb", "dagster")
    with tempfile.TemporaryDirectory(prefix="drops-") as folder, bench_lake(TEAM):
        world = options.world or Path(folder)
        os.environ["DROPS_URL"] = f"{world}/drops"
        if not (world / "drops").exists():
            acme(world, "seed", *size_of(options))
        print(f"{options.customers:,} customers, {options.days:,} days, {options.dense_days} of them dense", flush=True)
        for title, tables in (("ingestion", INGESTION), ("star", STAR)):
            measure_stages(title, tables)
        # What a second look costs when nothing is new.
        idle = run_in_process(Path(__file__), "--part", ",".join((*INGESTION, *STAR)))
        print(f"nothing due: {idle['seconds']:.1f} s for all {len(INGESTION) + len(STAR)} tables")


def measure_stages(title: str, tables: tuple[str, ...]) -> None:
    print(f"{title:<42} {'rows':>12} {'seconds':>9} {'of CPU':>9} {'rows/s':>9} {'peak MiB':>9}")
    seconds, cpu_seconds, peak = 0.0, 0.0, 0.0
    for table in tables:
        figure = run_in_process(Path(__file__), "--part", table)
        rows = count_rows(table)
        seconds, cpu_seconds = seconds + figure["seconds"], cpu_seconds + figure["cpu_seconds"]
        peak = max(peak, figure["peak_mib"])
        print(
            f"  {table:<40} {rows:>12,} {figure['seconds']:>9.1f} {figure['cpu_seconds']:>9.1f} "
            f"{rows / figure['seconds']:>9,.0f} {figure['peak_mib']:>9,.0f}",
            flush=True,
        )
    together = f"  {'together':<40} {'':>12} {seconds:>9.1f} {cpu_seconds:>9.1f} {'':>9} {peak:>9,.0f}"
    print(f"{together}  (promised: at most {MOST_MIB:,})", flush=True)


def materialise(tables: str) -> None:
    from consumption_datamart.definitions import defs

    keys = [dg.AssetKey([TEAM, table]) for table in tables.split(",")]
    with dg.DagsterInstance.get() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, asset_selection=keys)


def count_rows(table: str) -> int:
    with open_session(TEAM) as session:
        row = session.connection.execute(f"select count(*) from {session.qualify(f'{TEAM}.{table}')}").fetchone()
    return int(row[0]) if row else 0


def size_of(options: argparse.Namespace) -> list[str]:
    return ["--customers", str(options.customers), "--days", str(options.days), "--dense-days", str(options.dense_days)]


def acme(folder: Path, *arguments: str) -> None:
    """A command of ACME's drops, in its own environment."""
    python = _HOME / "envs" / "acme" / "bin" / "python"
    environment = {
        **os.environ,
        "ACME_SUBSCRIPTIONS": str(folder / "world"),
        "ACME_DROPS": str(folder / "drops"),
        "PYTHONPATH": "",
    }
    command = [str(python), "-P", "-m", "acme", "drops", *arguments]
    subprocess.run(command, env=environment, capture_output=True, check=True)


_HOME = Path(os.environ["HEADGATE_HOME"])
"""The installation's: a lake for the benchmark takes its place in the environment."""

if __name__ == "__main__":
    main()
