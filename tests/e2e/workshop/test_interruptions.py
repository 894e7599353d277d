"""A build that is stopped or killed half-way: nothing half-published, nothing left running, the next build right."""

import os
import signal
import subprocess

import pytest

from ..installation import Installation, end_group
from ..lake import TableState, open_lake
from ..world import assert_exact


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


def assert_whole_tables(now: dict[str, TableState], *versions: dict[str, TableState]) -> None:
    """Every table is wholly one of its versions."""
    for table, state in now.items():
        assert state.digest in [version[table].digest for version in versions], f"{table} is neither old nor new"


def test_build_that_is_stopped_or_killed_half_way(workshop: Installation) -> None:
    workshop.acme("advance", "--days", "1")
    before = published_states(workshop)
    in_between = []
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process = start_and_wait(workshop, until="✓ analytics.customer_data")
        if stop == signal.SIGINT:
            os.killpg(process.pid, stop)  # a terminal sends it to the whole group
        else:
            process.send_signal(stop)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in out + err, out + err
        if stop == signal.SIGKILL:
            assert process.returncode == -stop
            assert workshop.left_processes() != [], "nobody could clean up"
        else:
            assert process.returncode == 128 + stop, out + err
            assert workshop.wait_for_end(10) == []
            in_between.append(published_states(workshop))

    next_build = workshop.build()
    assert next_build.code == 0, next_build.text
    assert workshop.left_processes() == [], "the next build ends what the killed one left"
    after = published_states(workshop)
    for states in in_between:
        assert states.keys() == after.keys()
        assert_whole_tables(states, before, after)
    with open_lake(workshop) as lake:
        assert_exact(lake, workshop.home)
