"""SIGKILL in the middle of a load; the next run makes the lake exact: missing 0, doubled 0, against the ledger."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from worlds import LAKE_TABLES, Acme, Lake

from ingestion.ledger import assert_exact

RUN = Path(__file__).parent / "run_ingestion.py"
STAGES = {
    "files half staged": "consumption_datamart.ingestion.loading:_stage_delivery:20",
    "rows in, not committed": "headgate.lake.gate:record_publication:4",
    "committed, nobody told": "headgate.orchestration.assets:publish:5",
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_the_next_run_is_exact(acme: Acme, lake: Lake, stage: str) -> None:
    killed = subprocess.run(
        [sys.executable, str(RUN), *LAKE_TABLES], env={**os.environ, "KILL_AT": stage}, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert lake.run().success
    assert_exact(acme, lake)
