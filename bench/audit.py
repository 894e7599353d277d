"""The audit of 10 rules on 10 M rows, beside one hand-written SQL pass over the same rules.

Both read the same DuckDB table in memory, in this process, and both must find the same counts.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from _measure import print_machine

from headgate.contract import audit, load_contract

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: bench.readings
name: readings
version: 1.0.0
status: active
description:
  purpose: Rows to audit.
schema:
  - name: readings
    physicalType: table
    description: One row a reading.
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, description: Number., required: true, unique: true}
      - name: kind
        logicalType: string
        physicalType: varchar
        description: Kind.
        required: true
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [a, b, c, d]}, mustBe: 0}
      - name: code
        logicalType: string
        physicalType: varchar
        description: Code.
        required: true
        logicalTypeOptions: {pattern: '^[A-Z][0-9]+$'}
      - name: amount
        logicalType: number
        physicalType: decimal(12,2)
        description: Amount.
        required: true
        logicalTypeOptions: {minimum: 0, maximum: 1000}
      - name: day
        logicalType: date
        physicalType: date
        description: Day.
        required: true
    quality:
      - {type: sql, name: amount__of_a, description: Kind a is cheap., mustBe: 0,
         query: "select count(*) from {table} where kind = 'a' and amount > 990"}
team:
  name: bench
"""
BY_HAND = """
    select
        count(*),
        count(*) filter (where id is null),
        count(*) filter (where kind is null),
        count(*) filter (where code is null),
        count(*) filter (where amount is null),
        count(*) filter (where day is null),
        count(*) filter (where kind not in ('a', 'b', 'c', 'd')),
        count(*) filter (where not regexp_matches(code, '^[A-Z][0-9]+$')),
        count(*) filter (where amount < 0 or amount > 1000),
        count(*) filter (where kind = 'a' and amount > 990),
        count(id) - count(distinct id)
    from readings
"""


def time_of(work: Callable[[], object], repeats: int = 5) -> float:
    """Median wall time in seconds."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    print_machine("duckdb")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench" / "contracts" / "readings.odcs.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(CONTRACT, encoding="utf-8")
        contract = load_contract(path)
    connection = duckdb.connect()
    connection.execute(
        f"""
        create table readings as
        select
            cast(i as bigint) as id, ['a', 'b', 'c', 'd'][cast(1 + i % 4 as integer)] as kind, concat('A', i % 5000) as code,
            cast((hash(i) % 98000) / 100 as decimal(12, 2)) as amount, date '2026-01-01' + cast(i % 300 as integer) as day
        from range({rows}) as r(i)
        """
    )
    results = audit(connection, contract, "readings", resolve=lambda table: table)
    by_hand = connection.execute(BY_HAND).fetchone()
    assert by_hand is not None and by_hand[0] == rows
    assert sum(by_hand[1:]) == sum(result.failed_rows for result in results if result.rule.kind != "row_count") == 0
    ours = time_of(lambda: audit(connection, contract, "readings", resolve=lambda table: table))
    theirs = time_of(lambda: connection.execute(BY_HAND).fetchone())
    print(f"{rows:,} rows, {len(results)} rules: {', '.join(result.rule.name for result in results)}")
    print(f"  audit        {ours:7.3f} s")
    print(f"  by hand      {theirs:7.3f} s")
    print(f"audit / by hand: {ours / theirs:.2f} (promised: at most 2)")


if __name__ == "__main__":
    main()
