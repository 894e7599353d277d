"""Measuring one piece of work in a process of its own: wall time, CPU time and peak memory of that process and
nothing else."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path


def run_in_process(script: Path, *arguments: str) -> dict[str, float]:
    """Runs `script` with arguments; returns what it printed as JSON on its last line.

    Raises:
        SystemExit: the script failed; its output is shown.
    """
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script.name} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def report_work(work: Callable[[], object], *, times: int = 1) -> None:
    """Times a piece of work and prints seconds, CPU seconds and this process's peak memory in MiB, for `run_in_process`.

    Args:
        work: what is timed.
        times: the median of so many; the first loads libraries and fills caches.
    """
    seconds, cpu_seconds = [], []
    for _ in range(times):
        started, used = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - used)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    medians = {"seconds": statistics.median(seconds), "cpu_seconds": statistics.median(cpu_seconds)}
    print(json.dumps({**medians, "peak_mib": peak_mib}))


def print_machine(*packages: str) -> None:
    """The line every benchmark begins with."""
    cores = os.cpu_count()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}, {versions}")
