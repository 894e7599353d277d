"""The renewal risk on acme's world: does it find the customers who buy less at the end of a term, better than naive rules?

Every 30 days of a long history, all customers with a subscription that ends within 90 days are ranked by the risk, as it was
known on that day. They shrank whose entitlement 30 days after that end is below nine tenths of what it was. Rivals are the last
30 days' consumption without a trend, and chance. Usage and entitlements are the ledger's; the risk is the team's own code.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import ibis
from _measure import print_machine

CUSTOMERS, DAYS, EVERY, HORIZON, AFTER, KEPT = 500, 1_095, 30, 90, 30, 0.9

_READ = """
import sys
from datetime import date, timedelta
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from acme.drops.ledger import DropsLedger
world, out = Path(sys.argv[1]), Path(sys.argv[2])
ledger = DropsLedger(world)
last = ledger.today - timedelta(days=1)
first = date.fromisoformat(ledger.world["origin"]) - timedelta(days=ledger.world["days"])
rows = [(*key, used, right) for key, (used, right, _) in ledger.consumption(first=first, last=last).items()]
names = ("customer_id", "product", "day", "used_vcpu", "entitled_vcpu")
pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows))))), out / "consumption.parquet")
pq.write_table(pq.read_table(world / "ledger" / "grants.parquet"), out / "grants.parquet")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=CUSTOMERS, help="customers of the world")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    print_machine("duckdb", "ibis-framework")
    with tempfile.TemporaryDirectory(prefix="bench-risk-") as folder:
        read_ledger(Path(folder), arguments.rows, arguments.days, arguments.seed)
        judge(Path(folder))


def read_ledger(folder: Path, customers: int, days: int, seed: int) -> None:
    python = str(Path(os.environ["HEADGATE_HOME"]) / "envs" / "acme" / "bin" / "python")
    environment = {**os.environ, "ACME_SUBSCRIPTIONS": str(folder / "world"), "ACME_DROPS": str(folder / "drops")}
    size = [
        "--customers",
        str(customers),
        "--days",
        str(days),
        "--dense-days",
        "0",
        "--seed",
        str(seed),
        "--today",
        "2026-11-01",
    ]
    subprocess.run([python, "-m", "acme", "drops", "seed", *size], env=environment, check=True, capture_output=True)
    subprocess.run([python, "-c", _READ, str(folder / "world"), str(folder)], check=True)


def judge(folder: Path) -> None:
    from consumption_datamart.star import risk

    connection = ibis.duckdb.connect()
    connection.raw_sql(
        f"""
        create view grants as from read_parquet('{folder}/grants.parquet');
        create view used as from read_parquet('{folder}/consumption.parquet');
        create table days as
            select cast(day as date) as day
            from (select min(day) + {risk.WINDOW_DAYS - 1} as first, max(day) - {HORIZON + AFTER} as last from used),
                generate_series(first, last, interval {EVERY} day) t (day);
        -- A subscription's end as it was known on the day: what ends it early later is not.
        create table consumption as
            select used.* replace (cast(entitled_vcpu as decimal(18, 3)) as entitled_vcpu), min(grants.end) as next_end_on
            from used left join grants
                on grants.customer = customer_id and grants.product = used.product and grants.start <= day
                and least(grants.end, coalesce(ended_on, grants.end)) > day
            group by all;
        """
    )
    scored = risk.risk_by_day(connection.table("consumption"), connection.table("days"))
    connection.create_table("risk", scored)
    rows = (
        connection.sql(
            f"""
        with due as (select * from risk where days_to_end <= {HORIZON} and observed_days >= {risk.WINDOW_DAYS}),
        past as (
            select due.day, due.customer_id, due.product, avg(used.used_vcpu) as mean_vcpu
            from due join used on used.customer_id = due.customer_id and used.product = due.product
                and used.day between due.day - {risk.WINDOW_DAYS - 1} and due.day
            group by all
        )
        select due.days_to_end, due.risk_tier, due.outlook, due.forecast_consumption as forecast,
            past.mean_vcpu / due.entitled_vcpu::double as recent,
            coalesce(later.entitled_vcpu, 0) < {KEPT} * due.entitled_vcpu as shrank,
            coalesce(later.entitled_vcpu, 0) > due.entitled_vcpu / {KEPT} as grew
        from due join past using (day, customer_id, product)
        left join used as later
            on later.customer_id = due.customer_id and later.product = due.product and later.day = due.term_ends_on + {AFTER}
        """
        )
        .to_pyarrow()
        .to_pylist()
    )
    print(
        f"{len(rows):,} subscriptions before their end, {share(rows, 'shrank'):.1%} shrank, {share(rows, 'grew'):.1%} grew"
    )
    for low, high in ((1, 30), (31, 60), (61, HORIZON)):
        print_ranking(f"{low} to {high} days before", [row for row in rows if low <= row["days_to_end"] <= high])
    print_ranking("all", rows)
    for tier in ("high", "medium", "low"):
        of_tier = [row for row in rows if row["risk_tier"] == tier]
        part = len(of_tier) / len(rows)
        print(f"  tier {tier:7} {len(of_tier):6,} ({part:5.1%}), of which shrank {share(of_tier, 'shrank'):5.1%}")
    grown = [row for row in rows if row["outlook"] == "grow"]
    print(f"  outlook grow {len(grown):6,} ({len(grown) / len(rows):5.1%}), of which grew {share(grown, 'grew'):5.1%}")


def print_ranking(name: str, rows: list[dict[str, object]]) -> None:
    chance = share(rows, "shrank")
    ours, naive = precision(rows, "forecast"), precision(rows, "recent")
    found = [row for row in rows if row["outlook"] == "shrink"]
    below = [row for row in rows if row["recent"] < 0.6]
    print(
        f"{name:18} average precision: risk {ours:.3f}, last 30 days {naive:.3f}, chance {chance:.3f}; "
        f"risk / naive {ours / naive:.2f}; "
        f"precision and recall of shrink {share(found, 'shrank'):.2f} {recall(found, rows):.2f}, of below 0.6 "
        f"{share(below, 'shrank'):.2f} {recall(below, rows):.2f}"
    )


def precision(rows: list[dict[str, object]], score: str) -> float:
    """Average precision of the ranking by a score, the lowest first."""
    hits, total = 0, 0.0
    for number, row in enumerate(sorted(rows, key=lambda row: row[score]), start=1):
        if row["shrank"]:
            hits += 1
            total += hits / number
    return total / hits if hits else 0.0


def share(rows: list[dict[str, object]], what: str) -> float:
    return sum(bool(row[what]) for row in rows) / len(rows) if rows else 0.0


def recall(found: list[dict[str, object]], rows: list[dict[str, object]]) -> float:
    hits = sum(bool(row["shrank"]) for row in rows)
    return sum(bool(row["shrank"]) for row in found) / hits if hits else 0.0


if __name__ == "__main__":
    main()
