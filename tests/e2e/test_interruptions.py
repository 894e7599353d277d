"""A build that is stopped or killed half-way: nothing half-published, nothing left running, the next build right."""

import os
import signal
import subprocess

import pytest

from .installation import Installation, end_group
from .lake import TableState, open_lake
from .world import assert_exact


def start_and_wait(installation: Installation, *, until: str) -> "subprocess.Popen[str]":
    """A build under way: some tables are published, others are not."""
    process = installation.start("build", "--full-refresh")
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if until in line:
                return process
            if "✗" in line:
                pytest.fail(line + process.stdout.read())
        pytest.fail(f"the build ended before {until}")
    except BaseException:
        end_group(process)
        raise


def published_states(installation: Installation) -> dict[str, TableState]:
    with open_lake(installation) as lake:
        return lake.states("analytics")


def assert_whole_tables(
    before: dict[str, TableState], now: dict[str, TableState], after: dict[str, TableState]
) -> None:
    """Every table is wholly what it was or wholly what it becomes."""
    assert before.keys() == now.keys() == after.keys()
    for table, state in now.items():
        assert state.digest in (before[table].digest, after[table].digest), f"{table} is neither old nor new"


@pytest.mark.parametrize("stop", ["Ctrl-C", "SIGTERM", "SIGKILL"])
def test_build_is_stopped_half_way(workshop: Installation, stop: str) -> None:
    workshop.acme("advance", "--days", "1")
    before = published_states(workshop)
    process = start_and_wait(workshop, until="✓ analytics.customer_data")
    if stop == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    else:
        process.send_signal(signal.SIGTERM if stop == "SIGTERM" else signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err, out + err
    if stop == "SIGKILL":
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == (130 if stop == "Ctrl-C" else 143), out + err
        assert workshop.wait_for_end(5) == []

    now = published_states(workshop)
    next_build = workshop.build()
    assert next_build.code == 0, next_build.text
    assert workshop.left_processes() == [], "the next build ends what the killed one left"
    assert_whole_tables(before, now, published_states(workshop))
    with open_lake(workshop) as lake:
        assert_exact(lake, workshop.home)
