"""Ingestion from ACME's Strava server: an incremental run beside the full one, and memory at 50 k activities beside 5 k.

Each run is a process of its own that materialises fitness' `activities` through Dagster; seconds and peak memory are its own.
Loading dlt and the team's code takes the same time whatever there is to read: it is measured apart, and both ratios printed.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from _lake import bench_lake, open_session
from _measure import print_machine, report_work, run_in_process

TEAM = "fitness"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=50_000, help="activities of the larger world of the memory's measure"
    )
    parser.add_argument("--part", choices=[*PARTS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        report_work(PARTS[arguments.part])
        return
    print_machine("dlt", "dagster", "duckdb")
    compare_incremental(max(arguments.rows * 2 // 5, 200))
    compare_memory(max(arguments.rows // 10, 100), arguments.rows)


def compare_incremental(activities: int) -> None:
    with club(activities, athletes=10) as folder, bench_lake(TEAM):
        loading = run_in_process(Path(__file__), "--part", "load")
        full = run_in_process(Path(__file__), "--part", "run")
        before = len(list_requests(folder))
        acme(folder, "advance", "--activities", "20")
        small = run_in_process(Path(__file__), "--part", "run")
        landed = count_activities()
        asked = [request["athlete_id"] for request in list_requests(folder)[before:] if request["athlete_id"]]
        expected = json.loads(acme(folder, "ledger"))["activities"]
        if landed != expected:
            raise SystemExit(f"{landed} activities landed, {expected} exist")
        for what, run, requests in (
            (f"{activities:,} activities of 10 athletes, all of them", full, before),
            ("20 new ones", small, len(asked)),
        ):
            print(f"{what:<50}{run['seconds']:6.1f} s, CPU {run['cpu_seconds']:6.1f} s, {requests} requests")
        print(f"most pages of one athlete (promised: at most 3)   {max(asked.count(one) for one in set(asked))}")
        print(f"{'of which loading the code':<50}{loading['seconds']:6.1f} s, CPU {loading['cpu_seconds']:6.1f} s")
        wall, cpu = (small[name] / full[name] for name in ("seconds", "cpu_seconds"))
        beside = (small["cpu_seconds"] - loading["cpu_seconds"]) / (full["cpu_seconds"] - loading["cpu_seconds"])
        print(f"incremental / full (promised: below 0.33)   {wall:.2f} of the time, {cpu:.2f} of the CPU")
        print(f"the same without loading the code           {beside:.2f} of the CPU")


def compare_memory(few: int, many: int) -> None:
    peaks = []
    for activities in (few, many):
        with club(activities, athletes=4), bench_lake(TEAM):
            peaks.append(run_in_process(Path(__file__), "--part", "run")["peak_mib"])
            if (landed := count_activities()) != activities:
                raise SystemExit(f"{landed} activities landed, {activities} exist")
        print(f"peak memory at {activities:,} activities    {peaks[-1]:.0f} MiB")
    print(f"memory {many:,} / {few:,} (promised: at most 1.3)   {peaks[1] / peaks[0]:.2f}")


def load_code() -> tuple[Any, Any]:
    from fitness.ingestion import assets
    from headgate.orchestration.resources import LakeResource
    from headgate.sources.dlt import pull  # noqa: F401 - a run imports it when it begins to read

    return assets, LakeResource


def materialise() -> None:
    assets, lake = load_code()
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"lake": lake(team=TEAM), "lake_io": dg.mem_io_manager}
        dg.materialize([assets.activities], resources=resources, instance=instance)


def count_activities() -> int:
    with open_session(TEAM) as session:
        row = session.connection.execute(
            f"select count(*) from {session.qualify('fitness_private.activities')}"
        ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def club(activities: int, *, athletes: int) -> Iterator[Path]:
    """A world that is served; its credentials are in this process's environment."""
    folder = Path(tempfile.mkdtemp(prefix="bench-strava-"))
    acme(folder, "seed", "--activities", str(activities), "--athletes", str(athletes))
    acme(folder, "configure", "--limits", "100000,1000000", "--read-limits", "100000,1000000")
    server = subprocess.Popen(
        acme_command("serve", "--port", "0"), env=acme_environment(folder), stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        os.environ["STRAVA_BASE_URL"] = server.stdout.readline().strip()
        lines = (folder / "credentials.env").read_text(encoding="utf-8").splitlines()
        os.environ |= dict(line.split("=", 1) for line in lines)
        yield folder
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def acme(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        acme_command(*arguments), env=acme_environment(folder), capture_output=True, text=True, check=True
    )
    return done.stdout


def acme_command(*arguments: str) -> list[str]:
    return [str(_HOME / "envs" / "acme" / "bin" / "python"), "-m", "acme", "strava", *arguments]


def acme_environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ACME_STRAVA": str(folder / "world"),
        "ACME_STRAVA_CREDENTIALS": str(folder / "credentials.env"),
    }


def list_requests(folder: Path) -> list[dict[str, int]]:
    text = (folder / "world" / "ledger" / "requests.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


PARTS = {"run": materialise, "load": load_code}

_HOME = Path(os.environ["HEADGATE_HOME"])
"""The installation's: a lake for the benchmark takes its place in the environment."""

if __name__ == "__main__":
    main()
