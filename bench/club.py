"""The cycling club from its API to the dashboard: each stage of `headgate build --team fitness` on an empty installation.

In a state folder of its own, thrown away afterwards; the environments are those of this installation. A stage is a step of
the run, and the ledger of ACME's server tells when the last answer of the API came: what a step did until then is the API's,
what it did afterwards is ours. Promised at 20 k activities of 10 athletes: everything after the API under 60 s on two cores.

Beside the seconds of each stage stand the CPU seconds that all processes of the installation used meanwhile: on a machine
with other work to do the former grow, the latter hardly.
"""

import argparse
import bisect
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from _measure import print_machine

ROOT = Path(__file__).parents[1]
UNLIMITED = "1000000,10000000"
"""Requests a quarter of an hour, and a day: waiting for a limit is no work."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="activities")
    parser.add_argument("--athletes", type=int, default=10)
    options = parser.parse_args()
    print_machine("dlt", "dbt-core", "dagster", "duckdb", "scikit-learn")
    present = Path(os.environ["HEADGATE_HOME"]) / "envs"
    with tempfile.TemporaryDirectory(prefix="bench-club-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        (home / "envs").symlink_to(present)
        run(home, "acme", "strava", "seed", "--activities", str(options.rows), "--athletes", str(options.athletes))
        run(home, "acme", "strava", "configure", "--limits", UNLIMITED, "--read-limits", UNLIMITED)
        with CpuMeter(home) as cpu:
            run(home, "build", "--team", "fitness", "--report", str(home / "report.json"))
        report = json.loads((home / "report.json").read_text(encoding="utf-8"))
        lines = (home / "acme" / "strava" / "ledger" / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    print(f"{options.rows:,} activities of {options.athletes} athletes")
    print_stages(report, [json.loads(line) for line in lines], cpu)
    print(f"the whole command {report['seconds']:.1f} s, CPU of its processes {cpu.samples[-1][1]:.1f} s")
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


class CpuMeter:
    """CPU seconds of all processes of an installation, followed while they run. They are known by HEADGATE_HOME."""

    def __init__(self, home: Path) -> None:
        self.samples: list[tuple[float, float]] = []
        """Time since 1970 → CPU seconds until then."""
        self._mark = f"HEADGATE_HOME={home}".encode()
        self._known: dict[str, float] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "CpuMeter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def used_until(self, moment: float) -> float:
        place = bisect.bisect_right(self.samples, (moment, float("inf")))
        return self.samples[place - 1][1] if place else 0.0

    def _follow(self) -> None:
        while not self._is_over.wait(0.25):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if self._mark in (process / "environ").read_bytes().split(b"\0"):
                        # After the name in brackets; fields 14 and 15 of proc(5), user and system, in ticks.
                        fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                        self._known[process.name] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
                except (OSError, ValueError):
                    continue  # it has ended
            self.samples.append((time.time(), sum(self._known.values())))


def print_stages(report: dict[str, Any], requests: list[dict[str, Any]], cpu: CpuMeter) -> None:
    """One line a step of the run, two where it asked the API."""
    steps: dict[float, list[dict[str, Any]]] = {}
    for asset in report["assets"]:
        steps.setdefault(asset["started_at"], []).append(asset)
    began, ours = min(steps), [0.0, 0.0]

    def print_stage(name: str, start: float, end: float, *, is_ours: bool = True) -> None:
        seconds, used = end - start, cpu.used_until(end) - cpu.used_until(start)
        if is_ours:
            ours[0], ours[1] = ours[0] + seconds, ours[1] + used
        print(f"  {name:<60} {seconds:6.1f} s, CPU {used:5.1f} s")

    print_stage("start: databases, definitions", began - report["ready_after_seconds"], began, is_ours=False)
    end = began
    for start, assets in sorted(steps.items()):
        if start - end > 1:
            print_stage("between: starting a run", end, start)
        first, *others = (asset["name"].removeprefix("fitness.") for asset in assets)
        name = f"{first} and {len(others)} more" if others else first
        end = max(asset["built_at"] for asset in assets)
        answers = [request["at"] for request in requests if start <= request["at"] <= end]
        if answers:
            last_answer = max(answers)
            print_stage(f"API: {name}, {len(answers)} requests", start, last_answer, is_ours=False)
            start, name = last_answer, f"landing: {name}"
        print_stage(name, start, end)
    print(f"  {'everything after the API':<60} {ours[0]:6.1f} s, CPU {ours[1]:5.1f} s")
    print("promised at 20,000 activities of 10 athletes, on two cores: under 60 s")


def run(home: Path, *arguments: str) -> None:
    """Raises: SystemExit: the command failed; its output is shown."""
    environment = {**os.environ, "HEADGATE_HOME": str(home)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(ROOT / "headgate"), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
