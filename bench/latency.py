"""Upstream update to downstream start across two code locations: what `headgate up` comes with, beside Dagster's defaults.

An asset of one team is reported as updated; an asset of another team that reads it is to follow by its automation condition.
Counted are the seconds until Dagster's event log says that the downstream's step began. Each update is given when the one
before has been followed to its end, after a pause of random length, so that no tick of a sensor is favoured. Headgate runs as
`headgate up` sets it up, with the library's `eager` automation; beside it plain `dagster dev` with Dagster's own condition and
its default automation sensor, switched on.

Promised: a median under 10 s on two idle cores.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from _measure import print_machine
from _teams import Repository, Served, dagster_dev, headgate_up

UPSTREAM = '''"""An asset that others follow."""

import dagster as dg


@dg.asset(key_prefix="upstream")
def numbers() -> None: ...


defs = dg.Definitions(assets=[numbers], executor=dg.in_process_executor)
'''

OURS = '''"""An asset that follows another team's, with everything that the library sets."""

import dagster as dg

from headgate.orchestration.automation import automation
from headgate.orchestration.sensors import automation_sensor


@dg.asset(key_prefix="downstream", deps=[dg.AssetKey(["upstream", "numbers"])], automation_condition=automation("eager"))
def follower() -> None: ...


defs = dg.Definitions(assets=[follower], sensors=[automation_sensor()], executor=dg.in_process_executor)
'''

PEERS = '''"""An asset that follows another location's, with Dagster's own condition and sensor."""

import dagster as dg


@dg.asset(
    key_prefix="downstream",
    deps=[dg.AssetKey(["upstream", "numbers"])],
    automation_condition=dg.AutomationCondition.eager(),
)
def follower() -> None: ...


defs = dg.Definitions(assets=[follower], executor=dg.in_process_executor)
'''

REPORT = """
mutation {reportRunlessAssetEvents(eventParams: {
  eventType: ASSET_MATERIALIZATION, assetKey: {path: ["upstream", "numbers"]}
}) {__typename}}
"""
RUNS = "{runsOrError(limit: 100) {... on Runs {results {runId status startTime stepStats {stepKey startTime}}}}}"
SWITCH_ON = """
mutation {startSensor(sensorSelector: {
  repositoryLocationName: "downstream", repositoryName: "__repository__", sensorName: "default_automation_condition_sensor"
}) {__typename}}
"""
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_GIVE_UP_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=20, help="with headgate up")
    parser.add_argument("--peer-updates", type=int, default=10, help="with dagster dev, 40 s each; 0: none")
    options = parser.parse_args()
    print_machine("headgate", "dagster")
    ours = measure("headgate up", options.updates)
    if options.peer_updates:
        peer = measure("dagster dev", options.peer_updates)
        print(f"ratio of the medians: {statistics.median(ours) / statistics.median(peer):.2f}")
    print(f"promised: a median under 10 s; measured: {statistics.median(ours):.1f} s")
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def measure(name: str, updates: int) -> list[float]:
    is_ours = name == "headgate up"
    with tempfile.TemporaryDirectory(prefix="hg-lat-") as folder:
        os.chmod(folder, 0o755)  # under root, PostgreSQL runs as another user
        teams = {"upstream": UPSTREAM, "downstream": OURS if is_ours else PEERS}
        repository = Repository(Path(folder), teams)
        with headgate_up(repository) if is_ours else dagster_dev(repository) as served:
            served.wait_loaded(2)
            if not is_ours:
                served.query(SWITCH_ON)
            warm_up(served)
            chance = random.Random(1)
            seconds: list[float] = []
            for _ in range(updates):
                time.sleep(chance.uniform(1, 6))
                reported_at = report(served)
                if run := wait_for_run(served, len(seconds) + 2):
                    [step] = run["stepStats"]
                    seconds.append(step["startTime"] - reported_at)
    lost = updates - len(seconds)
    if not seconds or (is_ours and lost):
        raise SystemExit(f"{name}: no run followed {lost} of {updates} updates within {_GIVE_UP_S:.0f} s")
    print_distribution(name, seconds, lost)
    return seconds


def warm_up(served: Served) -> None:
    """Wait for the daemon: an update before its first look at the condition may be followed by nothing."""
    for _ in range(3):
        report(served)
        if wait_for_run(served, 1):
            return
    raise SystemExit("no update is followed by anything")


def print_distribution(name: str, seconds: list[float], lost: int) -> None:
    ordered = sorted(seconds)
    deciles = statistics.quantiles(ordered, n=10) if len(ordered) > 1 else ordered * 9
    print(
        f"{name}: {len(seconds)} updates, seconds to the downstream's start: median {statistics.median(seconds):.1f}, "
        f"p90 {deciles[8]:.1f}, least {ordered[0]:.1f}, most {ordered[-1]:.1f}"
    )
    print(f"  all of them: {' '.join(f'{one:.1f}' for one in ordered)}", flush=True)
    if lost:
        print(f"  and {lost} that no run followed within {_GIVE_UP_S:.0f} s")


def report(served: Served) -> float:
    """Report an update, and return when (seconds since the epoch)."""
    now = time.time()
    answer = served.query(REPORT)["reportRunlessAssetEvents"]["__typename"]
    if answer != "ReportRunlessAssetEventsSuccess":
        raise SystemExit(f"the update was not taken: {answer}")
    return now


def wait_for_run(served: Served, number: int) -> dict[str, Any] | None:
    """Wait until so many runs have ended, and return the newest; None when it does not come.

    Raises:
        SystemExit: there are more, or one failed.
    """
    deadline = time.monotonic() + _GIVE_UP_S
    while time.monotonic() < deadline:
        runs: list[dict[str, Any]] = served.query(RUNS)["runsOrError"]["results"]
        if len(runs) > number or any(run["status"] in ("FAILURE", "CANCELED") for run in runs):
            raise SystemExit(f"{number} runs were to succeed, there are {[run['status'] for run in runs]}")
        if len(runs) == number and all(run["status"] in _ENDED for run in runs):
            return max(runs, key=lambda run: run["startTime"])
        time.sleep(0.2)
    return None


if __name__ == "__main__":
    main()
