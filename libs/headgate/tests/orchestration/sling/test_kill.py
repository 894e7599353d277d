"""Runs that are killed: all of a load is landed or nothing, and the run after it is complete."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.testing import Catalog

READING = """
def begin(*arguments, **options):
    process = subprocess.Popen(*arguments, cwd=options["cwd"], env=options["env"], stdout=subprocess.PIPE)
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)  # in the middle of it
    die()
extract.subprocess.run = begin
"""
BEFORE_COMMIT = "landing.Landing._comment = die"
AFTER_COMMIT = "sling._Run._report = die"
CHILD = """
import os, runpy, signal, subprocess, sys
import dagster as dg
from headgate.orchestration import sling
from headgate.sources.sling import extract, landing

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{moment}
sys.path.insert(0, sys.argv[1])
from analytics_sling import defs
job = defs.resolve_implicit_global_asset_job_def()
job.execute_in_process(run_id=sys.argv[2], asset_selection=[dg.AssetKey(["analytics", "accounts"])])
"""
RUN = "5cfd8ca4-5b5e-4b4b-9d36-1a1e3b4c5d6f"


APPEND = "snapshot"
MERGE = "incremental, primary_key: id, update_key: id"


@pytest.mark.parametrize(
    ("mode", "moment", "after_the_kill", "after_the_repeat"),
    [(APPEND, READING, 2, 5), (MERGE, BEFORE_COMMIT, 2, 3), (APPEND, AFTER_COMMIT, 5, 5)],
    ids=["while-reading", "before-the-commit", "after-the-commit"],
)
def test_a_killed_run_lands_all_or_nothing(
    team, source, rows_of, catalog: Catalog, tmp_path: Path, mode, moment, after_the_kill, after_the_repeat
) -> None:
    source.run("create table accounts (id int)", "insert into accounts values (1), (2)")
    team.load(f"source: SHOP_DB\nstreams:\n  public.accounts: {{mode: {mode}}}\n")
    team.run("accounts")
    source.run("insert into accounts values (3)")
    environment = {**os.environ, **catalog.environment("analytics", tmp_path), "SHOP_DB": source.url}
    command = [sys.executable, "-c", CHILD.format(moment=moment), str(team.folder), RUN]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert rows_of("select count(*) from accounts") == [(after_the_kill,)]
    team.run("accounts", tags={"dagster/root_run_id": RUN, "dagster/parent_run_id": RUN})
    assert rows_of("select count(*), count(distinct id) from accounts") == [(after_the_repeat, 3)]
    assert list((tmp_path / "run" / "sling").iterdir()) == []
