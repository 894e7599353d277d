"""Precision and recall of the anomaly rule on a seeded simulation, beside the textbook rule: mean ± 3 standard deviations.

A simulated table has one partition a day with weekdays, growth and noise of its own. Faults are injected on days drawn by
chance; a day counts as found when any number of its profile is called an anomaly. Both rules see the same profiles, faults
of former days included, and the same window.
"""

import argparse
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from math import exp

from _measure import print_machine

from headgate.quality.anomalies import DEFAULT, Profile, find_anomalies

START = date(2025, 1, 1)
FAULT_RATE = 0.03
PEER_DEVIATIONS = 3.0

Numbers = dict[tuple[str, str], float]
FAULTS: dict[str, Callable[[Numbers], Numbers]] = {
    "half the rows": lambda n: scale_rows(n, 0.5),
    "rows twice": lambda n: scale_rows(n, 2.0, distinct=1.0),
    "hardly any row": lambda n: scale_rows(n, 0.05),
    "a fifth of the rows lost": lambda n: scale_rows(n, 0.8),
    "10 % more nulls": lambda n: {**n, ("sku", "nulls"): min(1.0, n["sku", "nulls"] + 0.1)},
    "2 % more nulls": lambda n: {**n, ("sku", "nulls"): min(1.0, n["sku", "nulls"] + 0.02)},
    "a third of the keys": lambda n: {**n, ("sku", "distinct"): round(n["sku", "distinct"] / 3)},
    "cents for dollars": lambda n: {**n, ("amount", "sum"): 100 * n["amount", "sum"]},
    "a sum half again": lambda n: {**n, ("amount", "sum"): 1.5 * n["amount", "sum"]},
}


def scale_rows(numbers: Numbers, factor: float, *, distinct: float | None = None) -> Numbers:
    return {
        **numbers,
        ("", "row_count"): round(numbers["", "row_count"] * factor),
        ("sku", "distinct"): round(numbers["sku", "distinct"] * (factor**0.5 if distinct is None else distinct)),
        ("amount", "sum"): numbers["amount", "sum"] * factor,
    }


def simulate(chance: random.Random, days: int) -> Iterator[tuple[list[Profile], str | None]]:
    """A table's profile of each day, with the fault that was injected."""
    base, price = exp(chance.uniform(5.5, 10)), chance.uniform(5, 200)
    weekend, growth, noise = chance.uniform(0.2, 1), chance.uniform(-0.1, 0.5), chance.uniform(0.02, 0.08)
    null_share = chance.choice([0.0, 0.002, 0.03])
    for number in range(days):
        day = START + timedelta(days=number)
        season = weekend if day.weekday() >= 5 else 1.0
        rows = round(base * season * (1 + growth * number / 365) * exp(chance.gauss(0, noise)))
        nulls = max(0, round(chance.gauss(rows * null_share, (rows * null_share) ** 0.5)))
        numbers: Numbers = {
            ("", "row_count"): rows,
            ("sku", "nulls"): nulls / max(rows, 1),
            ("sku", "distinct"): round(3 * rows**0.5 * exp(chance.gauss(0, noise / 2))),
            ("amount", "sum"): rows * price * exp(chance.gauss(0, noise / 2)),
        }
        fault = chance.choice(list(FAULTS)) if chance.random() < FAULT_RATE else None
        if fault:
            numbers = FAULTS[fault](numbers)
        rows = int(numbers["", "row_count"])
        yield (
            [Profile(day.isoformat(), column, metric, value, rows) for (column, metric), value in numbers.items()],
            fault,
        )  # type: ignore[arg-type]


def find_by_mean(profiles: list[Profile], key: str) -> bool:
    """The peer: whether any number is further than three standard deviations from the mean of the window."""
    series: dict[tuple[str, str], list[float]] = {}
    for profile in profiles:
        if profile.partition_key != key:
            series.setdefault((profile.column, profile.metric), []).append(profile.value)
    for profile in profiles:
        if profile.partition_key == key:
            former = series[profile.column, profile.metric]
            width = PEER_DEVIATIONS * statistics.pstdev(former)
            if abs(profile.value - statistics.fmean(former)) > max(width, 1e-9):
                return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=60)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print_machine("headgate")
    print(
        f"{options.tables} tables of {options.days} days, seed {options.seed}, faults on {FAULT_RATE:.0%} of the days"
    )
    print(f"{DEFAULT}")
    chance = random.Random(options.seed)
    outcomes: dict[str, Counter[str]] = {"headgate": Counter(), "mean ± 3 sd": Counter()}
    by_fault: dict[str, Counter[str]] = {fault: Counter() for fault in FAULTS}
    for _ in range(options.tables):
        past: list[list[Profile]] = []
        for profiles, fault in simulate(chance, options.days):
            seen = [profile for day in [*past[-DEFAULT.window :], profiles] for profile in day]
            past.append(profiles)
            if len(past) <= DEFAULT.minimum_history:
                continue
            key = profiles[0].partition_key
            for name, is_found in (
                ("headgate", bool(find_anomalies(seen, key)[0])),
                ("mean ± 3 sd", find_by_mean(seen, key)),
            ):
                outcomes[name][f"{'hit' if is_found else 'miss'} {'fault' if fault else 'clean'}"] += 1
                if fault:
                    by_fault[fault][name if is_found else f"{name} missed"] += 1
    scores = {name: score(counts) for name, counts in outcomes.items()}
    for name, (precision, recall, f1) in scores.items():
        counts = outcomes[name]
        print(
            f"  {name:<12} precision {precision:6.1%}  recall {recall:6.1%}  F1 {f1:.3f}  "
            f"({counts['hit fault']} found, {counts['miss fault']} missed, {counts['hit clean']} false alarms "
            f"on {counts['hit clean'] + counts['miss clean']:,} clean days)"
        )
    for fault, counts in by_fault.items():
        shares = (f"{name} {counts[name] / max(counts[name] + counts[f'{name} missed'], 1):6.1%}" for name in outcomes)
        print(f"    recall of {fault:<26} {'   '.join(shares)}")
    print(f"F1 headgate / mean ± 3 sd: {scores['headgate'][2] / scores['mean ± 3 sd'][2]:.2f}")


def score(counts: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean."""
    found = counts["hit fault"]
    precision = found / max(found + counts["hit clean"], 1)
    recall = found / max(found + counts["miss fault"], 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
