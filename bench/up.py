"""`headgate up` beside `dagster dev` on the same generated teams: seconds to a usable UI, and memory of the whole at rest.

Usable: GraphQL answers with every code location loaded. Memory: the proportional set size of every process of the tree, for
both alike: each process counts its share of a page that several map, so a page counts once, whether it is a library's code
(all teams of this benchmark have theirs from one file), what a fork has not written to, or PostgreSQL's buffers. The resident
size would count them again for every process; the unique size not at all. Headgate's is with its PostgreSQL servers and the
command that watches; `dagster dev` keeps SQLite files, so it has no server to count. Starts alternate between the two, on
state that is there; the very first start of each, which makes its databases, is printed apart.

Promised with three teams: at most half of the start, at most two thirds of the memory.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
from _measure import print_machine
from _teams import Repository, Served, dagster_dev, forget, headgate_up

DEFINITIONS = '''"""Two small tables."""

import sys

import ibis
from headgate import asset, team_definitions


@asset(group_name="{team}")
def visits() -> ibis.Table:
    """One row a visit."""
    return ibis.memtable({{"visit_id": list(range(1, 101))}})


@asset(group_name="{team}", automation="eager_after_checks")
def visit_count(visits: ibis.Table) -> ibis.Table:
    """How many visits there were."""
    return visits.aggregate(visits=visits.count())


defs = team_definitions(modules=[sys.modules[__name__]])
'''

Way = Callable[[Repository], AbstractContextManager[Served]]
WAYS: dict[str, Way] = {"headgate up": headgate_up, "dagster dev": dagster_dev}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", default="1,3,6,10", help="numbers of teams")
    parser.add_argument("--repeats", type=int, default=3, help="starts of each, after the first")
    parser.add_argument("--rest", type=float, default=20, help="seconds from a usable UI to the measurement of memory")
    options = parser.parse_args()
    print_machine("headgate", "dagster")
    print("all teams share one environment on disk; each has processes of its own")
    for number in [int(text) for text in options.teams.split(",")]:
        measure(number, options.repeats, options.rest)
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def measure(number: int, repeats: int, rest_s: float) -> None:
    teams = {f"team{n:02}": DEFINITIONS.format(team=f"team{n:02}") for n in range(1, number + 1)}
    starts: dict[str, list[float]] = {name: [] for name in WAYS}
    memory: dict[str, list[float]] = {name: [] for name in WAYS}
    processes: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="hg-up-") as folder:
        os.chmod(folder, 0o755)  # under root, PostgreSQL runs as another user
        repository = Repository(Path(folder), teams)
        for attempt in range(repeats + 1):
            for name, serve in WAYS.items():
                with serve(repository) as served:
                    starts[name].append(served.wait_loaded(number))
                    if attempt == repeats:
                        time.sleep(rest_s)
                        tree = served.processes()
                        memory[name].append(sum(pss_mib(process) for process in tree))
                        processes[name] = len(tree)
        forget(repository)
    ours, peer = [statistics.median(starts[name][1:]) for name in WAYS]
    our_mib, peer_mib = (memory[name][0] for name in WAYS)
    print(f"{number} team{'s' if number > 1 else ''}:")
    for name in WAYS:
        again = ", ".join(f"{seconds:.1f}" for seconds in starts[name][1:])
        print(
            f"  {name}: first start {starts[name][0]:5.1f} s, then {again} s; "
            f"{memory[name][0]:6.0f} MiB in {processes[name]} processes"
        )
    promise = " (promised: at most 0.50 and 0.67)" if number == 3 else ""
    print(f"  ratio: start {ours / peer:.2f}, memory {our_mib / peer_mib:.2f}{promise}")


def pss_mib(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


if __name__ == "__main__":
    main()
